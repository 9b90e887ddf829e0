"""Figures and statistics of sweeps that the built program ran; PREFDYN names it."""

import io
import math
import os
import subprocess
import sys
import unittest
from contextlib import redirect_stderr, redirect_stdout

import h5py
import matplotlib.image
import numpy as np
from picture_checks import PictureChecks, visible_texts
from report_support import FILES, edited, new_folder, prefdyn, set_up_folder, tear_down

from prefdyn import (sweep_report as sweep, sweep_coverage, sweep_panels, sweep_priority, sweep_rate,
                      sweep_results)
from prefdyn import sweep_statistics as statistics

SPECS = {
    "heads": """distinguishability = 4, 0.5, 1, 8
        dimension = 4, 16
        delta = 0.05, 0.9
        samples = 60
        eta-kappa = 0.5
        steps = 3
        records = 2
        replicates = 12
        claims = T1, T2b, T3b, T4, T5g, T5m""",
    "pairs": """experiment = priority
        angle = 0, 60, 120
        norm-ratio = 0.25, 1, 4
        longest = 4
        samples = 60
        dimension = 4
        steps = 40
        records = 5
        replicates = 4""",
    "one": """distinguishability = 1, 2
        zip = dimension samples
        dimension = 4, 8
        samples = 20, 10
        tails = gaussian, student-t
        claims = T2b, T5g, T5m
        steps = 2
        records = 2
        replicates = 1""",
    "design": """design = random
        points = 4
        distinguishability = uniform(1, 2)
        steps = 1
        records = 2""",
}
FIGURES = {"heads": {"rate", "tightness", "coverage"}, "pairs": {"priority"},
           "one": {"rate", "tightness", "coverage"}}


def setUpModule():
    home = set_up_folder()
    for name, text in SPECS.items():
        folder = home / name
        spec, FILES[name] = folder.with_suffix(".ini"), folder.with_suffix(".h5")
        spec.write_text("".join(line.strip() + "\n" for line in text.splitlines()))
        prefdyn("sweep", spec, "--out", folder)
        prefdyn("merge", folder, "-o", FILES[name])


def tearDownModule():
    tear_down()


def read(path):
    return sweep_results.read(path, sweep.COLUMNS)


def plots(path):
    return {plot.name: plot for plot in sweep.draw_all(read(path))}


def run(path, out):
    """(exit code, standard error) of the command."""
    errors = io.StringIO()
    with redirect_stderr(errors), redirect_stdout(io.StringIO()):
        code = sweep.main([str(path), "-o", str(out)])
    return code, errors.getvalue()


