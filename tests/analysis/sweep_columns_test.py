"""Every number of a merged sweep, recomputed by plain loops from what --keep-data kept."""

import itertools
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np
from recompute import Close, Discopop, Head, Sigmoid, dot, mean_of, norm, without_padding

PREFDYN = os.environ["PREFDYN"]
BETA = 0.4
STATUS = {"holds": 0, "not_applicable": 2}
CLAIMS = ("T1", "T2a", "T2b", "T3a", "T3b", "T3c", "T4a", "T4b", "T6b")
RUN = f"""
samples = 20, 31
distinguishability = 1, 4
dimension = 4
common-norm = 0.5
beta = {BETA}
eta-kappa = 0.1
steps = 12
records = 5
replicates = 2
claims = {",".join(CLAIMS)}
"""
PRIORITY = f"""
experiment = priority
loss = sigmoid, discopop
angle = 20, 150
samples = 36
dimension = 4
beta = {BETA}
eta-kappa = 0.02
steps = 12
records = 5
"""


def prefdyn(*arguments, code=0):
    done = subprocess.run([PREFDYN, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def sweep(folder, name, text, *options):
    """The merged file's columns."""
    spec, out = folder / f"{name}.ini", folder / f"{name}.h5"
    spec.write_text(text)
    prefdyn("sweep", spec, "--out", folder / name, *options)
    prefdyn("merge", folder / name, "-o", out)
    with h5py.File(out) as file:
        return {key: file[key][()] for key in file}


def setUpModule():
    global scratch, folder, run, priority
    scratch = tempfile.TemporaryDirectory()
    folder = Path(scratch.name)
    run = sweep(folder, "run", RUN, "--keep-data")
    priority = sweep(folder, "priority", PRIORITY + "keep-data = true\n")


def tearDownModule():
    scratch.cleanup()


def points(columns):
    return itertools.product(*map(range, columns["point_status"].shape))


class Point:
    """One point's part of every column."""

    def __init__(self, columns, at, phi):
        rank = len(at)
        self.columns = {name: values[at] for name, values in columns.items()
                        if values.shape[:rank] == columns["point_status"].shape}
        g = without_padding(self["data_features"])
        self.head = Head(g[:, :4], without_padding(self["data_labels"]), BETA, phi)
        self.v = without_padding(self["data_head"])
        self.time = self["time"]

    def __getitem__(self, name):
        return self.columns[name]

    def record(self, k):
        return self.head.record(self.v[k], self.time[k])

    def behaviours(self):
        """Rows of each."""
        number = without_padding(self["data_behaviour"])
        return [[i for i in range(self.head.n) if number[i] == k] for k in (1, 2)]


class RunTest(Close, unittest.TestCase):
    def points(self):
        return [Point(run, at, Sigmoid) for at in points(run)]

    def test_shorter_runs_end_in_nan(self):
        sizes = {Point(run, at, Sigmoid).head.n for at in points(run)}
        self.assertEqual(sizes, {20, 31})
        self.assertEqual(run["data_features"].shape[-2:], (31, 4))

    def test_the_head_moves_by_gradient_descent(self):
        for p in self.points():
            eta, v, step = p["learning_rate"], np.zeros(4), 0
            for k, wanted in enumerate(p["step"]):
                while step < wanted:
                    v, step = v + eta * np.array(p.head.velocity(v)), step + 1
                np.testing.assert_allclose(p.v[k], v, rtol=1e-9, atol=1e-12)
                self.close("time", p.time[k], eta * wanted)

    def test_numbers_and_curves(self):
        for p in self.points():
            for name, want in p.head.statistics().items():
                if name in p.columns:
                    self.close(name, p[name], want)
            self.close("learning_rate", p["learning_rate"], 0.1 / p["kappa"])
            self.assertEqual(p["stop_code"], 0)
            for k in range(len(p.v)):
                for name, want in p.record(k).items():
                    if name in p.columns:
                        self.close(f"{name} at {k}", p[name][k], want, floor=1e-3)
                np.testing.assert_allclose(p["data_margins"][k, :p.head.n], p.head.margins(p.v[k]),
                                           rtol=1e-9, atol=1e-12)

    def test_verdicts(self):
        """Slack and largest tightness over the records, by the bounds' own formulas."""
        for p in self.points():
            told, records = p.head.statistics(), [p.record(k) for k in range(len(p.v))]
            slack, tight = {"T1": [0.0]}, {"T1": [told["initial_rate_measured"] / told["initial_rate_predicted"]]}
            for k in range(1, len(records)):
                bounds = p.head.bounds(p["learning_rate"], p["step"][k], (records[k - 1], records[k], records[0]))
                for claim, (measured, bound, at_least) in bounds.items():
                    distance = measured - bound if at_least else bound - measured
                    if bound > 0:
                        slack.setdefault(claim, []).append(distance / bound)
                        tight.setdefault(claim, []).append(bound / measured if at_least else measured / bound)
            for claim in CLAIMS:
                self.assertEqual(p[f"{claim}_status"], STATUS["holds"], claim)
                self.close(f"slack of {claim}", p[f"{claim}_slack"], min(slack[claim]), floor=1e-2)
                self.close(f"tightness of {claim}", p[f"{claim}_tightness"], max(tight[claim]))

    def test_every_number_is_recomputed_or_named_here(self):
        p = Point(run, (0, 0, 0), Sigmoid)
        known = set(p.head.statistics()) | set(p.record(0))
        known |= {f"{claim}_{part}" for claim in CLAIMS for part in ("status", "slack", "tightness")}
        known |= {"step", "time", "learning_rate", "stop_code", "point_status"}
        left = {name for name, values in p.columns.items() if np.asarray(values).dtype.kind in "fi" and name not in known
                and not name.startswith(("data_", "eval_"))}
        self.assertEqual(left, set())
        for name in ("eval_loss", "eval_rewards_accuracies"):
            self.assertTrue(np.isnan(run[name]).all())  # nothing was held out

    def test_judge_compares_its_columns(self):
        path = folder / "run.h5"
        equal = ("--measured", "initial_rate_measured", "--bound", "initial_rate_predicted")
        self.assertTrue(prefdyn("judge", path, *equal, "--relation", "equal", "--bound-error",
                                "own_error", code=2).stderr)
        with h5py.File(path) as file, h5py.File(folder / "own.h5", "w") as own:
            own["margin"] = file["data_margins"][()]
            features, labels, head = (file[f"data_{name}"][()] for name in ("features", "labels", "head"))
            own["twice"] = 2 * BETA * labels[..., None, :] * np.einsum("...ij,...kj->...ki", features, head)
            own["error"] = 1e-12 + 0 * own["twice"][()]
        held = ("--measured", "margin", "--relation", "equal", "--measured-error", "error")
        said = prefdyn("judge", folder / "own.h5", *held, "--bound", "twice").stdout
        self.assertTrue(said.startswith("holds"), said)
        prefdyn("judge", path, "--measured", "distinguishability_sample", "--bound", "distinguishability_debiased",
                "--relation", "at-least")
        prefdyn("judge", path, "--measured", "data_margins", "--bound", "data_head", code=2)


class PriorityTest(Close, unittest.TestCase):
    def points(self):
        return [Point(priority, at, (Sigmoid, Discopop)[at[0]]) for at in points(priority)]

    def levels(self, p):
        """||bbar||, b_k and P_k."""
        parts = p.behaviours()
        b = [[mean_of(p.head.s[i] * p.head.g[i, j] for i in part) for j in range(4)] for part in parts]
        bbar = [mean_of(p.head.s[i] * p.head.g[i, j] for i in range(p.head.n)) for j in range(4)]
        return norm(bbar), b, [dot(bbar, each) / norm(bbar) for each in b]

    def test_numbers(self):
        for p in self.points():
            self.close("kappa", p["kappa"], p.head.statistics()["kappa"], 1e-6)
            _, b, level = self.levels(p)
            for k in (0, 1):
                self.close("level", p[f"level_{k + 1}"], level[k])
            apart = norm(x - y for x, y in zip(*b, strict=True))
            self.close("lead_time", p["lead_time"], 2 * (level[0] - level[1]) / (p["kappa"] * apart))
            difference = []
            for part in p.behaviours():
                side = [[i for i in part if p.head.s[i] == s] for s in (1, -1)]
                difference.append([mean_of(p.head.g[i, j] for i in side[0])
                                   - mean_of(p.head.g[i, j] for i in side[1]) for j in range(4)])
            middle = [0.5 * (x + y) for x, y in zip(*difference, strict=True)]
            gap = (dot(middle, difference[0]) - dot(middle, difference[1])) / norm(middle)
            self.close("gap", p["gap"], gap / max(map(norm, difference)), 1e-9, 1e-3)

    def test_curves(self):
        for p in self.points():
            self.assertEqual(len(p.v), np.isfinite(p.time).sum())
            for k, v in enumerate(p.v):
                margins = p.head.margins(v)
                for number, part in enumerate(p.behaviours(), 1):
                    own = [margins[i] for i in part]
                    self.close("margin", p[f"margin_{number}"][k], mean_of(own), floor=1e-3)
                    self.close("accuracy", p[f"accuracy_{number}"][k], mean_of(m > 0 for m in own))
                    self.close("loss", p[f"loss_{number}"][k], mean_of(map(p.head.phi.value, own)))

    def test_crossing(self):
        for p in self.points():
            order = (1, 2) if p["level_1"] > p["level_2"] else (2, 1)
            high, low = (p[f"margin_{k}"] for k in order)
            caught = [t for t, a, b in zip(p.time, high, low) if t > 0 and a <= b]
            if caught:
                self.assertEqual(p["crossing"], caught[0])
            else:
                self.assertTrue(np.isnan(p["crossing"]))

    def test_slopes_have_the_sign_of_the_loss(self):
        """T8a and T8c: M_k(eta) / eta = -2 phi'(0) beta^2 ||bbar|| P_k after one step."""
        for p in self.points():
            length, _, level = self.levels(p)
            scale = -2 * p.head.phi.slope_at_zero * BETA ** 2 * length
            for k in (0, 1):
                self.close("slope", p[f"margin_{k + 1}"][1] / p.time[1], scale * level[k])
            for claim in ("T8a", "T8c", "T8d"):
                self.assertEqual(p[f"{claim}_status"], STATUS["holds"])
            falls = p.head.phi.slope_at_zero < 0
            self.assertEqual(p["T8b_status"], STATUS["holds" if falls else "not_applicable"])

    def test_every_number_is_recomputed_or_named_here(self):
        p = Point(priority, (0, 0, 0), Sigmoid)
        known = {"kappa", "lead_time", "gap", "crossing", "time", "point_status"}
        known |= {f"{name}_{k}" for name in ("level", "margin", "accuracy", "loss") for k in (1, 2)}
        left = {name for name, values in p.columns.items() if np.asarray(values).dtype.kind in "fi" and name not in known
                and not name.startswith(("data_", "T8"))}
        self.assertEqual(left, set())


class KeepTest(unittest.TestCase):
    def test_a_sweep_that_keeps_is_another_sweep(self):
        (folder / "plain.ini").write_text(RUN)
        said = prefdyn("sweep", folder / "plain.ini", "--out", folder / "run", code=2).stderr
        self.assertIn("- keep-data = true", said)

    def test_data_that_do_not_fit_are_refused_before_a_point_runs(self):
        (folder / "large.ini").write_text("samples = 100000\ndimension = 1000, 2000, 3000\n")
        said = prefdyn("sweep", folder / "large.ini", "--out", folder / "large", "--keep-data", code=2).stderr
        self.assertIn("keep-data: the data of 3 runs take", said)
        self.assertFalse((folder / "large").exists())

    def test_the_dense_head_has_no_v(self):
        (folder / "dense.ini").write_text("engine = dense, reduced\nsamples = 20\ndimension = 3\n"
                                          "steps = 3\nrecords = 2\nkeep-data = true\n")
        prefdyn("sweep", folder / "dense.ini", "--out", folder / "dense", code=2)
        prefdyn("merge", folder / "dense", "-o", folder / "dense.h5")
        with h5py.File(folder / "dense.h5") as file:
            self.assertEqual(list(file["point_status"][:, 0]), [2, 1])
            self.assertIn(b"there is no v", file["failed_reason"][0])


if __name__ == "__main__":
    sys.exit(unittest.main())
