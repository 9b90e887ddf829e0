"""Fine-tuning against torch's autograd and optimisers, on small models with random weights.

    python3 -m venv V && V/bin/pip install torch transformers peft safetensors h5py
    V/bin/python tests/oracle/check_finetune.py build/prefdyn [BEGIN OF A CASE'S NAME...]

For developers; needs no download. Every tensor's gradient (1e-4, from one large SGD step), ten losses
of AdamW, and the saved models and adapters as transformers and PEFT open them. Exit code 1 if one
differs by more.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
import torch
from peft import PeftModel
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from transformers.utils import logging

from check_transformers import CASES, build, load

BETA = 0.3
WITHOUT = ("smollm3, every bias",)  # where nothing rotates, the gradient of k's bias is zero: only rounding is left


def write_tokenizer(folder):
    """Every byte a token, then one token to make 257."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {c: i for i, c in enumerate(alphabet)} | {"<s>": 256}
    tok = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tok.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tok).save_pretrained(folder)
    return tok


def write_data(path, count, one_token):
    rng = np.random.default_rng(3)
    words = lambda n: "".join(rng.choice(list("abcdefgh "), n))
    rows = []
    for _ in range(count):
        prompt = "p" + words(rng.integers(0, 30))
        answers = ("Y", "N") if one_token else ("c" + words(rng.integers(0, 12)), "r" + words(rng.integers(0, 12)))
        rows.append(dict(prompt=prompt, chosen=answers[0], rejected=answers[1]))
    Path(path).write_text("".join(json.dumps(r) + "\n" for r in rows))
    return rows


def logps(model, tok, rows, side):
    out = []
    for row in rows:
        start = len(tok.encode(row["prompt"]).ids)
        ids = torch.tensor([tok.encode(row["prompt"] + row[side]).ids])
        logits = model(ids).logits[0, :-1].log_softmax(-1)
        out.append(logits.gather(-1, ids[0, 1:, None])[start - 1:, 0].sum())
    return torch.stack(out)


def dpo(model, tok, rows, reference):
    margin = BETA * ((logps(model, tok, rows, "chosen") - reference[0])
                     - (logps(model, tok, rows, "rejected") - reference[1]))
    return -torch.nn.functional.logsigmoid(margin).mean()


def ours(program, folder, data, out, *more):
    command = [program, "finetune", "--model", folder, "--data", data, "--out", out, "--beta", str(BETA), "--held-out",
               "0", "--batch", "1000", "--max-grad-norm", "0", "--records", "2", "--tokens", "100", *more]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(run.stderr)
    with h5py.File(Path(out) / "run.h5") as f:
        return f["update_loss"][0]


def relative(a, b):
    return float((a.detach().double() - b.detach().double()).norm() / b.detach().double().norm())


def reference_of(model, tok, rows):
    with torch.no_grad():
        return [logps(model, tok, rows, side) for side in ("chosen", "rejected")]


def gradients(program, folder, work, data, tok, rows):
    """Of every tensor, as the change a step of size 1000 made. What is saved is the text part alone."""
    base, eta = dict(load(folder).named_parameters()), 1e3
    ours(program, folder, data, f"{work}/sgd", "--optimizer", "sgd", "--lr", str(eta), "--steps", "1")
    trained = dict(load(f"{work}/sgd").named_parameters())
    double = load(folder).double()
    dpo(double, tok, rows, reference_of(double, tok, rows)).backward()
    gradient = {name: p.grad for name, p in double.named_parameters()}
    whole = lambda name: name if name in base else name.replace("model.", "model.language_model.", 1)
    assert all(any(name == whole(own) for own in trained) for name in base if "vision" not in name
               and "multi_modal" not in name)
    return max(relative((base[whole(name)] - p) / eta, gradient[whole(name)]) for name, p in trained.items())


def losses(program, folder, work, data, tok, rows, model, name, *more):
    """Ten updates of AdamW; returns the worst relative difference of a loss and the trained model."""
    got = ours(program, folder, data, f"{work}/{name}", "--lr", "0.003", "--steps", "10", *more)
    reference = reference_of(model, tok, rows)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.003, weight_decay=0.0)
    worst = 0.0
    for k in range(10):
        optimiser.zero_grad()
        loss = dpo(model, tok, rows, reference)
        loss.backward()
        optimiser.step()
        worst = max(worst, abs(got[k] - loss.item()) / loss.item())
    return worst, got


def adapters(program, folder, work, data, tok, rows):
    """PEFT goes on from the adapter that a vanishing step leaves, B nearly zero."""
    lora = ("--method", "lora", "--rank", "4", "--targets", "q,k,v,o,up,down" if ungated(folder) else
            "q,k,v,o,gate,up,down")
    ours(program, folder, data, f"{work}/first", *lora, "--optimizer", "sgd", "--lr", "1e-30", "--steps", "1")
    model = PeftModel.from_pretrained(load(folder), f"{work}/first", is_trainable=True)
    worst, _ = losses(program, folder, work, data, tok, rows, model, "lora", *lora)
    opened = PeftModel.from_pretrained(load(folder), f"{work}/lora")
    with torch.no_grad():
        return worst, relative(logps(opened, tok, rows, "chosen"), logps(model, tok, rows, "chosen"))


def ungated(folder):
    return json.loads(Path(folder, "config.json").read_text())["model_type"] in ("gpt2", "gpt_neox")


def check(name, config, program):
    with tempfile.TemporaryDirectory() as work:
        folder, data = f"{work}/model", f"{work}/pairs.jsonl"
        build(config, 1).save_pretrained(folder)
        tok = write_tokenizer(folder)
        rows = write_data(data, 12, one_token=name.endswith("tied"))
        worst_gradient = gradients(program, folder, work, data, tok, rows)
        model = load(folder)
        worst_loss, got = losses(program, folder, work, data, tok, rows, model, "adamw")
        with torch.no_grad():
            saved = relative(logps(load(f"{work}/adamw"), tok, rows, "chosen"), logps(model, tok, rows, "chosen"))
        lora_loss, lora_saved = adapters(program, folder, work, data, tok, rows)
    ok = worst_gradient <= 1e-4 and max(worst_loss, lora_loss) <= 1e-4 and max(saved, lora_saved) <= 1e-3
    print(f"{'ok  ' if ok else 'FAIL'} {name}: gradient {worst_gradient:.1e}, loss {got[0]:.4f} -> {got[-1]:.4f} "
          f"{worst_loss:.1e}, saved {saved:.1e}; adapters: loss {lora_loss:.1e}, saved {lora_saved:.1e}", flush=True)
    return ok


def main():
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    chosen = [name for name in CASES
              if name not in WITHOUT and (not sys.argv[2:] or any(map(name.startswith, sys.argv[2:])))]
    results = [check(name, CASES[name], sys.argv[1]) for name in chosen]
    print(f"{sum(results)} of {len(results)} ok")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
