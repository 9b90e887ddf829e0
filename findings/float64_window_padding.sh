#!/bin/sh
# transformers 5.24.0: in float64 with eager attention a model with a sliding window (Mistral, Gemma 2 and 3) gives NaN for
# the tokens of a sequence that is padded on its right, attention mask given, as soon as the padding is longer than the
# window. Rows of the padding see no token, their softmax is NaN, and the next layer takes 0 times NaN into every row.
# In float32, with sdpa, or without a window the logits are finite. TRL 1.16 trains on: it logs a loss of 0.
#
# Seen: "NaN" for eager attention with a window in float64, "finite" for the seven others. Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv v
v/bin/pip install -q torch==2.15.0 transformers==5.24.0
cat >padding.py <<'PY'
import torch
from transformers import MistralConfig, MistralForCausalLM

for attention in ("eager", "sdpa"):
    for window in (None, 4):
        for dtype in (torch.float32, torch.float64):
            torch.manual_seed(0)
            config = MistralConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
                                   num_key_value_heads=2, vocab_size=97, sliding_window=window)
            model = MistralForCausalLM._from_config(config, attn_implementation=attention).to(dtype).eval()
            tokens = torch.randint(3, 97, (2, 20))
            mask = torch.ones_like(tokens)
            mask[0, 8:] = 0
            with torch.no_grad():
                real = model(tokens, attention_mask=mask).logits[0, :8]
            print(f"{attention}, window {window}, {str(dtype)[6:]}: {'finite' if real.isfinite().all() else 'NaN'}")
PY
v/bin/python padding.py 2>/dev/null | tee seen
grep -q "^eager, window 4, float64: NaN$" seen
test "$(grep -c ": finite$" seen)" = 7
