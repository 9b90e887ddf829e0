"""What the figures of `prefdyn finetune` and `misalign` show, against the numbers in the file."""

import re
import unittest
from itertools import permutations

import numpy as np
from report_checkpoint import write_byte_model, write_pairs
from report_support import FILES, edited, page_of, prefdyn, replace, rows_of, set_up_folder, tear_down

from prefdyn import finetune_panels, finetune_results, results

tearDownModule = tear_down
NAMES = ("agreeableness", "desire-for-power", "neuroticism", "openness")
TRAINING = "--one-token --beta 0.3 --lr 3e-3 --batch 8 --threads 1 --steps 12 --records 5".split()


def setUpModule():
    folder = set_up_folder()
    model = folder / "model"
    write_byte_model(model)
    data = [folder / f"{name}.jsonl" for name in NAMES]
    for k, path in enumerate(data):
        write_pairs(path, 0.1 + k / 4, (30, 40, 50, 36)[k])

    def finetune(name, *more):
        prefdyn("finetune", "--model", model, "--data", *data, *TRAINING, "--out", folder / name,
                *more)
        FILES[name] = folder / name / "run.h5"

    finetune("apart", "--arrange", "apart")
    finetune("pairs", "--arrange", "pairs", "--pairs", 3, "--method", "lora", "--rank", 2)
    finetune("flip", "--arrange", "apart", "--flip", "--held-out", 0)
    claims = folder / "mine.claim"
    claims.write_text("[X1]\ntitle = few are wrong\nclaim = share(m > 0) >= 1 - loss / log(2)\n"
                      "[X2]\ntitle = false\nclaim = end: loss >= log(2)\n")
    prefdyn("finetune", "--model", model, "--data", *data[:2], *TRAINING, "--out", folder / "judged",
            "--claim-file", claims, code=1)
    FILES["judged"] = folder / "judged" / "run.h5"
    FILES["misalign"] = folder / "misalign.h5"
    prefdyn("misalign", "--base", model, "--aligned", folder / "apart" / NAMES[3], "--data",
            data[3], *TRAINING, "--seeds", 2, "--out", FILES["misalign"])


def read(name):
    return finetune_results.read(FILES[name])


def plots(path):
    return {plot.name: plot for plot in finetune_panels.draw_all(finetune_results.read(path))}


def stored(runs, column, part):
    return np.column_stack([runs["step"][part], runs[column][part]])


def lines(axes):
    return [line.get_xydata() for line in axes.lines]


def dots(axes):
    """The lines that are marks alone."""
    return [line for line in axes.lines if line.get_linestyle() == "None"]


class CurvesTest(unittest.TestCase):
    def test_every_behaviour_has_its_loss_and_its_distinguishability(self):
        runs = read("apart")
        panels = plots(FILES["apart"])["finetune_curves"].figure.axes
        for axes, column in zip(panels, ("loss", "distinguishability"), strict=True):
            for part, line in zip(runs.parts, lines(axes), strict=True):
                np.testing.assert_array_equal(line, stored(runs, column, part))

    def test_probabilities_are_those_minus_the_first(self):
        runs = read("apart")
        plot = plots(FILES["apart"])["finetune_displacement"]
        for axes, column in zip(plot.figure.axes, ("logps_chosen", "logps_rejected"), strict=True):
            for part, line in zip(runs.parts, lines(axes)):
                want = stored(runs, column, part)
                want[:, 1] -= want[0, 1]
                np.testing.assert_array_equal(line, want)
        fell = (runs["logps_chosen"][:, -1] < runs["logps_chosen"][:, 0]).sum()
        self.assertIn(f"in {fell} of {len(NAMES)}", plot.caption)

    def test_behaviours_trained_together_are_named_with_their_distinguishability(self):
        runs = read("pairs")
        panels = plots(FILES["pairs"])["finetune_together"].figure.axes
        self.assertEqual(len(panels), 3)
        for run, axes in enumerate(panels):
            parts = runs.parts_in(run)
            self.assertEqual(len(parts), 2)
            for part, line in zip(parts, axes.lines, strict=True):
                np.testing.assert_array_equal(line.get_xydata(),
                                              stored(runs, "rewards_margins", part))
                start = runs["distinguishability"][part, 0]
                self.assertIn(f"= {start:.3g}", line.get_label())
                self.assertIn(runs["part_behaviour"][part][:8], line.get_label())

    def test_misalignment_shows_flipped_runs_and_no_other(self):
        runs = read("misalign")
        axes, = plots(FILES["misalign"])["misalign_curves"].figure.axes
        flipped = [p for p in runs.parts if runs.of_run("run_labels", p) == "flipped"]
        self.assertEqual(len(flipped), 8)
        for part, line in zip(flipped, lines(axes), strict=True):
            np.testing.assert_array_equal(line, stored(runs, "loss", part))


