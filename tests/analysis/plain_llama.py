"""A Llama of one folder, forward in double precision: the layers of report_checkpoint, written from the paper."""

import json

import numpy as np


def read_weights(path):
    """Name -> tensor of a safetensors file in single precision."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8:8 + size]), data[8 + size:]
    out = {}
    for name, entry in header.items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            out[name] = np.frombuffer(body[first:last], "<f4").reshape(entry["shape"]).astype(float)
    return out


class Llama:
    def __init__(self, folder, weights=None):
        config = json.loads((folder / "config.json").read_text())
        self.heads, self.eps = config["num_attention_heads"], config["rms_norm_eps"]
        self.layers = config["num_hidden_layers"]
        self.w = weights or read_weights(folder / "model.safetensors")

    def moved(self, change, step):
        """The model at w + step * change."""
        out = object.__new__(Llama)
        out.heads, out.eps, out.layers = self.heads, self.eps, self.layers
        out.w = {name: value + step * change[name] for name, value in self.w.items()}
        return out

    def norm(self, x, name):
        return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + self.eps) * self.w[f"{name}.weight"]

    def turn(self, x):
        """Rotary positions: x is (n, heads, size), halves paired."""
        half = x.shape[-1] // 2
        angle = np.arange(len(x))[:, None] * 10000.0 ** (-np.arange(half) / half)
        cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
        a, b = x[..., :half], x[..., half:]
        return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)

    def attend(self, x, layer):
        n, width = x.shape
        q, k, v = (np.reshape(x @ self.w[f"{layer}.{name}_proj.weight"].T, (n, self.heads, -1))
                   for name in "qkv")
        q, k = self.turn(q), self.turn(k)
        score = np.einsum("ihd,jhd->hij", q, k) / np.sqrt(q.shape[-1])
        score[:, ~np.tri(n, dtype=bool)] = -np.inf
        weight = np.exp(score - score.max(axis=-1, keepdims=True))
        weight /= weight.sum(axis=-1, keepdims=True)
        return np.einsum("hij,jhd->ihd", weight, v).reshape(n, width) @ self.w[f"{layer}.o_proj.weight"].T

    def mix(self, x, layer):
        gate = x @ self.w[f"{layer}.gate_proj.weight"].T
        inner = gate / (1.0 + np.exp(-gate)) * (x @ self.w[f"{layer}.up_proj.weight"].T)
        return inner @ self.w[f"{layer}.down_proj.weight"].T

    def hidden(self, ids):
        """(n, width), after the last norm."""
        x = self.w["model.embed_tokens.weight"][ids]
        for k in range(self.layers):
            layer = f"model.layers.{k}"
            x = x + self.attend(self.norm(x, f"{layer}.input_layernorm"), f"{layer}.self_attn")
            x = x + self.mix(self.norm(x, f"{layer}.post_attention_layernorm"), f"{layer}.mlp")
        return self.norm(x, "model.norm")

    def logits(self, ids):
        return self.hidden(ids) @ self.w["lm_head.weight"].T


def log_softmax(logits):
    top = logits.max(axis=-1, keepdims=True)
    return logits - top - np.log(np.exp(logits - top).sum(axis=-1, keepdims=True))
