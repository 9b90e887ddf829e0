"""Writes tests/sim/lm/model/architecture_values.json: what transformers computes for a small model of every
architecture, whose weights follow from their names.

    python3 -m venv V && V/bin/pip install torch transformers
    V/bin/python tests/oracle/make_architecture_values.py tests/sim/lm/model/architecture_values.json

For developers. A model is written as its config.json, the hidden states behind its final norm at the last
token of a prompt, and for f = sum_v cos(v) logit_v there the norm of the gradient of every tensor; all in float64.
"""

import json
import sys

import numpy as np
import torch
import transformers
from transformers import (Gemma2Config, Gemma3Config, Gemma3TextConfig, GPT2Config, GPTNeoXConfig, GraniteConfig,
                          LlamaConfig, Ministral3Config, Mistral3Config, MistralConfig, Olmo2Config, Phi3Config,
                          Qwen2Config, Qwen3Config, SmolLM3Config)
from transformers.utils import logging

from check_transformers import PIXTRAL, VISION, auto_class

IDS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3]
TINY = dict(hidden_size=16, intermediate_size=20, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
            vocab_size=19, max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0)
CLASSIC = {k: v for k, v in TINY.items() if k != "num_key_value_heads"}
GEMMA = dict(TINY, head_dim=6, query_pre_attn_scalar=7, sliding_window=4)
PAIRS = dict(short_factor=[1.0, 1.5], long_factor=[2.0, 5.0])
LONGROPE = dict(rope_type="longrope", rope_theta=1e4, **PAIRS)
YARN = dict(rope_type="yarn", factor=8.0, original_max_position_embeddings=8, rope_theta=1e4)
MIXED = ["sliding_attention", "full_attention", "sliding_attention"]
MODELS = {
    "llama": LlamaConfig(**TINY),
    "llama, yarn": LlamaConfig(**TINY, rope_parameters=YARN),
    "mistral": MistralConfig(**TINY, sliding_window=4),
    "ministral3": Ministral3Config(**TINY, head_dim=4, rope_parameters=dict(
        YARN, original_max_position_embeddings=16, factor=4.0, llama_4_scaling_beta=0.1)),
    "qwen2": Qwen2Config(**TINY),
    "qwen3": Qwen3Config(**TINY, head_dim=6, attention_bias=True),
    "olmo2": Olmo2Config(**TINY),
    "smollm3": SmolLM3Config(**TINY, no_rope_layers=[1, 0, 1], use_sliding_window=True, sliding_window=4, mlp_bias=True),
    "phi3": Phi3Config(**TINY, sliding_window=4),
    "phi3, short": Phi3Config(**TINY, original_max_position_embeddings=16, rope_parameters=LONGROPE),
    "phi3, long": Phi3Config(**TINY, original_max_position_embeddings=8, rope_parameters=LONGROPE),
    "granite": GraniteConfig(**TINY, embedding_multiplier=3.0, residual_multiplier=0.3, attention_multiplier=0.2,
                             logits_scaling=4.0),
    "gemma2": Gemma2Config(**GEMMA, attn_logit_softcapping=1.5, final_logit_softcapping=2.0),
    "gemma3": Gemma3TextConfig(**GEMMA, layer_types=MIXED, rope_parameters=dict(
        full_attention=dict(rope_type="linear", factor=8.0, rope_theta=1e6),
        sliding_attention=dict(rope_type="default", rope_theta=1e4))),
    "gemma3 with images": Gemma3Config(
        text_config=dict(GEMMA, layer_types=MIXED), vision_config=VISION, mm_tokens_per_image=4, image_token_index=11),
    "mistral3": Mistral3Config(text_config=dict(TINY, model_type="mistral", sliding_window=None), vision_config=PIXTRAL,
                               image_token_index=11, tie_word_embeddings=False),
    "gpt_neox": GPTNeoXConfig(**CLASSIC, rope_parameters=dict(rope_type="default", rope_theta=1e4,
                                                              partial_rotary_factor=0.5)),
    "gpt_neox, one after another": GPTNeoXConfig(**CLASSIC, use_parallel_residual=False, hidden_act="gelu_new",
                                                 rope_parameters=dict(rope_type="default", rope_theta=1e4,
                                                                      partial_rotary_factor=1.0)),
    "gpt2": GPT2Config(n_embd=16, n_layer=3, n_head=4, vocab_size=19, n_positions=32, bos_token_id=1, eos_token_id=2),
}


def values(name, shape):
    """Multiples of 1/512 in (-1/4, 1/4); around 1 for weights of one dimension. splitmix64 of the name's FNV-1a."""
    hash_ = 0xcbf29ce484222325
    for byte in name.encode():
        hash_ = ((hash_ ^ byte) * 0x100000001b3) % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(hash_) + np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64) * np.uint64(0x9e3779b97f4a7c15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xbf58476d1ce4e5b9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94d049bb133111eb)
        z ^= z >> np.uint64(31)
    centre = 1.0 if len(shape) == 1 and name.endswith(".weight") else 0.0
    return (centre + ((z >> np.uint64(56)).astype(np.float64) - 127.5) / 512).reshape(shape)


def saved_name(name, config):
    """Of a parameter in the file of the text part: GPT-NeoX's head is lm_head in memory alone."""
    name = name.replace("model.language_model.", "model.")
    return name.replace("lm_head", "embed_out") if config.model_type == "gpt_neox" else name


def computed(config):
    model = auto_class(config).from_config(config, attn_implementation="eager").eval().double()
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(torch.tensor(values(saved_name(name, config), tuple(p.shape))))
    ids = torch.tensor([IDS])
    logits = model(ids).logits[0, -1]
    (logits * torch.cos(torch.arange(len(logits), dtype=torch.float64))).sum().backward()
    with torch.no_grad():
        hidden = model.base_model(ids).last_hidden_state[0, -1]
    number = lambda x: float(f"{x:.9g}")
    return {"hidden": [number(x) for x in hidden.tolist()],
            "gradient": {saved_name(name, config): number(p.grad.norm().item())
                         for name, p in model.named_parameters() if p.grad is not None}}


def main():
    logging.set_verbosity_error()
    out = {"transformers": transformers.__version__, "ids": IDS, "models": []}
    for name, config in MODELS.items():
        one = computed(config)
        config.architectures = [type(auto_class(config).from_config(config)).__name__]
        written = json.loads(config.to_json_string(use_diff=False))
        if "vision_config" in written:
            written["vision_config"] = {"model_type": written["vision_config"]["model_type"]}
        out["models"].append({"name": name, "config": written, **one})
    lines = ",\n".join(json.dumps(model) for model in out.pop("models"))
    with open(sys.argv[1], "w") as file:
        file.write(json.dumps(out)[:-1] + ', "models": [\n' + lines + "\n]}\n")


if __name__ == "__main__":
    main()
