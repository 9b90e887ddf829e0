"""The transformer against Hugging Face transformers in float64, on small models with random weights.

    python3 -m venv V && V/bin/pip install torch transformers safetensors
    cmake --build build --target embed_ids
    V/bin/python tests/oracle/check_transformers.py build/tests/embed_ids [BEGIN OF A CASE'S NAME...]

For developers; needs no download of a model. Exit code 1 if an embedding differs by 1e-5 or more.
"""

import subprocess
import sys
import tempfile

import numpy as np
import torch
from transformers import (AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText, Gemma2Config, Gemma3Config,
                          Gemma3TextConfig, GPT2Config, GPTNeoXConfig, GraniteConfig, LlamaConfig, Ministral3Config,
                          Mistral3Config, MistralConfig, Olmo2Config, Phi3Config, Qwen2Config, Qwen3Config,
                          SmolLM3Config)
from transformers.utils import logging

SMALL = dict(hidden_size=64, intermediate_size=172, num_hidden_layers=3, num_attention_heads=8,
             num_key_value_heads=2, vocab_size=257, max_position_embeddings=2048, rms_norm_eps=1e-5)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=64, rope_theta=500000.0)
YARN = dict(rope_type="yarn", factor=8.0, original_max_position_embeddings=64, rope_theta=10000.0)
EVERY_BIAS = dict(attention_bias=True, mlp_bias=True)
CLASSIC = dict(hidden_size=64, intermediate_size=172, num_hidden_layers=3, num_attention_heads=4, vocab_size=257,
               max_position_embeddings=2048)
GPT2 = dict(n_embd=64, n_layer=3, n_head=4, vocab_size=257, n_positions=512)


def longrope(pairs, original):
    return dict(rope_type="longrope", rope_theta=10000.0, original_max_position_embeddings=original,
                short_factor=[1.0 + 0.1 * k for k in range(pairs)], long_factor=[2.0 + k for k in range(pairs)])


def phi3(share, original):
    pairs = int(8 * share) // 2
    return Phi3Config(**SMALL, pad_token_id=0, original_max_position_embeddings=original,
                      rope_parameters=dict(longrope(pairs, original), partial_rotary_factor=share))


VISION = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2, image_size=28,
              patch_size=14)
PIXTRAL = dict(VISION, model_type="pixtral", head_dim=8)
GEMMA = dict(SMALL, head_dim=12, pad_token_id=0, query_pre_attn_scalar=20)
CASES = {
    "llama": LlamaConfig(**SMALL),
    "llama, tied": LlamaConfig(**SMALL, tie_word_embeddings=True),
    "llama, every bias": LlamaConfig(**SMALL, attention_bias=True, mlp_bias=True),
    "llama, own head size": LlamaConfig(**SMALL, head_dim=20),
    "llama 3 scaling": LlamaConfig(**SMALL, rope_parameters=LLAMA3),
    "linear scaling": LlamaConfig(**SMALL, rope_parameters=dict(rope_type="linear", factor=4.0,
                                                                rope_theta=10000.0)),
    "dynamic scaling": LlamaConfig(**SMALL, rope_parameters=dict(rope_type="dynamic", factor=4.0,
                                                                 rope_theta=10000.0)),
    "mistral, window 7": MistralConfig(**SMALL, sliding_window=7),
    "mistral, no window": MistralConfig(**SMALL, sliding_window=None),
    "qwen2, tied": Qwen2Config(**SMALL, tie_word_embeddings=True),
    "qwen2, window 9 from layer 1": Qwen2Config(**SMALL, use_sliding_window=True, sliding_window=9,
                                                max_window_layers=1),
    "llama, yarn": LlamaConfig(**SMALL, rope_parameters=YARN),
    "llama, yarn, its numbers": LlamaConfig(**SMALL, rope_parameters=dict(
        YARN, beta_fast=16.0, beta_slow=2.0, truncate=False, mscale=0.7, mscale_all_dim=1.2)),
    "ministral3": Ministral3Config(**SMALL, head_dim=8, rope_parameters=dict(
        YARN, original_max_position_embeddings=512, llama_4_scaling_beta=0.1)),
    "qwen3": Qwen3Config(**SMALL, head_dim=12),
    "qwen3, biases, window, tied": Qwen3Config(**SMALL, attention_bias=True, use_sliding_window=True, sliding_window=9,
                                               max_window_layers=1, head_dim=8, tie_word_embeddings=True),
    "olmo2": Olmo2Config(**SMALL, pad_token_id=0),
    "olmo2, biases": Olmo2Config(**SMALL, attention_bias=True, pad_token_id=0),
    "smollm3": SmolLM3Config(**SMALL, pad_token_id=0, no_rope_layers=[1, 0, 1]),
    "smollm3, windows": SmolLM3Config(**SMALL, pad_token_id=0, no_rope_layer_interval=2, use_sliding_window=True,
                                      sliding_window=9, mlp_bias=True),
    "smollm3, every bias": SmolLM3Config(**SMALL, pad_token_id=0, **EVERY_BIAS),
    "phi3": Phi3Config(**SMALL, pad_token_id=0),
    "phi3, window, tied": Phi3Config(**SMALL, pad_token_id=0, sliding_window=9, tie_word_embeddings=True),
    "phi3, longrope": phi3(1.0, 32),
    "phi3, longrope of a part": phi3(0.75, 32),
    "granite": GraniteConfig(**SMALL, embedding_multiplier=3.0, residual_multiplier=0.3, attention_multiplier=0.2,
                             logits_scaling=4.0, tie_word_embeddings=True),
    "granite, biases": GraniteConfig(**SMALL, residual_multiplier=0.3, **EVERY_BIAS),
    "gemma2": Gemma2Config(**GEMMA, sliding_window=9),
    "gemma2, caps that bite": Gemma2Config(**GEMMA, sliding_window=9, attn_logit_softcapping=0.5,
                                           final_logit_softcapping=2.0),
    "gemma3": Gemma3TextConfig(**GEMMA, sliding_window=9, layer_types=["sliding_attention", "full_attention",
                                                                       "sliding_attention"]),
    "gemma3, scaled": Gemma3TextConfig(**GEMMA, sliding_window=9, layer_types=["sliding_attention", "full_attention",
                                                                               "sliding_attention"],
                                       rope_parameters=dict(
        full_attention=dict(rope_type="linear", factor=8.0, rope_theta=1e6),
        sliding_attention=dict(rope_type="default", rope_theta=1e4))),
    "gemma3 with images": Gemma3Config(
        text_config=dict(GEMMA, sliding_window=9, layer_types=["sliding_attention", "full_attention",
                                                               "sliding_attention"]),
        vision_config=VISION, mm_tokens_per_image=4, image_token_index=257),
    "gemma3 with images, own head": Gemma3Config(text_config=dict(GEMMA, sliding_window=9), vision_config=VISION,
                                                 mm_tokens_per_image=4, image_token_index=257,
                                                 tie_word_embeddings=False),
    "mistral3, mistral": Mistral3Config(text_config=dict(SMALL, model_type="mistral", sliding_window=None),
                                        vision_config=PIXTRAL, image_token_index=257, tie_word_embeddings=False),
    "mistral3, ministral3, tied": Mistral3Config(text_config=dict(
        SMALL, model_type="ministral3", head_dim=8, rope_parameters=dict(
            YARN, original_max_position_embeddings=512, llama_4_scaling_beta=0.1)), vision_config=PIXTRAL,
        image_token_index=257),
    "gpt_neox": GPTNeoXConfig(**CLASSIC),
    "gpt_neox, one after another": GPTNeoXConfig(**CLASSIC, use_parallel_residual=False, hidden_act="gelu_new",
                                                 rope_parameters=dict(rope_type="default", rope_theta=1e4,
                                                                      partial_rotary_factor=1.0)),
    "gpt_neox, no attention bias": GPTNeoXConfig(**CLASSIC, attention_bias=False, tie_word_embeddings=True),
    "gpt2": GPT2Config(**GPT2),
    "gpt2, wide, relu": GPT2Config(**GPT2, n_inner=100, activation_function="relu", tie_word_embeddings=False),
}
LENGTHS = (1, 2, 7, 8, 9, 31, 33, 64, 300)


