"""Ten full-batch updates of finetune against those of TRL's DPOTrainer, on small models with random weights.

    python3 -m venv V && V/bin/pip install torch transformers trl h5py
    V/bin/python tests/oracle/check_trl.py build/prefdyn

For developers; needs no download. TRL computes in double precision here: in single precision it is as far from
itself as the program is, in a mean logit near 0 two parts in ten thousand. Compared is all that it logs for each
update; exit code 1 if a number differs by more than 1e-4 of itself, or of 0.01 where it is smaller. (Gemma 2 is
compared in single precision: in double its padded batches are NaN, see findings/float64_window_padding.sh.)
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
import torch
from datasets import Dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.utils import logging
from trl import DPOConfig, DPOTrainer

from check_transformers import CASES, build

MODELS = ("llama", "gpt_neox", "qwen3", "gemma2", "gpt2")
OPTIONS = {
    "sigmoid": (dict(), []),
    "sigmoid + 0.1 sft": (dict(loss_type=["sigmoid", "sft"], loss_weights=[1.0, 0.1]), ["--loss", "sigmoid + 0.1 sft"]),
    "sft": (dict(loss_type=["sft"]), ["--loss", "sft"]),
    "aot": (dict(loss_type=["aot"], label_smoothing=0.1), ["--loss", "aot", "--label-smoothing", "0.1", "--tokens", "200"]),
    "aot_unpaired": (dict(loss_type=["aot_unpaired"]), ["--loss", "aot_unpaired", "--tokens", "200"]),
    "0.5 ipo + 2 apo_zero": (dict(loss_type=["ipo", "apo_zero"], loss_weights=[0.5, 2.0]),
                             ["--loss", "0.5 ipo + 2 apo_zero"]),
    "ld_alpha": (dict(ld_alpha=0.3), ["--ld-alpha", "0.3"]),
    "ld_alpha, sft": (dict(ld_alpha=0.3, loss_type=["sigmoid", "sft"], loss_weights=[1.0, 0.5]),
                      ["--ld-alpha", "0.3", "--loss", "sigmoid + 0.5 sft"]),
    "forward_kl": (dict(f_divergence_type="forward_kl"), ["--f-divergence-type", "forward_kl"]),
    "js_divergence, ipo + 0.1 sft": (
        dict(f_divergence_type="js_divergence", loss_type=["ipo", "sft"], loss_weights=[1.0, 0.1]),
        ["--f-divergence-type", "js_divergence", "--loss", "ipo + 0.1 sft"]),
    "js_divergence, robust": (
        dict(f_divergence_type="js_divergence", loss_type=["robust"], label_smoothing=0.1),
        ["--f-divergence-type", "js_divergence", "--loss", "robust", "--label-smoothing", "0.1"]),
    "alpha_divergence": (dict(f_divergence_type="alpha_divergence"), ["--f-divergence-type", "alpha_divergence"]),
    "alpha_divergence 1.4, sigmoid_norm": (
        dict(f_divergence_type="alpha_divergence", f_alpha_divergence_coef=1.4, loss_type=["sigmoid_norm"]),
        ["--f-divergence-type", "alpha_divergence", "--f-alpha-divergence-coef", "1.4", "--loss", "sigmoid_norm"]),
    "alpha_divergence 0.8, discopop": (
        dict(f_divergence_type="alpha_divergence", f_alpha_divergence_coef=0.8, loss_type=["discopop"]),
        ["--f-divergence-type", "alpha_divergence", "--f-alpha-divergence-coef", "0.8", "--loss", "discopop"]),
    "max_length": (dict(max_length=20), ["--max-length", "20"]),
    "weight decay": (dict(weight_decay=0.5), ["--weight-decay", "0.5"]),
}
COLUMNS = {"loss": "loss", "rewards/chosen": "rewards_chosen", "rewards/rejected": "rewards_rejected",
           "rewards/margins": "rewards_margins", "rewards/accuracies": "rewards_accuracies",
           "logps/chosen": "logps_chosen", "logps/rejected": "logps_rejected", "logits/chosen": "logits_chosen",
           "logits/rejected": "logits_rejected", "entropy": "entropy", "mean_token_accuracy": "mean_token_accuracy",
           "grad_norm": "grad_norm", "learning_rate": "learning_rate", "num_tokens": "num_tokens"}
RATE, STEPS = 0.003, 10


def write_tokenizer(folder):
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tok = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)} | {"</s>": 256}, merges=[]))
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tok.decoder = decoders.ByteLevel()
    out = PreTrainedTokenizerFast(tokenizer_object=tok, eos_token="</s>", pad_token="</s>")
    out.save_pretrained(folder)
    return out


def data(path):
    rng = np.random.default_rng(3)
    words = lambda n: "".join(rng.choice(list("abcdefgh "), n))
    rows = [dict(prompt="p" + words(rng.integers(0, 24)), chosen="c" + words(rng.integers(0, 12)),
                 rejected="r" + words(rng.integers(0, 12))) for _ in range(12)]
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return rows


def theirs(folder, rows, tok, work, options, dtype):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager")
    config = DPOConfig(output_dir=f"{work}/trl", per_device_train_batch_size=len(rows), max_steps=STEPS,
                       learning_rate=RATE, lr_scheduler_type="constant", beta=0.3, max_grad_norm=1.0, logging_steps=1,
                       report_to=[], disable_tqdm=True, save_strategy="no", use_cpu=True, bf16=False, gradient_checkpointing=False,
                       **{**dict(weight_decay=0.0, max_length=None), **options})
    trainer = DPOTrainer(model=model, args=config, train_dataset=Dataset.from_list(rows), processing_class=tok)
    trainer.train()
    return [entry for entry in trainer.state.log_history if "loss" in entry]


def ours(program, folder, path, work, options):
    command = [program, "finetune", "--model", folder, "--data", path, "--out", f"{work}/ours", "--beta", "0.3", "--eos",
               "--held-out", "0", "--batch", "1000", "--lr", str(RATE), "--steps", str(STEPS), "--records", "2",
               "--no-bos", *options]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(run.stderr)
    with h5py.File(f"{work}/ours/run.h5") as file:
        return {theirs: file[f"update_{name}"][0] for theirs, name in COLUMNS.items()}


def check(model, name, program):
    with tempfile.TemporaryDirectory() as work:
        folder, path = f"{work}/model", f"{work}/pairs.jsonl"
        build(CASES[model], 1).save_pretrained(folder)
        tok, rows = write_tokenizer(folder), data(path)
        log = theirs(folder, rows, tok, work, OPTIONS[name][0], torch.float32 if model == "gemma2" else torch.float64)
        got = ours(program, folder, path, work, OPTIONS[name][1])
    worst, where = 0.0, ""
    for key, values in got.items():
        for k, entry in enumerate(log):
            error = abs(values[k] - float(entry[key])) / max(abs(float(entry[key])), 0.01)
            error = error if error == error else float("inf")
            if error > worst:
                worst, where = error, f"{key} of update {k + 1}: {values[k]} against {entry[key]}"
    ok = len(log) == STEPS and worst <= 1e-4
    print(f"{'ok  ' if ok else 'FAIL'} {model}, {name}: {worst:.1e} {where}", flush=True)
    return ok


def main():
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    chosen = sys.argv[2:]
    good = True
    for model in MODELS:
        for name in OPTIONS if model == "llama" else ("sigmoid", "sigmoid + 0.1 sft"):
            if not chosen or any(f"{model}, {name}".startswith(each) for each in chosen):
                good = check(model, name, sys.argv[1]) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
