"""Every number that `finetune` writes of its first and last model, recomputed by a plain Llama in double precision."""

import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np
from plain_llama import Llama, log_softmax
from recompute import Close, Head, mean_of, softplus
from report_checkpoint import write_byte_model, write_pairs

BETA, RATE = 0.3, 1e-3
SINGLE = 1e-4  # what a model in single precision may be off by, of numbers about as large as 0.1
PER_PAIR = ("loss", "rewards_chosen", "rewards_rejected", "rewards_margins", "rewards_accuracies", "rewards_ties",
            "outputs_accuracies", "logps_chosen", "logps_rejected")
PER_TOKEN = ("logits_chosen", "logits_rejected", "entropy", "mean_token_accuracy")
GEOMETRY = {"distinguishability": "distinguishability_sample", "distinguishability_debiased": None,
            "noise_floor": None, "concentration": None, "trace": None, "zbar_norm": None}


def setUpModule():
    global scratch, folder, runs
    scratch = tempfile.TemporaryDirectory()
    folder = Path(scratch.name)
    write_byte_model(folder / "model")
    write_pairs(folder / "classes.jsonl", 0.8, 20)
    write_pairs(folder / "others.jsonl", 0.4, 14)
    random = np.random.default_rng(7)
    lines = [{"prompt": "".join(random.choice(list("abc"), size=3)),
              "chosen": " " + "xyz"[:1 + k % 3], "rejected": " " + "uvw"[:1 + k % 2]} for k in range(11)]
    (folder / "answers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "mine.claim").write_text("[X1]\ntitle = few are wrong\nclaim = share(m > 0) >= 1 - loss / log(2)\n"
                                       "[X2]\ntitle = Jensen\nclaim = after step > 0: loss >= softplus(-mean(m))\n")
    descent = ("--optimizer", "sgd", "--max-grad-norm", 0, "--batch", 1000, "--steps", 1, "--records", 2)
    runs = {"step": finetune("step", "answers", "--held-out", 0, *descent),
            "classes": finetune("classes", "classes", "--one-token", "--held-out", 0, "--batch", 8, "--steps", 4,
                                "--records", 3),
            "two": finetune("two", "classes", "--one-token", "--held-out", 0, "--batch", 8, "--steps", 2,
                            "--records", 2, more="others"),
            "judged": finetune("judged", "classes", "--one-token", "--held-out", 0, "--batch", 8, "--steps", 4,
                               "--records", 3, "--claim-file", folder / "mine.claim"),
            "held": finetune("held", "classes", "--one-token", "--held-out", 0.25, "--batch", 4, "--steps", 3,
                             "--records", 2, "--split", "stratified")}


def tearDownModule():
    scratch.cleanup()


