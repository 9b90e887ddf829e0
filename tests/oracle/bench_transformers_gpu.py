"""Seconds that transformers with torch needs on a card for what `prefdyn-bench --transformer` embedded.

    build/prefdyn-bench --transformer --device cuda --folder /dev/shm --keep     # prints "kept: FOLDER"
    V/bin/python tests/oracle/bench_transformers_gpu.py FOLDER [BATCH]

Loads FOLDER in bfloat16 on the card, embeds the prompts of FOLDER/prompts.txt in batches of BATCH (default 64) and
compares with FOLDER/embeddings.f32. For developers; nothing here is needed to build or test. FOLDER stays: remove
it afterwards.
"""

import sys
import time

import numpy as np
import torch
from transformers import LlamaModel

REPEATS = 3


def main():
    folder, batch = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 64
    with open(f"{folder}/prompts.txt") as lines:
        ids = torch.tensor([[int(word) for word in line.split()] for line in lines], device="cuda")
    start = time.monotonic()
    # The head is not loaded: only last hidden states are asked for. In the file all names begin with "model.".
    model = LlamaModel.from_pretrained(folder, dtype=torch.bfloat16).to("cuda").eval()
    torch.cuda.synchronize()
    print(f"torch {torch.__version__} on {torch.cuda.get_device_name()}, opened in {time.monotonic() - start:.2f} s")
    seconds = []
    for _ in range(REPEATS):
        torch.cuda.synchronize()
        start = time.monotonic()
        with torch.inference_mode():
            rows = torch.cat([model(part, use_cache=False).last_hidden_state[:, -1] for part in ids.split(batch)])
            theirs = rows.float().cpu().numpy()
        seconds.append(time.monotonic() - start)
        print(f"{ids.numel()} tokens in batches of {batch}: {seconds[-1]:.2f} s")
    ours = np.fromfile(f"{folder}/embeddings.f32", dtype=np.float32).reshape(theirs.shape)
    error = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)
    print(f"shortest {min(seconds):.2f} s; relative difference of the embeddings {error:.1e}")


if __name__ == "__main__":
    main()
