"""Every number that `simulate` writes for a run, recomputed by plain loops from what --keep-data kept."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np
from recompute import Close, Head, quantile, tangent_bounds

PREFDYN = os.environ["PREFDYN"]
BETA = 0.4


class Run:
    """One run of a file, and what plain loops make of its features, labels and heads."""

    def __init__(self, path):
        with h5py.File(path) as file:
            self.columns = {name: file[name][()] for name in file}
        self.head = Head(self.columns["data_features"][0], self.columns["data_labels"][0], BETA)
        self.v = self.columns["data_head"][0]
        self.eta = self.columns["learning_rate"][0]

    def record(self, k):
        """Name -> value at record k, of a zero reference head over two tokens."""
        quantiles = [quantile(self.head.margins(self.v[k]), q) for q in self.columns["quantile"]]
        return {**self.head.record(self.v[k], self.columns["time"][0, k]),
                **self.head.policy(self.v[k], np.zeros((self.head.n, 2)), (0, 1)),
                "margin_quantiles": quantiles}

    def bounds(self, k):
        """Claim -> bound at record k > 0."""
        records = [self.record(j) for j in (k - 1, k, 0)]
        steps = [float(x) for x in self.columns["step"][0][:k + 1]]
        all_three = self.head.bounds(self.eta, steps[-1], records)
        return {**{claim: bound for claim, (_, bound, _) in all_three.items()},
                **tangent_bounds(self.head, self.eta, steps, [self.record(j) for j in range(k + 1)], self.v[k])}


class ColumnsTest(Close, unittest.TestCase):
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

    def test_the_head_moves_by_gradient_descent(self):
        steps = [int(x) for x in self.run_.columns["step"][0]]
        v, step = np.zeros(self.run_.head.d), 0
        for k, wanted in enumerate(steps):
            while step < wanted:
                v, step = v + self.run_.eta * np.array(self.run_.head.velocity(v)), step + 1
            np.testing.assert_allclose(self.run_.v[k], v, rtol=1e-9, atol=1e-12)
            self.close("time", self.run_.columns["time"][0, k], self.run_.eta * wanted)
            self.close("epoch", self.run_.columns["epoch"][0, k], wanted)

    def test_records(self):
        for k in range(len(self.run_.v)):
            for name, want in self.run_.record(k).items():
                got = self.run_.columns[name][0, k]
                for a, b in zip(np.atleast_1d(got), np.atleast_1d(want)):
                    self.close(f"{name} at record {k}", a, b, floor=1e-3)
            np.testing.assert_allclose(self.run_.columns["data_margins"][0, k],
                                       self.run_.head.margins(self.run_.v[k]), rtol=1e-9, atol=1e-12)

    def test_statistics(self):
        for name, want in self.run_.head.statistics().items():
            self.close(name, self.run_.columns[name][0], want)

    def test_bounds(self):
        for k in range(1, len(self.run_.v)):
            for claim, want in self.run_.bounds(k).items():
                self.close(f"bound of {claim} at record {k}",
                           self.run_.columns[f"bound_{claim}"][0, k], want, floor=1e-3)

    def test_every_number_of_a_run_is_recomputed_or_named_here(self):
        """A new column must be recomputed above or be one of these, which say what was asked for."""
        known = set(self.run_.record(0)) | set(self.run_.head.statistics())
        known |= {f"bound_{claim}" for k in range(1, len(self.run_.v)) for claim in self.run_.bounds(k)}
        known |= {"run", "record", "quantile", "claim", "sample", "dimension", "step", "time", "epoch",
                  "learning_rate", "bound_T5p", "bound_T5bp", "bound_T6e", "bound_T6f",
                  "bound_T15", "kappa_time"}
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
