"""Seconds that transformers, PEFT and torch need for an update of adapters that `prefdyn-bench --finetune` makes.

    build/prefdyn-bench --finetune --device cuda --folder /dev/shm --keep      # prints "kept: FOLDER"
    V/bin/python tests/oracle/time_finetune_gpu.py FOLDER [DEVICE]

Set up as for check_finetune.py. Loads FOLDER in bfloat16 and updates adapters of q and v (r = 8, alpha = 32, single
precision) by DPO on the sequences of FOLDER/prompts.txt, chosen and rejected in turn. FOLDER stays: remove it afterwards.
"""

import sys
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from time_finetune import update

REPEATS = 3


def main():
    folder, device = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "cuda"
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    with open(f"{folder}/prompts.txt") as lines:
        ids = torch.tensor([[int(word) for word in line.split()] for line in lines], device=device)
    ids = torch.cat([ids[0::2], ids[1::2]])
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).to(device)
    model = get_peft_model(base, LoraConfig(r=8, lora_alpha=32, target_modules=["q_proj", "v_proj"]))
    trained = [p for p in model.parameters() if p.requires_grad]
    for p in trained:
        p.data = p.data.float()
    optimiser = torch.optim.AdamW(trained, lr=1e-6, weight_decay=0.0)
    seconds = []
    for _ in range(1 + REPEATS):
        wait()
        start = time.monotonic()
        update(model, optimiser, ids)
        wait()
        seconds.append(time.monotonic() - start)
    best = min(seconds[1:])
    print(f"torch {torch.__version__}, {sum(p.numel() for p in trained)} trained: {best:.3f} s an update, "
          f"{ids[:, 1:].numel() / best:.0f} tokens / s")


if __name__ == "__main__":
    main()
