"""Numbers that README.md and docs/*.md print, computed again and held against the text of the page.

PREFDYN names the program. Real data lie under $PREFDYN_DATA, else ../shared/data; what wants them is skipped with a line
`SKIPPED: reason` where they are absent. Of each page the cheapest numbers that still depend on what it is about; all of
them together take about 30 seconds of processor time. docs/options.md and docs/file-format.md are compared whole by
docs_test.cpp, docs/house.md by house_test.cpp; docs/performance.md has timings.
"""

import configparser
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
PREFDYN = os.environ["PREFDYN"]
DATA = pathlib.Path(os.environ.get("PREFDYN_DATA", ROOT / ".." / "shared" / "data")).resolve()
MODEL = DATA / "checkpoints" / "stories260K"
PERSONAS = DATA / "persona"
FEATURES = DATA / "embeddings" / "stories260K_persona.h5"


def needs(*paths):
    """Skips a test, loudly, where a path is absent."""
    for path in paths:
        if not path.exists():
            print(f"SKIPPED: {path} is absent (set PREFDYN_DATA)", flush=True)
            raise unittest.SkipTest(f"{path} is absent")


class PageTest(unittest.TestCase):
    """A folder of its own, the program, and the numbers of a page."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def prefdyn(self, *words, code=0):
        done = subprocess.run([PREFDYN, *map(str, words)], capture_output=True, text=True, cwd=self.folder)
        self.assertEqual(done.returncode, code, f"{words}\n{done.stdout}{done.stderr}")
        return done.stdout

    def result(self, name):
        file = h5py.File(self.folder / name)
        self.addCleanup(file.close)
        return file

    def published(self, page, pattern):
        """The groups of the pattern, which occurs once in the page; a space stands for any white space."""
        text = (ROOT / page).read_text(encoding="utf-8")
        found = list(re.finditer(re.sub(" +", r"\\s+", pattern), text))
        self.assertEqual(len(found), 1, f"{page} has {len(found)} matches of {pattern}, must have one")
        return found[0].groups()

    def same(self, text, value):
        """The value, rounded to the digits that the text has, is the text's number."""
        mantissa, _, power = text.partition("e")
        unit = 10.0 ** (int(power or 0) - len(mantissa.partition(".")[2]))
        self.assertLessEqual(abs(float(text) - value), 0.5 * unit * (1 + 1e-9), f"the page says {text}, now {value}")


class Readme(PageTest):
    def test_number_of_losses(self):
        (count,) = self.published("README.md", r"(\d+) losses under TRL's names")
        losses = re.search(r"--loss .*?\n(?: +)(.*?);", self.prefdyn("simulate", "--help"), re.S)[1]
        self.assertEqual(int(count), len(losses.split("|")))


class Theory(PageTest):
    def test_how_tight_t3b_can_be(self):
        (limit,) = self.published("docs/theory.md", r"drives T3b to `\(1 \+ e\^\{-1\}\)/2 = ([\d.]+)`")
        self.same(limit, (1 + np.exp(-1)) / 2)
        said = self.prefdyn("falsify", "--claim", "T3b", "--after", 1, "--budget", 3000, "--threads", 1, "--out", "case.ini")
        reached = float(re.search(r"not broken: ([\d.]+) of its bound", said)[1])
        self.assertLess(abs(reached / float(limit) - 1), 0.005)