class StatisticsTest(unittest.TestCase):
    def test_clopper_pearson_where_it_has_a_closed_form(self):
        for n in (1, 20, 1000):
            edge = 0.025 ** (1 / n)
            none, all_ = (statistics.clopper_pearson(k, n) for k in (0, n))
            np.testing.assert_allclose((*none, *all_), (0, 1 - edge, edge, 1), atol=1e-12)
        self.assertTrue(np.isnan(statistics.clopper_pearson(0, 0)).all())

    def test_clopper_pearson_leaves_its_tails(self):
        def probability(counts, n, p):
            return math.fsum(math.comb(n, k) * p ** k * (1 - p) ** (n - k) for k in counts)
        for k, n in ((1, 2), (3, 10), (380, 400), (200, 400)):
            low, high = statistics.clopper_pearson(k, n)
            self.assertAlmostEqual(probability(range(k, n + 1), n, low), 0.025, delta=1e-9)
            self.assertAlmostEqual(probability(range(k + 1), n, high), 0.025, delta=1e-9)

    def test_exponent_of_a_power_law_is_exact(self):
        x = np.array([0.5, 1, 3, 20])
        for power in (-2, 0, 0.75, 1):
            self.assertAlmostEqual(statistics.exponent(x, 7 * x ** power), power, delta=1e-13)
        y = np.stack([x, x ** 2])
        np.testing.assert_allclose(statistics.exponent(x, y), [1, 2], atol=1e-13)
        self.assertAlmostEqual(statistics.exponent(np.exp([0, 1, 2]), np.exp([0.2, 0.5, 0.8])), 0.3)
        for few in (1, 2):  # a line through two points leaves nothing to judge it by
            self.assertTrue(np.isnan(statistics.exponent(x[:few], x[:few])))
        p = statistics.permutation_p(np.array([1.0, 2, 3, 4]), np.array([4.0, 3, 2, 1]))
        self.assertAlmostEqual(p, 2 / 24)
        self.assertAlmostEqual(statistics.permutation_p(np.array([1.0, 2, 3]), np.array([1.0, 3, 2])), 1)
        self.assertTrue(np.isnan(statistics.permutation_p(np.arange(10.0), np.arange(10.0))))

    def test_bootstrap_draws_with_replacement_within_a_row(self):
        means = statistics.bootstrap(np.array([[0.0, 1.0], [10.0, 10.0], [np.nan, 3.0]]))
        values, counts = np.unique(means[:, 0], return_counts=True)
        np.testing.assert_array_equal(values, [0, 0.5, 1])
        np.testing.assert_allclose(counts / len(means), [0.25, 0.5, 0.25], atol=0.05)  # 4.5 sigma
        self.assertTrue((means[:, 1] == 10).all() and (means[:, 2] == 3).all())
        np.testing.assert_array_equal(statistics.interval(means), [[0, 10, 3], [1, 10, 3]])
        self.assertTrue(np.isnan(statistics.bootstrap(np.array([[np.nan, np.nan]]))).all())

    def test_bootstrap_keeps_columns_together_and_covers(self):
        random = np.random.default_rng(7)
        x = random.normal(size=(200, 30))
        drawn = statistics.bootstrap(np.stack([x, 2 * x], axis=2))
        np.testing.assert_allclose(drawn[..., 1], 2 * drawn[..., 0])
        low, high = statistics.interval(drawn[..., 0])
        covered = ((low < 0) & (0 < high)).sum()  # Binomial(200, 0.94): 175 is 4.4 sigma
        self.assertTrue(175 <= covered < 200, covered)
        width = (high - low).mean() / (2 * 1.96 / np.sqrt(30))
        self.assertAlmostEqual(width, np.sqrt(29 / 30), delta=0.03)

    def test_needed_quantile_agrees_with_the_share_within(self):
        values = np.array([0.5, 2.0, np.nan, 1.0, 0.25])
        for share, wanted in ((0.25, 0.25), (0.26, 0.5), (0.75, 1.0), (0.76, 2.0), (1.0, 2.0)):
            self.assertEqual(statistics.needed_quantile(values, share), wanted)
        self.assertTrue(np.isnan(statistics.needed_quantile(values[2:3], 0.5)))

    def test_over_replicates_ignores_what_is_missing(self):
        values = np.array([[1.0, np.nan, 5.0], [np.nan, np.nan, np.nan], [np.inf, 2.0, 2.0]])
        got = statistics.over_replicates(np.nanmean, values)
        np.testing.assert_array_equal(got, [3, np.nan, 2])


