"""Writes a few small valid files as seeds: seeds.py FOLDER makes FOLDER/TARGET/*."""

import json
import pathlib
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def safetensors(tensors):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def npy(kind, shape, raw, version=1):
    text = repr({"descr": kind, "fortran_order": False, "shape": shape}).encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text + raw


def put(folder, seeds):
    folder.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(seeds):
        (folder / str(i)).write_bytes(seed if isinstance(seed, bytes) else seed.encode())


def main():
    folder = pathlib.Path(sys.argv[1])
    for name in ("safetensors", "config"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    specs = [path.read_text() for path in sorted((ROOT / "experiments/specs").glob("*.ini"))]
    for name in ("spec", "sweep"):
        put(folder / name, specs + ["samples = 20, 30\nsteps = 2, 3\nzip = samples steps\n",
                                 "samples = 20, 30\ndimension = samples / 2\nseed = 7\n"])
    claims = [path.read_text() for path in sorted((ROOT / "theory/formula").glob("*.claim"))]
    put(folder / "claims", [("[X" + claim) for text in claims for claim in text.split("\n[")[1:]])
    adapter = dict(peft_type="LORA", task_type="CAUSAL_LM", r=8, lora_alpha=16, lora_dropout=0.0, bias="none",
                   fan_in_fan_out=False, use_rslora=True, inference_mode=True,
                   base_model_name_or_path="base", rank_pattern={"q_proj": 4}, alpha_pattern={})
    put(folder / "adapter", [json.dumps(dict(adapter, target_modules=target)) for target in
                             (["q_proj", "v_proj"], r".*layers\.[0-9]+\.self_attn\.(q|k)_proj", "all-linear")])
    hdf5(folder / "hdf5")
    put(folder / "npy", [npy("<f8", (2, 2), bytes(32)), npy("<i1", (3,), b"\x01\xff\x01"),
                         npy("<f4", (), bytes(4), 2)])
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
    kept = pathlib.Path(__file__).parents[1] / "sim/lm/model/architecture_values.json"
    configs += [model["config"] for model in json.loads(kept.read_text())["models"]]
    for i, config in enumerate(configs):
        (folder / "config" / str(i)).write_text(json.dumps(config))


def hdf5(folder):
    """Small files of features and of tokens for the target that takes any bytes."""
    try:
        import h5py
    except ImportError:
        return print("SKIPPED: no h5py, hdf5 starts from nothing")
    folder.mkdir(parents=True, exist_ok=True)
    for i, options in enumerate(({}, dict(chunks=True, compression="gzip"), dict(track_order=True))):
        with h5py.File(folder / f"features{i}", "w", libver="latest" if i == 2 else "earliest") as f:
            f.create_dataset("x/features", data=[[0.0, 1.0], [1.0, 0.0]], **options)
            f.create_dataset("x/label", data=[1, -1])
            f.create_dataset("x/line", data=["a", "b"], dtype=h5py.string_dtype())
            f["y"] = h5py.SoftLink("/x")
    with h5py.File(folder / "tokens", "w") as f:
        for name, data in dict(vocabulary=[8], response=[1, 2], ids=[3, 4, 5], offsets=[0, 1, 3], label=[1, -1]).items():
            f.create_dataset(name, data=data)


if __name__ == "__main__":
    main()