class Findings(PageTest):
    PAGE = "docs/findings.md"

    def setUp(self):
        super().setUp()
        self.prefdyn("verify", "--quick", "--claims", "T10a,T12", "--threads", 1, "--out", "quick.h5")
        self.file = self.result("quick.h5")

    def test_numbers_that_the_quick_profile_has_too(self):
        self.broken_assumptions()
        self.squeezing()
        self.displacement()

    def broken_assumptions(self):
        rows = {"a response never compared": "a response is never compared", "probit preferences": "preferences are probit",
                "reference without full support": "the reference has no full support",
                "preferences in a cycle": "preferences form a cycle", "prompts share their logits": "prompts share their logits",
                "one feature for all logits": "one feature for all logits"}
        names = self.file["rlhf_broken"].asstr()[()]
        self.assertEqual(set(names), set(rows))
        for name, gap in zip(names, self.file["rlhf_broken_gap"][()]):
            (text,) = self.published(self.PAGE, rf"\| {rows[name]} \| ([\d.]+) \|")
            self.same(text, gap)

    def squeezing(self):
        before, *after = self.published(self.PAGE, r"moves the peak from ([\d.]+) to ([\d.]+) and ([\d.]+);")
        names = list(self.file["probabilities_panel"].asstr()[()])
        for name, text in zip(("C:", "D pure:"), after):
            (panel,) = (i for i, full in enumerate(names) if full.startswith(name))
            old, new = (self.file[f"probabilities_panel_{when}"][panel] for when in ("before", "after"))
            self.same(before, old.max())
            self.same(text, new[old.argmax()])

    def displacement(self):
        change = self.file["probabilities_chosen_change"][()].min(axis=1)
        same_token = self.file["probabilities_dial_same_token"][()] == 1
        (apart,) = self.published(self.PAGE, r"contexts that point apart: at worst (-[\d.]+) nats")
        (longer,) = self.published(self.PAGE, r"longer rejected features: at worst (-[\d.]+) nats")
        self.same(apart, change[~same_token].min())
        self.same(longer, change[same_token].min())


class Sweeps(PageTest):
    def test_exponents_of_the_rate(self):
        from prefdyn import sweep_rate, sweep_results
        spec = ROOT / "experiments" / "specs" / "rate_vs_distinguishability.ini"
        self.prefdyn("sweep", spec, "--out", "points", "--threads", 1)
        said = self.prefdyn("merge", "points", "-o", "rate.h5")
        (points,) = self.published("docs/sweeps.md", r"`rate_vs_distinguishability` \((\d+) points")
        self.assertIn(f"{points} of {points} points finished, 0 failed", said)
        series = sweep_rate.all_series(sweep_results.read(self.folder / "rate.h5", sweep_rate.COLUMNS))
        self.assertEqual(len(series), 3)
        (of_sample,) = self.published("docs/sweeps.md", r"has exponent ([\d.]+) at every dimension")
        for s in series:
            texts = self.published("docs/sweeps.md", rf"\| {s.keys['dimension']:g} \| ([\d.]+) \[([\d.]+), ([\d.]+)\]"
                                                     r" \| ([\d.]+) \|")
            for text, value in zip(texts, (*s.exponent(), s.expected_exponent())):
                self.same(text, float(value))
            self.same(of_sample, float(s.exponent_of_sample()[0]))


class Gpu(PageTest):
    def test_exit_code_without_a_card(self):
        if pathlib.Path("/dev/nvidiactl").exists():
            print("SKIPPED: there is a card, so its absence is not tested", flush=True)
            self.skipTest("there is a card")
        (code,) = self.published("docs/gpu.md", r"or none that a kernel was built for \| says which; exit code (\d)")
        self.prefdyn("simulate", "--samples", 20, "--dimension", 2, "--steps", 1, "--device", "cuda", "--out", "run.h5",
                     code=int(code))


class Tokens(PageTest):
    def test_response_pair(self):
        needs(MODEL, PERSONAS)
        shared, first, yes, second, no = self.published(
            "docs/tokens.md", r'share token (\d+), and the pair is (\d+) \("(\w)"\) and (\d+) \("(\w)"\)')
        said = self.prefdyn("tokenize", "--model", MODEL, "--data", PERSONAS / "openness.jsonl")
        said = said.partition("prompt of line")[0]
        self.assertIn(f"first answer ' Yes': token {first} '{yes}'\n", said)
        self.assertIn(f"second answer ' No': token {second} '{no}'\n", said)
        self.assertRegex(said, rf"appended to every prompt: 1\n +{shared}\t")


def ranks(values):
    return np.argsort(np.argsort(values))