class ReadTest(unittest.TestCase):
    def test_axes_ascend_and_their_columns_with_them(self):
        data = read(FILES["heads"])
        self.assertEqual({name: list(values) for name, values in data.axes.items()},
                         {"distinguishability": [0.5, 1, 4, 8], "dimension": [4, 16],
                          "delta": [0.05, 0.9]})
        with h5py.File(FILES["heads"]) as file:
            stored = file["zbar_norm"][:]
        np.testing.assert_array_equal(data.data["zbar_norm"], stored[[1, 2, 0, 3]])
        got = data.arranged("zbar_norm", "delta", "distinguishability")
        self.assertEqual(got.shape, (2, 2, 4, 12))
        for i, keys in enumerate(data.others("delta", "distinguishability")):
            self.assertEqual(keys, {"dimension": (4, 16)[i]})
            np.testing.assert_array_equal(got[i], stored[[1, 2, 0, 3], i].swapaxes(0, 1))

    def test_keys_come_from_axes_their_zips_and_the_spec(self):
        data = read(FILES["one"])
        ratio = (data.key_over("dimension", "dimension", "distinguishability")
                 / data.key_over("samples", "dimension", "distinguishability"))
        np.testing.assert_array_equal(ratio, [[[0.2, 0.2], [0.8, 0.8]]] * 2)
        self.assertIsNone(data.key_over("delta", "dimension"))
        samples = read(FILES["heads"]).key_over("samples", "dimension")
        np.testing.assert_array_equal(samples, np.full((8, 2), 60))

    def test_unfinished_points_are_missing_whatever_they_hold(self):
        path = edited("heads", lambda file: file["point_status"].__setitem__(0, 0))
        data = read(path)
        self.assertTrue(np.isnan(data.data["zbar_norm"][2]).all())  # D = 4 comes first in the file
        self.assertTrue(np.isfinite(data.data["zbar_norm"][[0, 1, 3]]).all())


