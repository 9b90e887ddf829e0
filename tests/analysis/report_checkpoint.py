"""A small random language model, token files for `prefdyn scaled`, pairs for `finetune`."""

import json

import h5py
import numpy as np

VOCABULARY, HIDDEN, HEADS, CONTEXT = 40, 16, 2, 8
YES, NO = 1, 2


def write_model(folder, vocabulary=VOCABULARY, context=CONTEXT):
    """One Llama layer in Hugging Face layout; without a tokeniser token files must stand for it."""
    folder.mkdir()
    config = {"architectures": ["LlamaForCausalLM"], "hidden_size": HIDDEN,
              "intermediate_size": HIDDEN, "num_hidden_layers": 1, "num_attention_heads": HEADS,
              "num_key_value_heads": HEADS, "vocab_size": vocabulary,
              "max_position_embeddings": context, "rms_norm_eps": 1e-5,
              "tie_word_embeddings": False}
    (folder / "config.json").write_text(json.dumps(config))
    random = np.random.default_rng(3)
    header, data = {}, b""
    for name, shape in _shapes(vocabulary).items():
        weight = (random.normal(size=shape) if len(shape) == 2 else np.ones(shape)).astype("<f4")
        header[name] = {"dtype": "F32", "shape": shape,
                        "data_offsets": [len(data), len(data) + weight.nbytes]}
        data += weight.tobytes()
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)


def _shapes(vocabulary):
    layer = "model.layers.0."
    square = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
              "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
    return {"model.embed_tokens.weight": (vocabulary, HIDDEN),
            **{f"{layer}{name}.weight": (HIDDEN, HIDDEN) for name in square},
            f"{layer}input_layernorm.weight": (HIDDEN,),
            f"{layer}post_attention_layernorm.weight": (HIDDEN,),
            "model.norm.weight": (HIDDEN,), "lm_head.weight": (vocabulary, HIDDEN)}


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


def write_byte_model(folder):
    """A model whose tokens are the 256 bytes, with its tokeniser."""
    write_model(folder, vocabulary=256)
    step = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
    model = {"type": "BPE", "vocab": {_character(byte): byte for byte in range(256)}, "merges": []}
    (folder / "tokenizer.json").write_text(json.dumps(
        {"added_tokens": [], "normalizer": None, "pre_tokenizer": step, "model": model}))


def _character(byte):
    """What tokenizer.json writes for a byte: printable ones themselves, others from 256 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [each for each in range(256) if each not in printable]
    return chr(byte if byte in printable else 256 + others.index(byte))


def write_pairs(path, share, count):
    """Prompts whose last letter tells the class in that share of them; answers " A" and " B"."""
    random = np.random.default_rng(6)
    lines = []
    for k in range(count):
        prompt = "".join(random.choice(list("abcdef"), size=4))
        chosen, rejected, letter = (" A", " B", "y") if k % 2 else (" B", " A", "n")
        if random.random() < share:
            prompt = prompt[:-1] + letter
        lines.append({"prompt": prompt, "chosen": chosen, "rejected": rejected})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