class Scaled(PageTest):
    PAGE = "docs/scaled.md"

    def test_rank_correlation_after_20_steps(self):
        needs(FEATURES)
        (text,) = self.published(self.PAGE, r"\| training loss after 20 steps \| (-[\d.]+) \(")
        found = []
        with h5py.File(FEATURES) as features:
            for name in features:
                with h5py.File(self.folder / "one.h5", "w") as one:
                    features.copy(name, one)
                self.prefdyn("simulate", "--features", "one.h5", "--beta", 0.01, "--steps", 20, "--records", 2, "--threads", 1,
                             "--out", "run.h5", "--force")
                with h5py.File(self.folder / "run.h5") as run:
                    found.append((run["distinguishability_sample"][0], run["loss"][0, -1]))
        self.assertEqual(len(found), 24)
        self.same(text, np.corrcoef(*map(ranks, zip(*found)))[0, 1])

    def test_features_against_another_program(self):
        needs(MODEL, PERSONAS, FEATURES)
        (text,) = self.published(self.PAGE, r"\| relative error of a behaviour's features, worst of 24 \| ([\de.-]+) \|")
        name = "agreeableness"  # the worst of 24
        self.prefdyn("embed", "--model", MODEL, "--data", PERSONAS / f"{name}.jsonl", "--bos", "--no-shared", "--threads", 1,
                     "--out", "features.h5")
        with h5py.File(FEATURES) as file:
            wanted = file[f"{name}/features"][()].astype(float)
        error = np.linalg.norm(self.result("features.h5")[f"{name}/features"][()] - wanted) / np.linalg.norm(wanted)
        # Rounding: another machine, with or without fused multiply-add, has other last bits.
        self.assertLess(abs(np.log2(error / float(text))), 1, f"the page says {text}, now {error}")


class Finetune(PageTest):
    PAGE = "docs/finetune.md"

    def test_distinguishability_of_the_base_model(self):
        needs(MODEL, PERSONAS)
        common = ["finetune", "--model", MODEL, "--data", PERSONAS / "agreeableness.jsonl", "--bos", "--one-token", "--beta", 0.1,
                  "--lr", 1e-4, "--threads", 1, "--out", "run"]
        pairs, held_out = self.published(self.PAGE, r"(\d+) pairs to train on and (\d+) held out of each")
        (updates,) = self.published(self.PAGE, r"Two epochs are (\d+) updates")
        said = self.prefdyn(*common, "--epochs", 2, "--dry-run")
        self.assertIn(f"{pairs} pairs to train on, {held_out} held out", said)
        self.assertIn(f"1 run, {updates} updates", said)
        (text,) = self.published(self.PAGE, r"\| D \| ([\d.]+) \|")
        self.prefdyn(*common, "--steps", 1, "--records", 2)
        self.same(text, self.result("run/run.h5")["distinguishability"][0, 0])


class Mutation(PageTest):
    PAGE = "docs/mutation.md"

    def test_list_of_faults(self):
        (count,) = self.published(self.PAGE, r"lists (\d+) faults")
        done = subprocess.run([sys.executable, ROOT / "tests" / "mutation" / "run.py", "--check"], capture_output=True, text=True)
        self.assertIn(f"{count} faults fit the source", done.stdout, done.stderr)
        parts = self.published(self.PAGE, r"\| part \| faults \|\n\|---\|---\|\n((?:\|.*\|\n)+)")[0]
        self.assertEqual(int(count), sum(map(int, re.findall(r"\| (\d+) \|", parts))))

    def test_explained_faults(self):
        faults = configparser.ConfigParser(delimiters=("=",), comment_prefixes=("#",), interpolation=None)
        faults.read(ROOT / "tests" / "mutation" / "faults.ini", encoding="utf-8")
        explained = {name for name in faults.sections() if "explained" in faults[name]}
        (noticed,) = self.published(self.PAGE, r"noticed, not judged: `([\w-]+)`")
        count, names = self.published(self.PAGE, r"\| (\d+) \| survive, explained in the list: ([^|]+) \|")
        survive = set(re.findall(r"`([\w-]+)`", names))
        self.assertEqual(explained, survive | {noticed})
        self.assertEqual(int(count), len(survive))


if __name__ == "__main__":
    unittest.main()