class NumbersTest(unittest.TestCase):
    def test_rate_is_linear_in_the_sample_and_bends_at_the_floor(self):
        series = list(sweep_rate.all_series(read(FILES["heads"])))
        self.assertEqual([s.keys["dimension"] for s in series], [4, 4, 16, 16])
        for s in series:
            np.testing.assert_allclose(s.exponent_of_sample(), 1, atol=1e-9)
            self.assertAlmostEqual(s.slope, 0.1 / (2 * math.sqrt(2)), delta=1e-12)
            self.assertEqual(s.fitted.sum(), 2)
            self.assertTrue(np.isnan(s.exponent()).all(), "two values are no fit")
            np.testing.assert_array_equal(s.fitted, s.wanted >= 3 * s.floor)
            self.assertTrue((abs(s.rate / s.predicted - 1) < 0.2).all())
        np.testing.assert_allclose(series[-1].floor, math.sqrt(16 * 4 / 60), rtol=0.05)

    def test_an_exponent_lies_within_its_interval(self):
        for s in sweep_rate.all_series(read(edited("heads", lambda f: f["noise_floor"].write_direct(
                np.zeros(f["noise_floor"].shape))))):
            value, low, high = s.exponent()
            self.assertEqual(s.fitted.sum(), 4)
            self.assertLess(low, value)
            self.assertLess(value, high)
            self.assertLess(high - low, 0.5)

    def test_planted_power_law_is_found(self):
        def plant(file):
            d = file["distinguishability"][:].reshape(-1, 1, 1, 1)
            file["initial_rate_measured"][...] = 3 * d ** 1.5 + 0 * file["zbar_norm"][:]
            file["noise_floor"][...] = 0
        for s in sweep_rate.all_series(read(edited("heads", plant))):
            np.testing.assert_allclose(s.exponent(), 1.5, atol=1e-12)

    def test_coverage_counts_and_judges(self):
        def plant(file):
            t = np.full(file["T5g_tightness"].shape, 0.5)
            t[0, 0, :, 0] = 2  # one of 12 misses: above 5 %, not beyond chance
            t[1, 0, :, :6] = 2  # six: beyond chance for delta = 0.05, allowed for 0.9
            t[2, 0, :, 1:] = np.nan
            file["T5g_tightness"][...] = t
        data = read(edited("heads", plant))
        axes = "distinguishability", "delta"
        c = sweep_coverage.Coverage(data.arranged("T5g_tightness", *axes),
                                    data.key_over("delta", *axes))
        np.testing.assert_array_equal(c.trials[0], [[12, 12], [1, 1], [12, 12], [12, 12]])
        np.testing.assert_array_equal(c.misses[0], [[6, 6], [0, 0], [1, 1], [0, 0]])
        np.testing.assert_allclose(c.share[0, :, 0], [0.5, 1, 11 / 12, 1])
        np.testing.assert_array_equal(c.needed[0], [[2, 0.5], [0.5, 0.5], [2, 0.5], [0.5, 0.5]])
        np.testing.assert_array_equal(c.broken()[0], [[True, False]] + [[False, False]] * 3)
        np.testing.assert_array_equal(c.kept()[0, :, 1], [True, False, True, True])
        self.assertFalse(c.broken()[1].any())
        plot = sweep_coverage.draw(data)
        self.assertIn("T5 more often than allowed", plot.title)
        self.assertIn("below it beyond chance in 1;", plot.caption)
        self.assertIn("no more often", sweep_coverage.draw(read(FILES["heads"])).title)

    def test_priority_counts_leads_and_losses(self):
        def plant(file):
            shape = file["crossing"].shape
            lead = np.ones((*shape, file["margin_1"].shape[-1]))
            lead[0, ..., -2:] = -1  # angle 0: behaviour 2 has caught up
            lead[..., -1] = np.nan  # a record that no run reached
            crossing, gap = np.full(shape, np.nan), np.ones(shape)
            crossing[0], gap[1, :, 0] = 6.0, -1.0
            for name, values in (("margin_1", lead), ("margin_2", 0 * lead), ("level_1", gap),
                                 ("level_2", 0 * gap), ("crossing", crossing),
                                 ("lead_time", 0 * gap - 3.0)):
                file[name][...] = values
            file["point_status"][2, 0, :] = 0
        phases = sweep_priority.Phases(read(edited("pairs", plant)))
        self.assertEqual(phases.first.shape, (1, 3, 3, 4))  # norm ratios, then angles
        np.testing.assert_array_equal(phases.first[0, 1, :, 0], [0, 1, 1])
        self.assertTrue(np.isnan(phases.first[0, 0, 2]).all())
        self.assertEqual(phases.agreement(), (32 - 12 - 3, 32))
        self.assertEqual(np.nansum(phases.lost), 12)
        self.assertEqual(np.nanmin(phases.crossing_over_proved), 2)

    def test_priority_of_the_program(self):
        phases = sweep_priority.Phases(read(FILES["pairs"]))
        np.testing.assert_array_equal(phases.first[0, 0], 0)  # the second is four times as long
        np.testing.assert_array_equal(phases.first[0, 2], 1)
        agree, points = phases.agreement()
        self.assertEqual(points, 36)
        self.assertGreaterEqual(agree, 30)


