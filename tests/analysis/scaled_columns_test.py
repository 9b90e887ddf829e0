"""Every number that `scaled` writes of its runs and pairs, recomputed from what --keep-data kept and from the model."""

import os
import subprocess
import sys
import tempfile
import unittest
from itertools import permutations
from pathlib import Path

import h5py
import numpy as np
from plain_llama import Llama
from recompute import (Close, Head, Sigmoid, dot, mean_of, norm, quantile, rank_correlation,
                       without_padding)
from report_checkpoint import NO, YES, write_model, write_tokens

BETA, BATCH, STEPS, LEARNING_RATE = 0.4, 8, 30, 0.1
SIZES = (24, 30, 40)
SINGLE = 2e-5  # the model's features and logits are in single precision


def setUpModule():
    global scratch, folder, data, path
    scratch = tempfile.TemporaryDirectory()
    folder = Path(scratch.name)
    write_model(folder / "model")
    write_tokens(folder / "tokens.h5", SIZES)
    path = folder / "scaled.h5"
    done = subprocess.run(
        [os.environ["PREFDYN"], "scaled", "--model", folder / "model", "--tokens", folder / "tokens.h5",
         "--split", "stratified", "--claims", "T1,T2b", "--beta", str(BETA), "--batch", str(BATCH),
         "--steps", str(STEPS), "--eta", str(LEARNING_RATE), "--pairs", "2", "--held-out", "0.25",
         "--keep-data", "--threads", "1", "--out", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with h5py.File(path) as file:
        data = {name: file[name].asstr()[()] if h5py.check_string_dtype(file[name].dtype) else file[name][()]
                for name in file}


def tearDownModule():
    scratch.cleanup()


def rows(suite):
    """Name of the behaviour -> row of its run."""
    return {name: row for row, (name, own) in enumerate(zip(data["run_name"], data["run_suite"], strict=True))
            if own == suite}


class Run:
    """A run with its reference head's logits, and the rows that were held out."""

    def __init__(self, row):
        self.row, self.suite, self.name = row, data["run_suite"][row], data["run_name"][row]
        self.head = Head(without_padding(data["data_features"][row]), without_padding(data["data_labels"][row]), BETA)
        self.v, self.time = without_padding(data["data_head"][row]), data["time"][row]
        self.on_model = self.suite not in ("features", "Gaussian twin")

    def logits(self, g):
        if not self.on_model:
            return np.zeros((len(g), 2)), (0, 1)
        weights = Llama(folder / "model").w["lm_head.weight"]
        if self.suite == "flipped, from aligned":
            aligned = Run(rows("last layer")[self.name]).v[-1]
            weights[YES] += aligned
            weights[NO] -= aligned
        return g @ weights.T, (YES, NO)

    def held_out(self):
        whole, sign = Run(rows("features")[self.name]).head, -1 if self.suite.startswith("flipped") else 1
        trained = {row.tobytes() for row in self.head.g}
        left = [i for i in range(whole.n) if whole.g[i].tobytes() not in trained]
        return Head(whole.g[left], sign * whole.s[left], BETA)

    def numbers(self, head, k):
        logits, tokens = self.logits(head.g)
        return {**head.record(self.v[k], self.time[k]), **head.policy(self.v[k], logits, tokens)}


def runs():
    return [Run(row) for row in range(len(data["run_suite"]))]


class RunTest(Close, unittest.TestCase):
    def test_there_is_a_run_a_behaviour_in_every_suite(self):
        suites = ["features", "last layer", "flipped, from base", "flipped, from aligned", "Gaussian twin"]
        self.assertEqual(list(data["run_suite"]), [s for s in suites for _ in SIZES])

    def test_features_are_the_models_last_hidden_states(self):
        model = Llama(folder / "model")
        with h5py.File(folder / "tokens.h5") as file:
            for name, row in rows("features").items():
                ids = file[name]["ids"][()].reshape(-1, 4)
                want = np.array([model.hidden(each)[-1] for each in ids])
                run = Run(row)
                np.testing.assert_allclose(run.head.g, want, rtol=SINGLE, atol=SINGLE)
                np.testing.assert_array_equal(run.head.s, file[name]["label"][()])

    def test_labels_are_flipped_and_nothing_else(self):
        for suite in ("flipped, from base", "flipped, from aligned"):
            for name, row in rows(suite).items():
                run, straight = Run(row), Run(rows("last layer")[name])
                np.testing.assert_array_equal(run.head.g, straight.head.g)
                np.testing.assert_array_equal(run.head.s, -straight.head.s)

    def test_three_quarters_of_either_class_are_trained_on(self):
        for run in map(Run, rows("last layer").values()):
            held = run.held_out()
            whole = Run(rows("features")[run.name]).head
            self.assertEqual(run.head.n + held.n, whole.n)
            for sign in (1, -1):
                share = (held.s == sign).sum() / (whole.s == sign).sum()
                self.assertLess(abs(share - 0.25), 1 / (whole.s == sign).sum())

    def test_records(self):
        for run in runs():
            for k in range(0, len(run.v), max(1, len(run.v) // 6)):
                for name, want in run.numbers(run.head, k).items():
                    single = run.on_model and name.startswith("logps")
                    self.close(f"{name} of {run.suite}, {run.name}, record {k}", data[name][run.row, k], want,
                               SINGLE if single else 1e-8, 1e-3)
                np.testing.assert_allclose(data["data_margins"][run.row, k, :run.head.n],
                                           run.head.margins(run.v[k]), rtol=1e-9, atol=1e-12)
                got = data["margin_quantiles"][run.row, k]
                for level, value in zip(data["quantile"], got, strict=True):
                    self.close("quantile", value, quantile(run.head.margins(run.v[k]), level), floor=1e-3)

    def test_held_out_rows(self):
        for run in runs():
            if not run.on_model:
                self.assertTrue(np.isnan(data["eval_loss"][run.row]).all())
                continue
            held = run.held_out()
            for k in range(0, len(run.v), max(1, len(run.v) // 6)):
                want = run.numbers(held, k)
                for name in want:
                    if f"eval_{name}" in data:
                        single = name.startswith("logps")
                        self.close(f"eval_{name} of {run.suite}", data[f"eval_{name}"][run.row, k], want[name],
                                   SINGLE if single else 1e-8, 1e-3)
                for level, value in zip(data["quantile"], data["eval_margin_quantiles"][run.row, k], strict=True):
                    self.close("quantile", value, quantile(held.margins(run.v[k]), level), floor=1e-3)

    def test_clock(self):
        for run in runs():
            step, last = data["step"][run.row][:len(run.v)], run.on_model
            eta = LEARNING_RATE if last else 0.5 / data["kappa"][run.row]
            self.close("learning rate", data["learning_rate"][run.row], eta)
            np.testing.assert_allclose(run.time[:len(step)], eta * step, rtol=1e-12)
            per_step = BATCH / run.head.n if last else 1.0
            np.testing.assert_allclose(data["epoch"][run.row][:len(step)], per_step * step, rtol=1e-12)
            self.assertEqual(step[-1], STEPS if last else 2000)

    def test_statistics(self):
        for run in runs():
            for name, want in run.head.statistics().items():
                self.close(f"{name} of {run.suite}", data[name][run.row], want)

    def test_twins_have_the_numbers_of_a_behaviour(self):
        for name, row in zip(rows("features"), np.flatnonzero(data["run_suite"] == "Gaussian twin"), strict=True):
            real, twin = Run(rows("features")[name]).head, Run(row).head
            self.assertEqual((real.n, real.d, (real.s > 0).sum()), (twin.n, twin.d, (twin.s > 0).sum()))

    def test_losses_at_fixed_steps(self):
        for run in map(Run, rows("features").values()):
            for k, step in enumerate(data["fixed_step"]):
                at = list(data["step"][run.row]).index(step)
                self.assertEqual(data["loss_at_fixed_step"][run.row, k], data["loss"][run.row, at])

    def test_every_number_is_recomputed_or_named_here(self):
        run = runs()[0]
        known = set(run.numbers(run.head, 0)) | set(run.head.statistics())
        known |= {f"eval_{name}" for name in known}
        known |= {"margin_quantiles", "step", "time", "epoch", "learning_rate", "fixed_step", "loss_at_fixed_step",
                  "kappa_time",
                  "spearman_loss_distinguishability", "run", "record", "quantile", "sample", "dimension",
                  "bound_T1", "bound_T2b", "eval_margin_quantiles", "control"}
        left = {name for name, values in data.items() if values.dtype.kind in "fi" and name not in known
                and not name.startswith(("config_", "data_", "error_", "verdict_", "claim_", "case_", "control_",
                                         "scaled_", "certificate_"))}
        self.assertEqual(left, set())


class ScaledTest(Close, unittest.TestCase):
    def test_projections_are_along_the_axes_of_largest_variance(self):
        for k, row in enumerate(rows("features").values()):
            head = Run(row).head
            centred = head.g - head.g.mean(axis=0)
            values, axes = np.linalg.eigh(centred.T @ centred)
            for axis in (0, 1):
                want = centred @ axes[:, -1 - axis]
                got = data["scaled_projection"][k, :head.n, axis]
                sign = np.sign(np.dot(got, want))
                np.testing.assert_allclose(got, sign * want, rtol=1e-6, atol=1e-8)
                self.close("share", data["scaled_axis_variance"][k, axis], values[-1 - axis] / values.sum(), 1e-8)
                self.assertGreaterEqual(mean_of(got[head.s > 0]), mean_of(got[head.s < 0]))
            np.testing.assert_array_equal(data["scaled_label"][k, :head.n], head.s)

    def test_pairs(self):
        layers, step = rows("last layer"), data["scaled_pair_step"]
        self.assertEqual(len(data["scaled_pair"]), 2)
        for p, name in enumerate(data["scaled_pair"]):
            both = [Run(layers[each]).head for each in name.split(" + ")]
            means = [h.g[h.s > 0].mean(axis=0) - h.g[h.s < 0].mean(axis=0) for h in both]
            middle = 0.5 * (means[0] + means[1])
            gap = (dot(middle, means[0]) - dot(middle, means[1])) / norm(middle) / max(map(norm, means))
            self.close("gap", data["scaled_pair_gap"][p], gap, floor=1e-3)
            self.assertGreaterEqual(norm(means[0]), norm(means[1]))
            heads = without_padding(data["scaled_pair_head"][p])
            self.assertEqual(len(heads), np.isfinite(step[p]).sum())
            weights = Llama(folder / "model").w["lm_head.weight"]
            for k, v in enumerate(heads):
                for member, head in enumerate(both):
                    margins = head.margins(v)
                    policy = head.policy(v, head.g @ weights.T, (YES, NO))
                    for column, want in (("loss", mean_of(map(Sigmoid.value, margins))),
                                         ("margin", mean_of(margins)),
                                         ("rewards_accuracy", mean_of(m > 0 for m in margins)),
                                         ("outputs_accuracy", policy["outputs_accuracies"])):
                        self.close(f"{column} of pair {p}", data[f"scaled_pair_{column}"][p, k, member], want,
                                   floor=1e-3)

    def test_rank_correlations(self):
        ends = {"training loss": "loss", "held-out loss": "eval_loss",
                "training reward accuracy": "rewards_accuracies",
                "held-out reward accuracy": "eval_rewards_accuracies", "head change": "head_change"}

        def last(name, run):
            return data[name][run.row][np.isfinite(data["step"][run.row])][-1]

        def steps_to(level, run):
            step, loss = data["step"][run.row], data["loss"][run.row]
            for k in range(len(step)):
                if loss[k] <= level:
                    if k == 0:
                        return step[0]
                    share = (loss[k - 1] - level) / (loss[k - 1] - loss[k])
                    return step[k - 1] + share * (step[k] - step[k - 1])
            return np.inf

        for c, text in enumerate(data["scaled_correlation"]):
            what, suite = text.removeprefix("D and ").split(", ")
            own = [Run(row) for row in rows(suite).values()]
            x = [data["distinguishability_sample"][run.row] for run in own]
            if what.endswith(" at the end"):
                y = [last(ends[what.removesuffix(" at the end")], run) for run in own]
            elif what.startswith("loss after "):
                k = list(data["fixed_step"]).index(int(what.split()[2]))
                y = [data["loss_at_fixed_step"][run.row, k] for run in own]
            else:
                level = sorted(last("loss", run) for run in own)[len(own) // 2]
                y = [steps_to(level, run) for run in own]
            want, got = rank_correlation(x, y), data["scaled_rank_correlation"][c]
            if np.isnan(want):
                self.assertTrue(np.isnan(got), text)
            else:
                self.close(text, got, want, 1e-12, 1.0)
                few = len(own) < 8
                for end, sign in (("low", 1), ("high", -1)):
                    bound = data[f"scaled_rank_correlation_{end}"][c]
                    self.assertTrue(np.isnan(bound) if few else sign * bound <= sign * got + 1e-12, text)
                if len(own) <= 9:
                    all_orders = [rank_correlation(x, order) for order in permutations(y)]
                    self.close(f"p of {text}", data["scaled_rank_correlation_p"][c],
                               np.mean([abs(r) >= abs(want) - 1e-9 for r in all_orders]), 1e-12, 1.0)
        for k, step in enumerate(data["fixed_step"]):
            x = data["distinguishability_sample"][list(rows("features").values())]
            y = data["loss_at_fixed_step"][list(rows("features").values()), k]
            self.close("spearman", data["spearman_loss_distinguishability"][k], rank_correlation(x, y), 1e-12, 1.0)

    def test_the_dense_head_was_held_against_the_reduction(self):
        checked = data["scaled_cross_check"]
        self.assertEqual(list(np.isfinite(checked)), [True, False, False])
        self.assertLess(checked[0], 1e-6)

    def test_judge_compares_its_columns(self):
        done = subprocess.run([os.environ["PREFDYN"], "judge", path, "--measured", "initial_rate_measured",
                               "--bound", "initial_rate_predicted", "--relation", "at-most", "--bound-error",
                               "lambda_max"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = subprocess.run([os.environ["PREFDYN"], "judge", path, "--measured", "loss", "--bound", "head_change",
                               "--relation", "at-most"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)


if __name__ == "__main__":
    sys.exit(unittest.main())