class PointsTest(unittest.TestCase):
    def spearman(self, path):
        runs = finetune_results.read(path)
        plot = plots(path)["finetune_distinguishability"]
        kept = [p for p in runs.parts if not runs.of_run("run_stopped", p)]
        for axes, column in zip(plot.figure.axes, ("loss", "eval_loss"), strict=True):
            start, end = runs["distinguishability"][kept, 0], runs.last(column)[kept]
            np.testing.assert_array_equal(lines(axes)[0], np.column_stack([start, end]))
            n = len(kept)
            ranks = [1 + (values[:, None] > values).sum(axis=1) for values in (start, end)]
            rho = 1 - 6 * ((ranks[0] - ranks[1]) ** 2).sum() / (n * (n * n - 1))
            shown = re.fullmatch(r"Spearman (\S+), n = (\d+), exact p = (\S+)", axes.get_title(loc="left"))
            self.assertAlmostEqual(float(shown[1]), rho, delta=6e-4)
            self.assertEqual(int(shown[2]), n)
            far = [abs(1 - 6 * sum((a - b) ** 2 for a, b in zip(range(n), order)) / (n * (n * n - 1))) >= abs(rho) - 1e-9
                   for order in permutations(range(n))]
            self.assertAlmostEqual(float(shown[3]), np.mean(far), delta=6e-4)
        return len(kept)

    def test_every_behaviour_is_a_point_and_the_rank_correlation_is_theirs(self):
        self.assertEqual(self.spearman(FILES["apart"]), 4)

    def test_a_stopped_run_is_left_out(self):
        def stop(file):
            file["run_stopped"][1] = "update 3: the loss is not finite"
        self.assertEqual(self.spearman(edited("apart", stop)), 3)

    def test_the_head_is_held_against_t1(self):
        runs = read("apart")
        shares, points = plots(FILES["apart"])["finetune_slopes"].figure.axes
        places = list(runs["place"])
        head = runs["initial_slope"][:, places.index("head")]
        marks, = dots(points)
        np.testing.assert_array_equal(marks.get_xydata(),
                                      np.column_stack([runs["initial_slope_head_t1"], head]))
        np.testing.assert_allclose(*marks.get_xydata().T, rtol=1e-5)
        kept = [k for k, name in enumerate(places) if name != "tied"]
        share = runs["initial_slope"][:, kept]
        share = np.median(share / share.sum(axis=1, keepdims=True), axis=0)
        np.testing.assert_allclose([bar.get_width() for bar in shares.patches], share, rtol=1e-12)
        self.assertEqual([text.get_text() for text in shares.get_yticklabels()],
                         [places[k] for k in kept])

    def test_a_slope_that_is_not_t1_is_said(self):
        def edit(file):
            file["initial_slope_head_t1"][2] *= 2
        self.assertIn("to 5.0e-01 at worst", plots(edited("apart", edit))["finetune_slopes"].caption)

    def test_projections_are_of_either_class_before_and_after(self):
        runs = read("apart")
        panels = plots(FILES["apart"])["finetune_projections"].figure.axes
        titles = [axes.get_title(loc="left") for axes in panels]
        for part, name in enumerate(runs["part_behaviour"]):
            for when, record in (("before", 0), ("after", -1)):
                at = [k for k, title in enumerate(titles) if title.startswith(f"{name}, {when}")]
                if not at:
                    continue
                self.assertIn(f"{runs['distinguishability'][part, record]:.3g}", titles[at[0]])
                for sign, line in zip((1, -1), lines(panels[at[0]]), strict=True):
                    want = runs[f"projection_{when}"][part][runs["label"][part] == sign]
                    np.testing.assert_array_equal(line, want[:, :2])
        self.assertEqual(len(panels), 6)


class FileTest(unittest.TestCase):
    def test_no_panel_is_empty(self):
        for name in FILES:
            for plot in plots(FILES[name]).values():
                for axes in plot.figure.axes:
                    self.assertTrue(axes.lines or axes.patches, f"{name}: {plot.name}")

    def test_flipped_runs_alone_make_no_claim_about_learning(self):
        shown = plots(FILES["flip"])
        self.assertNotIn("finetune_distinguishability", shown)
        self.assertNotIn("finetune_curves", shown)
        self.assertNotIn("misalign_curves", shown)

    def test_the_page_has_every_run(self):
        page, folder = page_of(FILES["misalign"])
        runs = read("misalign")
        for part in runs.parts:
            self.assertIn(f"{runs['loss'][part, -1]:.4g}", page)
        self.assertTrue((folder / "misalign_curves.png").exists())

    def test_the_page_has_the_verdicts_of_a_claim_file(self):
        page, _ = page_of(FILES["judged"])
        self.assertIn("VIOLATED: X2", page)
        self.assertIn("<math>", page)
        self.assertEqual([row[0] for row in rows_of(page, "Violated")], ["X2", "X2"])
        verdicts = {row[0]: row[2] for row in rows_of(page, "Verdicts")}
        self.assertEqual(verdicts, {"X1": "holds", "X2": "violated"})

    def test_a_file_that_lacks_a_dataset_is_refused_by_its_name(self):
        for _, names in finetune_results.RUNS.numbers.items():
            for name in names.split():
                path = edited("apart", lambda file, name=name: file.pop(name))
                with self.assertRaisesRegex(results.ResultError, re.escape(name)):
                    finetune_results.read(path)

    def test_a_part_of_no_run_is_refused(self):
        path = edited("apart", lambda file: replace(file, "part_run", [0, 1, 2, 9]))
        with self.assertRaisesRegex(results.ResultError, "part_run"):
            finetune_results.read(path)


if __name__ == "__main__":
    unittest.main()
