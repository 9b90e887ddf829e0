"""Embedding speed against transformers with torch, on one generated Llama of 110 million parameters.

    V/bin/python tests/oracle/time_transformers.py build/tests/embed_ids [THREADS]

Set up as for check_transformers.py. Both embed the same 256 prompts of 32 tokens in single precision, torch in
batches of 16; torch's model is loaded before its clock starts, ours is loaded within. Best of three each.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from transformers import AutoModelForCausalLM, LlamaConfig
from transformers.utils import logging

CONFIG = LlamaConfig(hidden_size=768, intermediate_size=2048, num_hidden_layers=12, num_attention_heads=12,
                     num_key_value_heads=12, vocab_size=32000, max_position_embeddings=2048,
                     tie_word_embeddings=True)
PROMPTS, TOKENS, BATCH, REPEATS = 256, 32, 16, 3


def processor_seconds(who):
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def ours(program, folder, text):
    return np.frombuffer(subprocess.run([program, folder, "1"], input=text, capture_output=True, check=True).stdout,
                         dtype=np.float32).reshape(PROMPTS, CONFIG.hidden_size)


def theirs(model, ids):
    with torch.inference_mode():
        return torch.cat([model.model(part).last_hidden_state[:, -1] for part in ids.split(BATCH)]).numpy()


def best(work, who):
    """(wall seconds, processor seconds, result), the smallest of each."""
    walls, processors = [], []
    for _ in range(REPEATS):
        wall, processor = time.monotonic(), processor_seconds(who)
        result = work()
        walls.append(time.monotonic() - wall)
        processors.append(processor_seconds(who) - processor)
    return min(walls), min(processors), result


def main():
    program, threads = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else os.cpu_count()
    os.environ["OMP_NUM_THREADS"] = str(threads)
    torch.set_num_threads(threads)
    logging.disable_progress_bar()
    torch.manual_seed(1)
    ids = torch.randint(0, CONFIG.vocab_size, (PROMPTS, TOKENS))
    text = "".join(" ".join(map(str, row)) + "\n" for row in ids.tolist()).encode()
    with tempfile.TemporaryDirectory() as folder:
        AutoModelForCausalLM.from_config(CONFIG).to(torch.bfloat16).save_pretrained(folder)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        a = best(lambda: ours(program, folder, text), resource.RUSAGE_CHILDREN)
        b = best(lambda: theirs(model, ids), resource.RUSAGE_SELF)
    error = np.linalg.norm(a[2] - b[2]) / np.linalg.norm(b[2])
    print(f"{threads} threads, {PROMPTS} prompts of {TOKENS} tokens, torch {torch.__version__}")
    print(f"prefdyn {a[0]:.2f} s ({a[1]:.2f} s of processors), torch {b[0]:.2f} s ({b[1]:.2f} s)")
    print(f"torch / prefdyn: {b[0] / a[0]:.2f} by the clock, {b[1] / a[1]:.2f} by processor time; "
          f"relative difference {error:.1e}")


if __name__ == "__main__":
    main()
