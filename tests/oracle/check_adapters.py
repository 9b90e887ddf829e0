"""Adapters of PEFT, added to their base model by prefdyn and by PEFT itself, on a small Llama.

    python3 -m venv V && V/bin/pip install torch transformers peft
    cmake --build build --target embed_ids
    V/bin/python tests/oracle/check_adapters.py build/tests/embed_ids

For developers; needs no download of a model. Exit code 1 if a final hidden state differs by 1e-5 or more.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig
from transformers.utils import logging

SMALL = dict(hidden_size=64, intermediate_size=172, num_hidden_layers=3, num_attention_heads=8,
             num_key_value_heads=2, vocab_size=257, max_position_embeddings=512)
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


def make(folder, options, tied, bias):
    """Saves a base model and a trained adapter of it; returns PEFT's model of both."""
    torch.manual_seed(0)
    base, adapter = str(Path(folder) / "base"), Path(folder) / "adapter"
    model = AutoModelForCausalLM.from_config(
        LlamaConfig(**SMALL, tie_word_embeddings=tied, attention_bias=bias, mlp_bias=bias))
    noise([p for p in model.parameters() if p.dim() == 1], 0.1)
    model.save_pretrained(base)
    peft = get_peft_model(AutoModelForCausalLM.from_pretrained(base),
                          LoraConfig(**{**dict(r=4, lora_alpha=16, task_type="CAUSAL_LM"), **options}))
    noise([p for p in peft.parameters() if p.requires_grad], 0.2)
    peft.save_pretrained(adapter)
    config = json.loads((adapter / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = base
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    return PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter).eval().double()


def ours(program, folder, prompts):
    text = "".join(" ".join(map(str, ids)) + "\n" for ids in prompts)
    out = subprocess.run([program, str(Path(folder) / "adapter"), "1"], input=text.encode(), capture_output=True)
    if out.returncode != 0:
        raise SystemExit(out.stderr.decode())
    return np.frombuffer(out.stdout, dtype=np.float32).reshape(len(prompts), -1)


def check(program, name, options, tied, bias):
    rng = np.random.default_rng(1)
    prompts = [rng.integers(0, SMALL["vocab_size"], n).tolist() for n in (1, 5, 30)]
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        model = make(folder, options, tied, bias).get_base_model().model
        want = np.array([model(torch.tensor([ids])).last_hidden_state[0, -1].numpy() for ids in prompts])
        got = ours(program, folder, prompts)
    error = (np.linalg.norm(got - want, axis=1) / np.linalg.norm(want, axis=1)).max()
    good = bool(error < 1e-5)
    print(f"{'ok ' if good else 'BAD'} {name:24} tied {tied!s:5} biases {bias!s:5} largest error {error:.1e}")
    return good


def main():
    logging.disable_progress_bar()
    good = True
    for tied in (False, True):
        for bias in (False, True):
            for name, options in CASES.items():
                good = check(sys.argv[1], name, options, tied, bias) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
