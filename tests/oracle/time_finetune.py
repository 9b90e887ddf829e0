"""One DPO update of every weight against transformers with torch, on a generated Llama of 110 million parameters.

    V/bin/python tests/oracle/time_finetune.py build/prefdyn-bench [THREADS]

Set up as for check_finetune.py. Both make an AdamW update on 8 pairs of 128 random tokens, the second half of each the
answer, in single precision. Processor time over threads; best of three after one to warm up (ours: mean of three).
"""

import os
import re
import subprocess
import sys
import time

import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from time_transformers import CONFIG, processor_seconds
import resource

PAIRS, TOKENS, BETA = 8, 128, 0.1


def ours(program, threads):
    text = subprocess.run([program, "--finetune", "--threads", str(threads)], capture_output=True, text=True,
                          check=True).stdout
    print(text, end="")
    return [float(re.search(f"{what} +([0-9.e+-]+)", text)[1]) for what in ("by the clock", "processor time over threads")]


def logps(model, ids):
    prompt = ids.shape[1] // 2
    logits = model(ids[:, :-1]).logits[:, prompt - 1:]
    return logits.float().log_softmax(-1).gather(-1, ids[:, prompt:, None])[..., 0].sum(-1)


def update(model, optimiser, ids):
    optimiser.zero_grad()
    chosen, rejected = logps(model, ids).chunk(2)
    loss = -torch.nn.functional.logsigmoid(BETA * (chosen - rejected)).mean()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    return loss.item()


def theirs(threads):
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(CONFIG, dtype=torch.float32)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-6, weight_decay=0.0)
    ids = torch.randint(0, CONFIG.vocab_size, (2 * PAIRS, TOKENS))
    update(model, optimiser, ids)
    walls, processors = [], []
    for _ in range(3):
        wall, processor = time.monotonic(), processor_seconds(resource.RUSAGE_SELF)
        update(model, optimiser, ids)
        walls.append(time.monotonic() - wall)
        processors.append((processor_seconds(resource.RUSAGE_SELF) - processor) / threads)
    return min(walls), min(processors)


def main():
    program, threads = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else os.cpu_count()
    logging.set_verbosity_error()
    us, them = ours(program, threads), theirs(threads)
    for name, a, b in zip(("clock", "processor"), us, them):
        print(f"{name}: prefdyn {a:.2f} s, torch {b:.2f} s, torch / prefdyn = {b / a:.2f}")


if __name__ == "__main__":
    main()
