"""Adapters of PEFT, added to their base model by prefdyn and by PEFT itself, on small models.

    python3 -m venv V && V/bin/pip install torch transformers peft
    cmake --build build --target embed_ids
    V/bin/python tests/oracle/check_adapters.py build/tests/embed_ids [BEGIN OF A MODEL'S NAME...]

For developers; needs no download of a model. Exit code 1 if the logits of a prompt differ by 1e-5 or more, or by more
than twice what PEFT's own in single precision do.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaConfig
from transformers.utils import logging

from check_transformers import CASES as MODELS
from check_transformers import SMALL, build, load

QV = dict(target_modules=["q_proj", "v_proj"])
Q = dict(target_modules=["q_proj"])
CASES = {
    "plain": QV,
    "all-linear": dict(target_modules="all-linear"),
    "regular expression": dict(target_modules=r".*\.[02]\.self_attn\.(q|o)_proj"),
    "layers": dict(target_modules=["q_proj", "down_proj"], layers_to_transform=[1]),
    "layers by pattern": dict(target_modules=["q_proj", "down_proj"], layers_to_transform=2, layers_pattern="layers"),
    "exclude": dict(target_modules="all-linear", exclude_modules=["k_proj", "model.layers.0.mlp.up_proj"]),
    "patterns": dict(target_modules=["q_proj", "k_proj", "gate_proj"],
                     rank_pattern={"k_proj": 2, "layers.1.self_attn.q_proj": 7}, alpha_pattern={"gate_proj": 3}),
    "rslora": dict(QV, use_rslora=True),
    "dora": dict(target_modules=["q_proj", "v_proj", "down_proj"], use_dora=True),
    "bias all": dict(QV, bias="all"),
    "bias lora_only": dict(QV, bias="lora_only"),
    "save head": dict(Q, modules_to_save=["lm_head"]),
    "save head and embedding": dict(Q, modules_to_save=["lm_head", "embed_tokens"]),
    "save norm": dict(Q, modules_to_save=["input_layernorm"]),
    "target head": dict(target_modules=["q_proj", "lm_head"]),
    "target embedding": dict(target_modules=["q_proj", "embed_tokens"]),
    "gaussian": dict(Q, init_lora_weights="gaussian"),
    "orthogonal": dict(Q, init_lora_weights="orthogonal"),
    "mica": dict(Q, init_lora_weights="mica"),
}


def noise(parameters, scale):
    with torch.no_grad():
        for p in parameters:
            p.add_(scale * torch.randn_like(p))


def cases(model):
    """For an architecture: query, output and feed-forward projection, a norm, head and embedding adapted or saved."""
    q, o, up, norm, table = "q_proj", "o_proj", "up_proj", "post_attention_layernorm", "embed_tokens"
    if model.startswith("gpt_neox"):
        q, o, up, table = "query_key_value", "dense", "dense_h_to_4h", "embed_in"
    if model.startswith("gpt2"):
        q, o, up, norm, table = "c_attn", "attn.c_proj", "c_fc", "ln_1", "wte"
    if model.startswith("phi3"):
        q, up = "qkv_proj", "gate_up_proj"
    return {
        "all-linear": dict(target_modules="all-linear"),
        "save head": dict(target_modules=[q], modules_to_save=["lm_head"]),
        "save embedding": dict(target_modules=[q], modules_to_save=[table]),
        "save both": dict(target_modules=[q, up], modules_to_save=["lm_head", table]),
        "target both": dict(target_modules=[q, "lm_head", table]),
        "save norm": dict(target_modules=[o], modules_to_save=[norm]),
        "bias all": dict(target_modules=[q, o], bias="all"),
        "dora, some layers": dict(target_modules=[q, up], use_dora=True, layers_to_transform=[0, 2]),
    }


def make(folder, config, options):
    """Saves a base model and a trained adapter of it; returns PEFT's model of both."""
    base, adapter = str(Path(folder) / "base"), Path(folder) / "adapter"
    build(config, 1).save_pretrained(base)
    peft = get_peft_model(load(base), LoraConfig(**{**dict(r=4, lora_alpha=16, task_type="CAUSAL_LM"), **options}))
    noise([p for p in peft.parameters() if p.requires_grad], 0.2)
    peft.save_pretrained(adapter)
    config = json.loads((adapter / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = base
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    return PeftModel.from_pretrained(load(base), adapter).eval()


def ours(program, folder, prompts):
    text = "".join(" ".join(map(str, ids)) + "\n" for ids in prompts)
    out = subprocess.run([program, str(Path(folder) / "adapter"), "logits"], input=text.encode(), capture_output=True)
    if out.returncode != 0:
        raise SystemExit(out.stderr.decode())
    return np.frombuffer(out.stdout, dtype=np.float32).reshape(len(prompts), -1)


def logits(model, prompts):
    return np.array([model(torch.tensor([ids])).logits[0, -1].double().numpy() for ids in prompts])


def apart(got, want):
    return float((np.linalg.norm(got - want, axis=1) / np.linalg.norm(want, axis=1)).max())


def check(program, name, config, options):
    rng = np.random.default_rng(1)
    prompts = [rng.integers(0, config.get_text_config().vocab_size, n).tolist() for n in (1, 5, 30)]
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        model = make(folder, config, options)
        single, want = logits(model, prompts), logits(model.double(), prompts)
        error, own = apart(ours(program, folder, prompts), want), apart(single, want)
    good = error < max(1e-5, 2 * own)
    print(f"{'ok ' if good else 'BAD'} {name:46} largest error {error:.1e}, PEFT in single precision {own:.1e}", flush=True)
    return good


def main():
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    program, *wanted = sys.argv[1:]
    every = [(f"llama, tied {tied}, biases {bias}: {name}",
              LlamaConfig(**SMALL, tie_word_embeddings=tied, attention_bias=bias, mlp_bias=bias), options)
             for tied in (False, True) for bias in (False, True) for name, options in CASES.items()]
    every += [(f"{model}: {name}", config, options) for model, config in MODELS.items() if not model.startswith("llama")
              for name, options in cases(model).items()]
    chosen = [each for each in every if not wanted or any(map(each[0].startswith, wanted))]
    return 0 if all([check(program, *each) for each in chosen]) else 1


if __name__ == "__main__":
    sys.exit(main())