def auto_class(config):
    return AutoModelForImageTextToText if hasattr(config, "vision_config") else AutoModelForCausalLM


def load(folder):
    return auto_class(AutoConfig.from_pretrained(folder)).from_pretrained(folder, dtype=torch.float32,
                                                                          attn_implementation="eager").eval()


def build(config, seed):
    torch.manual_seed(seed)
    model = auto_class(config).from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 1:  # norms away from 1, biases away from 0
                p.add_(0.3 * torch.randn_like(p))
            else:
                p.copy_(torch.randn_like(p) * (p.shape[-1] ** -0.5 if "embed" not in name else 1))
    return model


def ours(program, folder, prompts, width, norm=1):
    text = "".join(" ".join(map(str, ids)) + "\n" for ids in prompts)
    out = subprocess.run([program, folder, str(norm)], input=text.encode(), capture_output=True)
    if out.returncode != 0:
        raise SystemExit(out.stderr.decode())
    return np.frombuffer(out.stdout, dtype=np.float32).reshape(len(prompts), width)


def theirs(model, prompts):
    double = model.double()
    rows = []
    with torch.no_grad():
        for ids in prompts:
            rows.append(double.base_model(torch.tensor([ids])).last_hidden_state[0, -1].numpy())
    return np.array(rows)


def check(name, config, dtype, program):
    model = build(config, 1).to(dtype)  # rounds the frequencies too, so the check loads it afresh
    rng = np.random.default_rng(1)
    text = config.get_text_config()
    prompts = [rng.integers(0, text.vocab_size, n).tolist() for n in LENGTHS]
    with tempfile.TemporaryDirectory() as folder:
        shard = "60KB" if dtype == torch.float32 else "5GB"
        model.save_pretrained(folder, max_shard_size=shard)
        got = ours(program, folder, prompts, text.hidden_size)
        model = load(folder)
    want = theirs(model, prompts)
    error = np.linalg.norm(got - want, axis=1) / np.linalg.norm(want, axis=1)
    good = bool(np.all(error < 1e-5))
    print(f"{'ok ' if good else 'BAD'} {name:32} {str(dtype):15} largest error {error.max():.2e} "
          f"at {LENGTHS[int(error.argmax())]} tokens")
    return good


def main():
    program = sys.argv[1]
    logging.disable_progress_bar()
    good = True
    for name, config in CASES.items():
        if len(sys.argv) > 2 and not any(name.startswith(wanted) for wanted in sys.argv[2:]):
            continue
        for dtype in (torch.float32, torch.bfloat16, torch.float16):
            good = check(name, config, dtype, program) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
