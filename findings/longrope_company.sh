#!/bin/sh
# transformers 5.24.0: with longrope (Phi-3) the logits of a sequence depend on the other sequences of its batch. The long
# factors are chosen by the longest position in the batch, padding counted, not by each sequence's own length. A sequence
# of 20 tokens, shorter than original_max_position_embeddings = 32, gets other numbers beside one of 60 tokens than
# alone, attention mask given; with the default rotation the difference is rounding. Log-probabilities of such
# models, and so DPO losses, depend on how the pairs are put into batches.
#
# Seen: relative difference of the last logits "default: below 1e-5" and "longrope: above 1e-3". Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv v
v/bin/pip install -q torch==2.15.0 transformers==5.24.0
cat >batch.py <<'PY'
import torch
from transformers import Phi3Config, Phi3ForCausalLM

plain = dict(rope_type="default", rope_theta=1e4)
stretched = dict(rope_type="longrope", rope_theta=1e4, short_factor=[1.0] * 4, long_factor=[4.0] * 4)
for name, rope in (("default", plain), ("longrope", stretched)):
    torch.manual_seed(0)
    config = Phi3Config(hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=8,
                        num_key_value_heads=8, vocab_size=97, max_position_embeddings=256,
                        original_max_position_embeddings=32, rope_parameters=rope, pad_token_id=0)
    model = Phi3ForCausalLM(config).eval()
    tokens = torch.randint(1, 97, (2, 60))
    tokens[0, 20:] = 0
    mask = torch.ones_like(tokens)
    mask[0, 20:] = 0
    with torch.no_grad():
        alone = model(tokens[:1, :20]).logits[0, 19]
        beside = model(tokens, attention_mask=mask).logits[0, 19]
    apart = ((alone - beside).norm() / alone.norm()).item()
    print(f"{name}: {'below 1e-5' if apart < 1e-5 else 'above 1e-3' if apart > 1e-3 else apart}")
PY
v/bin/python batch.py 2>/dev/null | tee seen
grep -q "^default: below 1e-5$" seen
grep -q "^longrope: above 1e-3$" seen
