"""Every number that `simulate` writes for a run, recomputed by plain loops from what --keep-data kept."""

import math
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np

PREFDYN = os.environ["PREFDYN"]
BETA = 0.4


def softplus(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def sigmoid(x):
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


def norm(values):
    return math.sqrt(math.fsum(float(x) ** 2 for x in values))


def quantile(values, level):
    ordered, place = sorted(values), level * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def closest(comparisons, at_least=False):
    """The bound that stands closest to what was measured, of (measured, bound)."""
    def slack(comparison):
        measured, bound = comparison
        return (measured - bound if at_least else bound - measured) / abs(bound) if bound else math.inf
    return min(comparisons, key=slack)[1]


class Run:
    """One run of a file, and what plain loops make of its features, labels and heads."""

    def __init__(self, path):
        with h5py.File(path) as file:
            self.columns = {name: file[name][()] for name in file}
        self.g = self.columns["data_features"][0]
        self.s = self.columns["data_labels"][0]
        self.v = self.columns["data_head"][0]
        self.eta = self.columns["learning_rate"][0]
        self.n, self.d = self.g.shape

    def margins(self, v):
        return [2.0 * BETA * self.s[i] * math.fsum(self.g[i, j] * v[j] for j in range(self.d))
                for i in range(self.n)]

    def velocity(self, v):
        weight = [BETA * sigmoid(-m) * self.s[i] / self.n for i, m in enumerate(self.margins(v))]
        return [math.fsum(weight[i] * self.g[i, j] for i in range(self.n)) for j in range(self.d)]

    def record(self, k):
        """Name -> value at record k, of a zero reference head over two tokens."""
        v, margins = self.v[k], self.margins(self.v[k])
        time = self.columns["time"][0, k]
        start = self.velocity(np.zeros(self.d))
        chosen = [-softplus(-m / BETA) for m in margins]  # the logits differ by m / beta
        rejected = [-softplus(m / BETA) for m in margins]

        def mean(values):
            return math.fsum(values) / self.n

        return {
            "loss": mean(softplus(-m) for m in margins),
            "head_change": math.sqrt(2.0) * norm(v),
            "head_change_spectral": math.sqrt(2.0) * norm(v),
            "update_rate": math.sqrt(2.0) * norm(self.velocity(v)),
            "linear_remainder": math.sqrt(2.0) * norm(v[j] - time * start[j] for j in range(self.d)),
            "rewards_margins": mean(margins),
            "rewards_accuracies": mean(m > 0 for m in margins),
            "rewards_ties": mean(m == 0 for m in margins),
            "outputs_accuracies": mean(c > r for c, r in zip(chosen, rejected)),
            "outputs_ties": mean(c == r for c, r in zip(chosen, rejected)),
            "logps_chosen": mean(chosen),
            "logps_rejected": mean(rejected),
            "rewards_chosen": mean(BETA * (c + math.log(2.0)) for c in chosen),
            "rewards_rejected": mean(BETA * (r + math.log(2.0)) for r in rejected),
            "margin_quantiles": [quantile(margins, q) for q in self.columns["quantile"]],
        }

    def statistics(self):
        plus = [i for i in range(self.n) if self.s[i] > 0]
        minus = [i for i in range(self.n) if self.s[i] < 0]

        def mean(rows):
            return [math.fsum(self.g[i, j] for i in rows) / len(rows) for j in range(self.d)]

        def covariance(rows):
            centre = np.array(mean(rows))
            return sum(np.outer(self.g[i] - centre, self.g[i] - centre) for i in rows) / (len(rows) - 1)

        difference = [a - b for a, b in zip(mean(plus), mean(minus))]
        spread = {len(rows): covariance(rows) for rows in (plus, minus)}
        floor = sum(np.trace(covariance(rows)) / len(rows) for rows in (plus, minus))
        moment = sum(np.outer(row, row) for row in self.g) / self.n
        top = np.linalg.eigvalsh(moment)[-1]
        zbar = norm(math.fsum(self.s[i] * self.g[i, j] for i in range(self.n)) / self.n
                    for j in range(self.d))
        return {
            "run_samples": self.n, "run_dimension": self.d, "p_plus": len(plus) / self.n,
            "distinguishability_sample": norm(difference),
            "distinguishability_debiased": math.sqrt(max(0.0, norm(difference) ** 2 - floor)),
            "noise_floor": math.sqrt(floor), "zbar_norm": zbar, "lambda_max": top,
            "trace": max(np.trace(c) for c in spread.values()),
            "concentration": max(np.linalg.eigvalsh(c)[-1] for c in spread.values()),
            "kappa": 0.5 * BETA ** 2 * top,
            "initial_rate_predicted": BETA / math.sqrt(2.0) * zbar,
            "initial_rate_measured": math.sqrt(2.0) * norm(self.velocity(np.zeros(self.d))),
        }

    def bounds(self, k):
        """Claim -> bound at record k > 0."""
        told = self.statistics()
        kappa, rate, step = told["kappa"], told["initial_rate_predicted"], self.columns["step"][0, k]
        time, shrink = self.eta * step, 1.0 - self.eta * kappa
        record, first = self.record(k), self.record(0)
        drop = first["loss"] - record["loss"]
        energy = 1.0 - 0.5 * self.eta * kappa
        decayed = (1.0 - shrink ** (2 * step)) / (2.0 * kappa)
        return {
            "T2a": self.record(k - 1)["update_rate"],
            "T2b": min(time * rate, math.sqrt(time * drop / energy),
                       math.sqrt(time * math.log(2.0) / energy)),
            "T3a": rate * shrink ** step, "T3b": rate * decayed,
            "T3c": 0.5 * kappa * time ** 2 * rate,
            "T4a": rate ** 2 * decayed, "T4b": time * rate ** 2,
            "T6b": 1.0 - record["loss"] / math.log(2.0),
            **self.tangent_bounds(k),
        }

    def tangent_bounds(self, k):
        """Of the claims on how far the path leaves its tangent, and of late times."""
        told, record, v = self.statistics(), self.record(k), self.v[k]
        kappa, rate, zbar = told["kappa"], told["initial_rate_predicted"], told["zbar_norm"]
        step = self.columns["step"][0, k]
        time, x = self.eta * step, told["kappa"] * self.eta * step
        mean = [math.fsum(self.s[i] * self.g[i, j] for i in range(self.n)) / self.n for j in range(self.d)]
        lengths = [norm(row) for row in self.g]
        along = [self.s[i] * math.fsum(self.g[i, j] * mean[j] for j in range(self.d)) / zbar
                 for i in range(self.n)]
        square = math.fsum(p * p for p in along) / self.n
        q = 0.5 * BETA ** 2 * square / kappa
        energy = 1.0 - 0.5 * self.eta * kappa
        bend = min(0.5 * kappa * (time - self.eta), math.sqrt(q) * (math.exp(x) - 1.0 - x) / x,
                   2.0 / 3.0 * math.sqrt(0.5 * x / energy))
        shrink = 1.0 - self.eta * kappa
        held = max((1.0 - shrink ** (2 * (step - m))) / (2.0 * kappa)
                   + energy * self.eta * m / (1.0 + 2.0 * kappa * energy * self.eta * m)
                   for m in range(int(step) + 1))
        decay, top = 1.0, 2.0 * BETA ** 2 * max(lengths) ** 2
        for j in range(k):
            steps = self.columns["step"][0, j + 1] - self.columns["step"][0, j]
            decay *= max(0.0, 1.0 - self.eta * top * self.record(j)["loss"]) ** steps
        out = {
            "T3e": rate * held,
            "T3f": rate * decay,
            "T13a": closest([(abs(m - time * BETA ** 2 * a * zbar),
                              2.0 * BETA * l * bend * time * rate / math.sqrt(2.0))
                             for m, a, l in zip(self.margins(v), along, lengths)]),
        }
        falls = math.sqrt(max(0.0, 1.0 - q * (math.exp(2.0 * x) - 1.0)))
        line, speed = (record["linear_remainder"], bend * time * rate), (record["update_rate"], rate * falls)
        slack = [(line[1] - line[0]) / line[1] if line[1] else math.inf,
                 (speed[0] - speed[1]) / speed[1] if speed[1] else speed[0]]
        out["T3d"] = line[1] if slack[0] <= slack[1] else speed[1]
        if k > 1:
            out["T4c"] = closest([(self.record(j)["loss"], record["loss"] + record["head_change"] ** 2
                                   / (2.0 * self.eta * self.columns["step"][0, j])) for j in range(1, k)])
        if bend < 1.0:
            out["T6a"] = sum(a / l > bend for a, l in zip(along, lengths)) / self.n
            out["T13b"] = bend
        spread = square - zbar ** 2
        chebyshev = []
        for share in (0.9, 0.98, 1.0):
            reach = zbar - bend * sorted(lengths)[math.ceil(share * self.n) - 1]
            if reach > 0.0:
                chebyshev.append((record["rewards_accuracies"], share - spread / (spread + reach ** 2)))
        if chebyshev:
            out["T6f"] = closest(chebyshev, at_least=True)
        return out


class ColumnsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        path = Path(cls.folder.name) / "run.h5"
        subprocess.run([PREFDYN, "simulate", "--samples", "41", "--dimension", "6", "--beta", str(BETA),
                        "--distinguishability", "2", "--common-norm", "0.7", "--balance", "0.4",
                        "--steps", "40", "--records", "9", "--keep-data", "--out", path],
                       check=True, capture_output=True)
        cls.path, cls.run_ = path, Run(path)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def close(self, name, got, want, scale=None):
        scale = max(abs(want), 1e-300) if scale is None else scale
        self.assertLessEqual(abs(got - want), 1e-9 * scale, f"{name}: {got}, recomputed {want}")

    def test_the_head_moves_by_gradient_descent(self):
        steps = [int(x) for x in self.run_.columns["step"][0]]
        v, step = np.zeros(self.run_.d), 0
        for k, wanted in enumerate(steps):
            while step < wanted:
                v, step = v + self.run_.eta * np.array(self.run_.velocity(v)), step + 1
            np.testing.assert_allclose(self.run_.v[k], v, rtol=1e-9, atol=1e-12)
            self.close("time", self.run_.columns["time"][0, k], self.run_.eta * wanted)
            self.close("epoch", self.run_.columns["epoch"][0, k], wanted)

    def test_records(self):
        for k in range(len(self.run_.v)):
            for name, want in self.run_.record(k).items():
                got = self.run_.columns[name][0, k]
                for a, b in zip(np.atleast_1d(got), np.atleast_1d(want)):
                    self.close(f"{name} at record {k}", a, float(b), max(abs(float(b)), 1e-3))
            np.testing.assert_allclose(self.run_.columns["data_margins"][0, k],
                                       self.run_.margins(self.run_.v[k]), rtol=1e-9, atol=1e-12)

    def test_statistics(self):
        for name, want in self.run_.statistics().items():
            self.close(name, self.run_.columns[name][0], want)

    def test_bounds(self):
        for k in range(1, len(self.run_.v)):
            for claim, want in self.run_.bounds(k).items():
                self.close(f"bound of {claim} at record {k}",
                           self.run_.columns[f"bound_{claim}"][0, k], want, max(abs(want), 1e-3))

    def test_every_number_of_a_run_is_recomputed_or_named_here(self):
        """A new column must be recomputed above or be one of these, which say what was asked for."""
        known = set(self.run_.record(0)) | set(self.run_.statistics())
        known |= {f"bound_{claim}" for k in range(1, len(self.run_.v)) for claim in self.run_.bounds(k)}
        known |= {"run", "record", "quantile", "claim", "sample", "dimension", "step", "time", "epoch",
                  "learning_rate", "bound_T5p", "bound_T6e"}
        left = {name for name, values in self.run_.columns.items()
                if values.dtype.kind in "fi" and name not in known
                and not name.startswith(("config_", "data_", "eval_", "error_", "verdict_", "claim_"))}
        self.assertEqual(left, set())

    def test_judge_holds_columns_against_each_other(self):
        def judge(*options):
            return subprocess.run([PREFDYN, "judge", self.path, *options], capture_output=True, text=True)

        held = judge("--measured", "update_rate", "--bound", "bound_T3a", "--relation", "at-least")
        self.assertEqual(held.returncode, 0, held.stderr)
        self.assertTrue(held.stdout.startswith("holds"), held.stdout)
        broken = judge("--measured", "update_rate", "--bound", "bound_T3a", "--relation", "at-most")
        self.assertEqual(broken.returncode, 1)
        self.assertTrue(broken.stdout.startswith("violated"), broken.stdout)
        wide = judge("--measured", "update_rate", "--bound", "bound_T3a", "--relation", "at-least",
                     "--measured-error", "time")
        self.assertEqual(wide.returncode, 0)
        self.assertTrue(wide.stdout.startswith("undecided"), wide.stdout)
        wrong = judge("--measured", "update_rate", "--bound", "kappa")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("shape", wrong.stderr)


if __name__ == "__main__":
    sys.exit(unittest.main())