def finetune(name, pairs, *options, more=None):
    data = [folder / f"{each}.jsonl" for each in (pairs, more) if each]
    done = subprocess.run([os.environ["PREFDYN"], "finetune", "--model", folder / "model", "--data", *data,
                           "--beta", str(BETA), "--lr", str(RATE), "--threads", "1",
                           "--out", folder / name, *map(str, options)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return Run(name, pairs)


def pairs_of(name):
    """Prompt, chosen and rejected bytes of every line; of classes the answers share their space with the prompt, then
    one token tells them apart."""
    lines = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
    one = name != "answers"
    return [((line["prompt"] + " " * one).encode(), line["chosen"][one:].encode(), line["rejected"][one:].encode())
            for line in lines]


def labels(pairs):
    return np.array([1 if chosen == b"A" else -1 for _, chosen, _ in pairs])


def embeddings(model, pairs):
    return np.array([model.hidden(list(prompt))[-1] for prompt, _, _ in pairs])


class Run:
    def __init__(self, name, pairs):
        with h5py.File(folder / name / "run.h5") as file:
            self.columns = {key: file[key].asstr()[()] if h5py.check_string_dtype(file[key].dtype) else file[key][()]
                            for key in file}
        self.start, self.end = (Llama(folder / each) for each in ("model", name))
        self.pairs = pairs_of(pairs)

    def __getitem__(self, name):
        return self.columns[name]


def response(model, prompt, answer):
    """log pi, sums over the answer's tokens of the mean logit, the entropy and the hits, and how many tokens."""
    logits = model.logits(list(prompt + answer))[len(prompt) - 1:-1]
    log_pi = log_softmax(logits)
    own = list(answer)
    return {"logp": log_pi[range(len(own)), own].sum(), "logit": logits.mean(axis=1).sum(),
            "entropy": -(np.exp(log_pi) * log_pi).sum(), "hits": (logits.argmax(axis=1) == own).sum(),
            "length": len(own)}


def measures(pairs, model, reference):
    """TRL's metrics under their names, means over pairs or tokens."""
    both = [[response(each, prompt, answer) for answer in (chosen, rejected) for each in (model, reference)]
            for prompt, chosen, rejected in pairs]
    rewards = [[BETA * (now["logp"] - before["logp"]) for now, before in (p[:2], p[2:])] for p in both]
    tokens = [sum(p[side]["length"] for p in both) for side in (0, 2)]
    return {
        "loss": mean_of(softplus(-(w - l)) for w, l in rewards),
        "rewards_chosen": mean_of(w for w, _ in rewards), "rewards_rejected": mean_of(l for _, l in rewards),
        "rewards_margins": mean_of(w - l for w, l in rewards),
        "rewards_accuracies": mean_of(w > l for w, l in rewards),
        "rewards_ties": mean_of(w == l for w, l in rewards),
        "outputs_accuracies": mean_of(p[0]["logp"] > p[2]["logp"] for p in both),
        "logps_chosen": mean_of(p[0]["logp"] for p in both), "logps_rejected": mean_of(p[2]["logp"] for p in both),
        "logits_chosen": sum(p[0]["logit"] for p in both) / tokens[0],
        "logits_rejected": sum(p[2]["logit"] for p in both) / tokens[1],
        "entropy": sum(p[side]["entropy"] for p in both for side in (0, 2)) / sum(tokens),
        "mean_token_accuracy": sum(p[0]["hits"] for p in both) / tokens[0],
    }


def place_of(tensor):
    if tensor.startswith("model.layers."):
        return "layer " + tensor.split(".")[2]
    other = {"model.embed_tokens.weight": "embedding", "model.norm.weight": "final norm", "lm_head.weight": "head"}
    return other[tensor]


class FinetuneColumnsTest(Close, unittest.TestCase):
    def test_measures_of_all_pairs_before_and_after(self):
        for name in ("step", "classes"):
            run = runs[name]
            for record, model in ((0, run.start), (-1, run.end)):
                want = measures(run.pairs, model, run.start)
                self.assertEqual(set(want), set(PER_PAIR + PER_TOKEN))
                for measure, value in want.items():
                    self.close(f"{measure} of {name} at {record}", run[measure][0, record], value, SINGLE, 0.1)
                    self.assertTrue(np.isnan(run[f"eval_{measure}"]).all())

    def test_verdicts_of_claims(self):
        """Slack and tightness of X2 at the end, from the last model's margins; X1 from the accuracies."""
        run = runs["judged"]
        self.assertEqual(list(run["claim_status"]), ["holds", "holds"])
        loss, margin, right = (run[name][0] for name in ("loss", "rewards_margins", "rewards_accuracies"))
        at = {"X1": [(a, 1 - l / math.log(2)) for a, l in zip(right, loss)],
              "X2": list(zip(loss, (softplus(-m) for m in margin)))[1:]}
        for column, claim in enumerate(run["claim"]):
            bounds = [(value, bound) for value, bound in at[claim] if bound > 1e-9]
            self.close(f"slack of {claim}", run["verdict_slack"][0, column],
                       min((value - bound) / bound for value, bound in bounds), SINGLE, 1.0)
            self.close(f"tightness of {claim}", run["verdict_tightness_max"][0, column],
                       max(bound / value for value, bound in bounds), SINGLE, 1.0)

    def test_trained_and_held_out_pairs_are_all_pairs(self):
        """Which is which only the seed tells: their sums are those of all pairs."""
        run = runs["held"]
        n = len(run.pairs)
        trained = int(np.isfinite(run["label"][0]).sum())
        self.assertEqual(trained, 14)  # of ten of either class three are held out
        for record, model in ((0, run.start), (-1, run.end)):
            for measure, value in measures(run.pairs, model, run.start).items():
                both = [run[measure][0, record], run[f"eval_{measure}"][0, record]]
                self.close(measure, (trained * both[0] + (n - trained) * both[1]) / n, value, SINGLE, 0.1)
        self.assertNotEqual(run["logps_chosen"][0, 0], run["eval_logps_chosen"][0, 0])

    def test_behaviours_trained_together_are_measured_apart(self):
        run = runs["two"]
        self.assertEqual(list(run["part_run"]), [0, 0])
        for part, name in enumerate(("classes", "others")):
            for record, model in ((0, run.start), (-1, run.end)):
                for measure, value in measures(pairs_of(name), model, run.start).items():
                    self.close(f"{measure} of {name}", run[measure][part, record], value, SINGLE, 0.1)

    def test_geometry_is_that_of_the_prompts_last_hidden_states(self):
        run = runs["classes"]
        for record, model in ((0, run.start), (-1, run.end)):
            want = Head(embeddings(model, run.pairs), labels(run.pairs), BETA).statistics()
            for name, other in GEOMETRY.items():
                self.close(name, run[name][0, record], want[other or name], SINGLE)
        self.assertTrue(np.isnan(runs["step"]["distinguishability"]).all())  # no two classes

    def test_projections_are_along_the_axes_of_largest_variance(self):
        run = runs["classes"]
        np.testing.assert_array_equal(np.abs(run["label"][0]), 1)
        self.assertEqual(abs(int(run["label"][0] @ labels(run.pairs))), len(run.pairs))
        for when, model in (("before", run.start), ("after", run.end)):
            g = embeddings(model, run.pairs)
            centred = g - g.mean(axis=0)
            _, axes = np.linalg.eigh(centred.T @ centred)
            for axis in (0, 1):
                want, got = centred @ axes[:, -1 - axis], run[f"projection_{when}"][0, :, axis]
                np.testing.assert_allclose(got, np.sign(got @ want) * want, atol=1e-3 * np.abs(want).max())

    def test_a_step_goes_down_the_gradient_of_the_loss(self):
        """Along its own change d the loss falls at ||d||^2 / lr, place by place what initial_slope says."""
        run = runs["step"]
        change = {name: run.end.w[name] - run.start.w[name] for name in run.start.w}
        square = sum((d ** 2).sum() for d in change.values())

        def loss(step):
            moved = run.start.moved(change, step)
            return measures(run.pairs, moved, run.start)["loss"]

        slope = (loss(1e-3) - loss(-1e-3)) / 2e-3
        self.close("slope", slope, -square / RATE, 1e-4)
        self.close("weight_change", run["weight_change"][0, -1], math.sqrt(square), 1e-4)
        self.close("update_grad_norm", run["update_grad_norm"][0, 0], math.sqrt(square) / RATE, 1e-4)
        places = dict.fromkeys(run["place"], 0.0)
        for name, d in change.items():
            places[place_of(name)] += (d ** 2).sum() / RATE ** 2
        for place, got in zip(run["place"], run["initial_slope"][0], strict=True):
            self.close(f"slope of {place}", got, places[place], 2e-4, 1e-12)

    def test_the_heads_slope_is_t1(self):
        run = runs["two"]
        for part, name in enumerate(("classes", "others")):
            pairs = pairs_of(name)
            zbar = (labels(pairs)[:, None] * embeddings(run.start, pairs)).mean(axis=0)
            want = 2 * BETA ** 2 * 0.25 * (zbar ** 2).sum()
            self.close("t1", run["initial_slope_head_t1"][part], want, SINGLE)
            self.close("head", run["initial_slope"][part, list(run["place"]).index("head")], want, SINGLE)
        self.assertTrue(np.isnan(runs["step"]["initial_slope_head_t1"]).all())

    def test_updates(self):
        run = runs["step"]
        first = measures(run.pairs, run.start, run.start)
        for measure, value in first.items():
            self.close(f"update_{measure}", run[f"update_{measure}"][0, 0], value, SINGLE, 0.1)
        read = sum(len(p + c) + len(p + r) for p, c, r in run.pairs)
        self.assertEqual(run["update_num_tokens"][0, 0], read)
        for name, batch, pairs in (("step", 11, 11), ("classes", 8, 20), ("held", 4, 14)):
            own, updates = runs[name], len(runs[name]["update"])
            np.testing.assert_array_equal(own["update"], np.arange(1, updates + 1))
            self.assertTrue((own["update_learning_rate"] == RATE).all())
            per_epoch = math.ceil(pairs / batch)
            seen = [(k // per_epoch) + min(1.0, (k % per_epoch) * batch / pairs) for k in range(1, updates + 1)]
            np.testing.assert_allclose(own["update_epoch"][0], seen, rtol=1e-12)
            self.assertEqual(list(own["step"][0])[::len(own["step"][0]) - 1], [0, updates])
        self.assertEqual(runs["held"]["weight_change"][0, 0], 0)

    def test_every_number_is_recomputed_or_named_here(self):
        run = runs["step"]
        known = {f"{part}{name}" for part in ("", "eval_", "update_") for name in PER_PAIR + PER_TOKEN}
        known |= set(GEOMETRY) | {"weight_change", "initial_slope", "initial_slope_head_t1", "label",
                                  "projection_before", "projection_after", "update_grad_norm", "update_num_tokens",
                                  "update_learning_rate", "update_epoch", "update", "step"}
        known |= {"record", "axis", "prompt", "part_run", "run_seed"}
        left = {name for name, values in run.columns.items() if values.dtype.kind in "fi" and name not in known}
        self.assertEqual(left, set())


if __name__ == "__main__":
    sys.exit(unittest.main())