class FigureTest(PictureChecks, unittest.TestCase):
    def test_draws_what_the_file_has_in_every_format(self):
        out = new_folder() / "out"
        self.assertEqual(run(FILES["heads"], out), (0, ""))
        kinds = {f"{stem}.{kind}" for stem in FIGURES["heads"] for kind in ("png", "svg", "pdf")}
        self.assertEqual({path.name for path in out.iterdir()}, kinds | {"sweep.txt"})
        for path in sorted(out.glob("*.png")):
            with self.subTest(path.name):
                self.check_picture(matplotlib.image.imread(path)[:, :, :3])

    def test_no_panel_is_blank_and_no_text_covers_another(self):
        for name, wanted in FIGURES.items():
            drawn = plots(FILES[name])
            self.assertEqual(set(drawn), wanted)
            for plot in drawn.values():
                with self.subTest(name + plot.name):
                    self.check_texts(plot.figure)
                    words = " ".join(text.get_text() for text in visible_texts(plot.figure))
                    self.assertIn("(degrees)" if name == "pairs" else "(feature units)", words)

    def test_missing_points_are_grey_and_do_not_stop_it(self):
        def lose(file):
            file["point_status"][0] = 0
        for name in ("heads", "pairs"):
            holes = plots(edited(name, lose))
            self.assertEqual(set(holes), FIGURES[name])
            for stem in set(holes) - {"rate"}:
                self.assertTrue(self.grey(holes[stem].figure))
        self.assertFalse(self.grey(plots(FILES["pairs"])["priority"].figure))

    def grey(self, figure):
        wanted = tuple(int(sweep_panels.UNKNOWN[i:i + 2], 16) for i in (1, 3, 5))
        images = [image for axes in figure.axes for image in axes.images]
        pictures = [np.rint(255 * image.to_rgba(image.get_array())) for image in images]
        return any((picture[..., :3] == wanted).all(axis=-1).any() for picture in pictures)

    def test_everything_missing_is_refused(self):
        def lose(file):
            file["point_status"][...] = 0
        code, errors = run(edited("heads", lose), new_folder() / "out")
        self.assertEqual(code, 2)
        self.assertIn("nothing to draw", errors)

    def test_same_file_gives_the_same_bytes(self):
        here, there = new_folder(), new_folder()
        self.assertEqual(run(FILES["pairs"], here), (0, ""))
        done = subprocess.run([sys.executable, "-m", "prefdyn.sweep_report", str(FILES["pairs"]), "-o",
                               str(there)], env={**os.environ, "PYTHONHASHSEED": "7"},
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual({path.name for path in here.iterdir()},
                         {path.name for path in there.iterdir()})
        for path in here.iterdir():
            self.assertEqual(path.read_bytes(), (there / path.name).read_bytes(), path.name)


class BadFileTest(unittest.TestCase):
    def test_refuses_and_writes_nothing(self):
        folder = new_folder()
        content = FILES["heads"].read_bytes()
        bad = {name: folder / name for name in ("truncated.h5", "text.h5", "empty.h5")}
        bad["truncated.h5"].write_bytes(content[:len(content) // 2])
        bad["text.h5"].write_text("rate,D\n1,2\n")
        bad["empty.h5"].write_bytes(b"")
        foreign = folder / "run.h5"
        prefdyn("simulate", "--samples", "20", "--dimension", "4", "--steps", "2", "--out", foreign)

        def reshape(file):
            del file["T2b_tightness"]
            file["T2b_tightness"] = np.zeros((4, 2, 2))

        def unname(file):
            values = file["point_status"][:]
            del file["point_status"]
            file["point_status"] = values

        def lose_axis(file):
            scale = file["delta"]
            for data in file.values():
                for axis in data.dims:
                    if any(axis[k] == scale for k in range(len(axis))):
                        axis.detach_scale(scale)
            del file["delta"]

        def retype(file):
            del file["noise_floor"]
            file["noise_floor"] = ["much"]

        def only_keys(file):
            for name in sweep.COLUMNS:
                file.pop(name, None)
        cases = [(path, "") for path in bad.values()] + [
            (folder / "missing.h5", "no such file"),
            (foreign, "not a merged sweep"),
            (FILES["design"], "design random has no axes"),
            (edited("heads", lambda f: f.attrs.pop("spec")), "not a merged sweep"),
            (edited("heads", lambda f: f.pop("point_status")), "point_status is missing"),
            (edited("heads", lose_axis), "dimension without a name"),
            (edited("heads", reshape), "T2b_tightness has shape (4, 2, 2)"),
            (edited("heads", unname), "point_status has a dimension without a name"),
            (edited("heads", retype), "noise_floor holds"),
            (edited("heads", only_keys), "nothing to draw over the axes distinguishability"),
        ]
        for path, words in cases:
            with self.subTest(words or path.name):
                out = new_folder() / "new"
                code, errors = run(path, out)
                self.assertEqual(code, 2)
                self.assertIn(str(path), errors)
                self.assertIn(words, errors)
                self.assertFalse(out.exists())


if __name__ == "__main__":
    unittest.main()
