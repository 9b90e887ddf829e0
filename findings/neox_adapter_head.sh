#!/bin/sh
# peft 0.21.2 with transformers 5.24.0: the head of a GPT-NeoX (Pythia) model is lost from adapters that say embed_out. In
# files of these models the head is embed_out.weight, in memory transformers 5 calls it lm_head. A LoraConfig with
# modules_to_save=["embed_out"] therefore trains and saves no head, and an adapter that holds embed_out.weight, as
# earlier versions saved it, is opened by PeftModel.from_pretrained without it: no error, no warning, other logits.
# AutoModelForCausalLM.from_pretrained of the same adapter folder gives the trained head.
#
# Seen: "saved with embed_out: 0 tensors of the head", "PeftModel: another head", "AutoModel: the trained head",
# "warnings that name the head: 0". Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv v
v/bin/pip install -q torch==2.15.0 transformers==5.24.0 peft==0.21.2
cat >head.py <<'PY'
import json

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, GPTNeoXConfig

torch.manual_seed(0)
AutoModelForCausalLM.from_config(GPTNeoXConfig(
    hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, vocab_size=97, eos_token_id=0,
    bos_token_id=0)).save_pretrained("base")
tokens = torch.tensor([[1, 2, 3]])


def adapter(head, folder):
    model = get_peft_model(AutoModelForCausalLM.from_pretrained("base"),
                           LoraConfig(r=2, target_modules=["query_key_value"], modules_to_save=[head], task_type="CAUSAL_LM"))
    for p in model.parameters():
        if p.requires_grad:
            p.data += 0.3 * torch.randn_like(p)
    model.save_pretrained(folder)
    return model(tokens).logits


adapter("embed_out", "now")
heads = [name for name in load_file("now/adapter_model.safetensors") if "embed_out" in name or "lm_head" in name]
print(f"saved with embed_out: {len(heads)} tensors of the head")

trained = adapter("lm_head", "earlier")  # then with the name that the module had before transformers 5
tensors = load_file("earlier/adapter_model.safetensors")
tensors["base_model.model.embed_out.weight"] = tensors.pop("base_model.model.lm_head.weight")
save_file(tensors, "earlier/adapter_model.safetensors", metadata={"format": "pt"})
config = json.load(open("earlier/adapter_config.json"))
config.update(modules_to_save=["embed_out"], base_model_name_or_path="base")
json.dump(config, open("earlier/adapter_config.json", "w"))
for name, model in (("PeftModel", PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("base"), "earlier")),
                    ("AutoModel", AutoModelForCausalLM.from_pretrained("earlier"))):
    apart = ((model.eval()(tokens).logits - trained).norm() / trained.norm()).item()
    print(f"{name}: {'the trained head' if apart < 1e-4 else 'another head' if apart > 0.1 else apart}")
PY
v/bin/python -W always head.py >seen 2>said
echo "warnings that name the head: $(grep -c "embed_out\|lm_head" said || true)" >>seen
cat seen
grep -q "^saved with embed_out: 0 tensors of the head$" seen
grep -q "^PeftModel: another head$" seen
grep -q "^AutoModel: the trained head$" seen
grep -q "^warnings that name the head: 0$" seen
