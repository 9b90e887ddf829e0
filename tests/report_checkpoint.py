"""A small random language model and token files, for `prefdyn scaled`."""

import json

import h5py
import numpy as np

VOCABULARY, HIDDEN, HEADS, CONTEXT = 40, 16, 2, 8
YES, NO = 1, 2


def write_model(folder):
    """One Llama layer in Hugging Face layout; no tokeniser, the token files stand for it."""
    folder.mkdir()
    config = {"architectures": ["LlamaForCausalLM"], "hidden_size": HIDDEN,
              "intermediate_size": HIDDEN, "num_hidden_layers": 1, "num_attention_heads": HEADS,
              "num_key_value_heads": HEADS, "vocab_size": VOCABULARY,
              "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5,
              "tie_word_embeddings": False}
    (folder / "config.json").write_text(json.dumps(config))
    random = np.random.default_rng(3)
    header, data = {}, b""
    for name, shape in _shapes().items():
        weight = (random.normal(size=shape) if len(shape) == 2 else np.ones(shape)).astype("<f4")
        header[name] = {"dtype": "F32", "shape": shape,
                        "data_offsets": [len(data), len(data) + weight.nbytes]}
        data += weight.tobytes()
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)


def _shapes():
    layer = "model.layers.0."
    square = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
              "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
    return {"model.embed_tokens.weight": (VOCABULARY, HIDDEN),
            **{f"{layer}{name}.weight": (HIDDEN, HIDDEN) for name in square},
            f"{layer}input_layernorm.weight": (HIDDEN,),
            f"{layer}post_attention_layernorm.weight": (HIDDEN,),
            "model.norm.weight": (HIDDEN,), "lm_head.weight": (VOCABULARY, HIDDEN)}


def write_tokens(path, sizes):
    """A behaviour for each size, in which the last token tells the class more and more often."""
    random = np.random.default_rng(4)
    with h5py.File(path, "w") as file:
        file["vocabulary"], file["response"] = [VOCABULARY], [YES, NO]
        for k, size in enumerate(sizes):
            label = np.where(np.arange(size) % 2, 1, -1)
            ids = random.integers(3, VOCABULARY, size=(size, 4))
            tell = random.random(size) < (k + 1) / (len(sizes) + 1)
            ids[tell, -1] = np.where(label[tell] > 0, YES, NO)
            group = file.create_group(f"desire-for-being-more-creative-{k}")
            group["ids"], group["label"] = ids.ravel(), label
            group["offsets"] = 4 * np.arange(size + 1)
