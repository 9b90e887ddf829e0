"""Writes a few small valid files as seeds: seeds.py FOLDER makes FOLDER/safetensors and FOLDER/config."""

import json
import pathlib
import struct
import sys


def safetensors(tensors):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def main():
    folder = pathlib.Path(sys.argv[1])
    for name in ("safetensors", "config"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    files = [{}, {"a": ("F32", [2, 3], bytes(24))},
             {"a": ("BF16", [2], bytes(4)), "b": ("F16", [], bytes(2)), "c": ("I64", [0], b"")}]
    for i, tensors in enumerate(files):
        (folder / "safetensors" / str(i)).write_bytes(safetensors(tensors))
    base = dict(hidden_size=64, intermediate_size=172, num_hidden_layers=5, num_attention_heads=8,
                num_key_value_heads=4, vocab_size=512, max_position_embeddings=512,
                rms_norm_eps=1e-5, hidden_act="silu", tie_word_embeddings=True)
    llama3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                  original_max_position_embeddings=8192)
    configs = [dict(base, architectures=["LlamaForCausalLM"], rope_theta=500000.0,
                    rope_scaling=llama3, attention_bias=False, mlp_bias=False),
               dict(base, architectures=["MistralForCausalLM"], sliding_window=4096, head_dim=16),
               dict(base, architectures=["Qwen2ForCausalLM"], use_sliding_window=True,
                    sliding_window=8, max_window_layers=2, model_type="qwen2",
                    rope_parameters=dict(rope_type="linear", factor=2, rope_theta=1e4))]
    for i, config in enumerate(configs):
        (folder / "config" / str(i)).write_text(json.dumps(config))


if __name__ == "__main__":
    main()
