"""Processor time of a sweep's point as one would write it by hand: sampling, kappa, and gradient descent of the DPO loss
on many heads at once, batched over the points; no records.

    python3 tests/oracle/time_sweep.py numpy|torch [POINTS [THREADS [SAMPLES [DIMENSION [STEPS]]]]]

Prints milliseconds of processor time a point, the least over heads trained 20 and 100 at once. `prefdyn-bench --sweep`
runs it beside prefdyn.
"""

import os
import sys
import time

BETA = 0.1


def numpy_points(np, heads, n, d, steps, seed):
    rng = np.random.default_rng(seed)
    label = np.where(np.arange(n) < n // 2, 1.0, -1.0)
    features = rng.standard_normal((heads, n, d))
    features[:, :, 0] += 0.5 * label
    gram = features.transpose(0, 2, 1) @ features / n
    eta = 1.0 / (0.5 * BETA**2 * np.linalg.eigvalsh(gram)[:, -1])
    z = features * label[None, :, None]
    transposed = np.ascontiguousarray(z.transpose(0, 2, 1))
    head = np.zeros((heads, d, 1))
    scale = (eta * BETA / n)[:, None, None]
    for _ in range(steps):
        slope = 1.0 / (1.0 + np.exp(2.0 * BETA * (z @ head)))
        head += scale * (transposed @ slope)
    return np.log1p(np.exp(-2.0 * BETA * (z @ head))).mean(axis=1)


def torch_points(torch, heads, n, d, steps, seed):
    torch.manual_seed(seed)
    label = torch.where(torch.arange(n) < n // 2, 1.0, -1.0).double()
    features = torch.randn(heads, n, d, dtype=torch.float64)
    features[:, :, 0] += 0.5 * label
    gram = features.mT @ features / n
    eta = 1.0 / (0.5 * BETA**2 * torch.linalg.eigvalsh(gram)[:, -1])
    z = features * label[None, :, None]
    transposed = z.mT.contiguous()
    head = torch.zeros(heads, d, 1, dtype=torch.float64)
    scale = (eta * BETA / n)[:, None, None]
    for _ in range(steps):
        head += scale * (transposed @ torch.sigmoid(-2.0 * BETA * (z @ head)))
    return torch.nn.functional.softplus(-2.0 * BETA * (z @ head)).mean(dim=1)


def milliseconds(work, library, points, heads, sizes):
    work(library, heads, *sizes, 0)  # warms up
    begin = time.process_time()
    done = 0
    while done < points:
        work(library, heads, *sizes, 1 + done)
        done += heads
    return (time.process_time() - begin) / done * 1e3


def main():
    library = sys.argv[1]
    points, threads, n, d, steps = ([int(x) for x in sys.argv[2:]] + [200, 1, 200, 64, 500][len(sys.argv) - 2:])
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    if library == "numpy":
        import numpy as module
        work = numpy_points
    else:
        import torch as module
        module.set_num_threads(threads)
        work = torch_points
    print(min(milliseconds(work, module, points, heads, (n, d, steps)) for heads in (20, 100)))


if __name__ == "__main__":
    main()
