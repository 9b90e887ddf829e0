"""What the figures of `prefdyn scaled` show, against the numbers in the file."""

import re
import unittest

import numpy as np
from picture_checks import draw, visible_texts
from report_support import (BEHAVIOURS, FILES, SCALED, SIZES, edited, scaled, set_up_folder,
                            tear_down)

from prefdyn import figures, results

tearDownModule = tear_down


def setUpModule():
    folder = set_up_folder()
    for name, sizes, more in (("four", SIZES, ()), ("one", (40,), ("--held-out", "0"))):
        FILES[name] = folder / f"{name}.h5"
        scaled(FILES[name], sizes, *more)


def plots(path):
    return {plot.name: plot for plot in figures.draw_all(results.read(path, figures.GROUPS))}


def words(plot):
    draw(plot.figure)
    return [text.get_text().replace("−", "-") for text in visible_texts(plot.figure)]


def panels(plot):
    return [axes for axes in plot.figure.axes if axes.lines]


def points(axes, marker):
    """Coordinates of the lines with a marker, one behind the other."""
    return np.concatenate([np.empty((0, 2)), *(line.get_xydata() for line in axes.lines
                                               if line.get_marker() == marker)])


class ScaledTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = results.read(FILES["four"], figures.GROUPS)
        cls.plots = plots(FILES["four"])

    def runs(self, suite):
        rows = np.flatnonzero(self.data.suite(suite))
        return {self.data["run_name"][row]: row for row in rows}

    def test_projections_show_every_prompt_of_its_class(self):
        shown = panels(self.plots["projections"])
        self.assertEqual(len(shown), len(SIZES))
        for axes in shown:
            name, facts = axes.get_title(loc="left").split("\n")
            k = list(self.data["scaled_behaviour"]).index(name)
            label = self.data["scaled_label"][k]
            self.assertEqual(np.isfinite(label).sum(), SIZES[k])
            for marker, value in (("o", 1), ("^", -1)):
                expected = self.data["scaled_projection"][k][label == value]
                np.testing.assert_array_equal(points(axes, marker), expected)
            distance = self.data["distinguishability_sample"][self.runs("features")[name]]
            self.assertIn(f"{distance:.2f}", facts)
            for share in self.data["scaled_axis_variance"][k]:
                self.assertIn(f"{100 * share:.0f} %", facts)

    def test_rates_lie_on_the_line_of_balanced_classes(self):
        axes, = panels(self.plots["behaviour_rates"])
        line, = (line.get_xydata() for line in axes.lines if line.get_linestyle() == "-")
        rings, crosses = points(axes, "o"), points(axes, "x")
        self.assertEqual(len(crosses), len(SIZES))
        np.testing.assert_allclose(crosses, rings, rtol=1e-9)
        slope = line[1, 1] / line[1, 0]
        np.testing.assert_allclose(crosses[:, 1], slope * crosses[:, 0], rtol=1e-9)

    def test_curves_are_those_of_the_last_layer(self):
        rows = self.runs("last layer").values()
        names = ("loss", "eval_loss", "rewards_accuracies", "outputs_accuracies")
        shown = panels(self.plots["last_layer_curves"])
        for axes, name in zip(shown, names, strict=True):
            ends = sorted(line.get_ydata()[-1] for line in axes.lines)
            stored = [self.data[name][row][np.isfinite(self.data["step"][row])][-1] for row in rows]
            self.assertEqual(ends, sorted(stored))

    def test_pairs_show_the_higher_and_the_lower(self):
        shown = panels(self.plots["last_layer_pairs"])
        pairs = self.data.size("scaled_pair")
        self.assertEqual(len(shown), 2 * pairs)
        for k, axes in enumerate(shown[:pairs]):
            self.assertIn(f"gap {self.data['scaled_pair_gap'][k]:.3g}", axes.get_title(loc="left"))
            for line, member in zip(axes.lines, range(2), strict=True):
                np.testing.assert_array_equal(line.get_ydata(),
                                              self.data["scaled_pair_loss"][k, :, member])

    def test_flips_say_whether_the_losses_are_identical(self):
        self.assertIn("the losses are identical", self.plots["flipped_labels"].caption)

        def edit(file):
            suites = list(file["run_suite"].asstr()[:])
            file["loss"][suites.index("flipped, from aligned"), 3] += 0.5
        self.assertIn("equal to 0.5", plots(edited("four", edit))["flipped_labels"].caption)

    def test_flips_show_either_policy(self):
        _, base, aligned = panels(self.plots["flipped_labels"])
        for axes, suite in ((base, "flipped, from base"), (aligned, "flipped, from aligned")):
            starts = sorted(line.get_ydata()[0] for line in axes.lines)
            stored = [self.data["outputs_accuracies"][row, 0] for row in self.runs(suite).values()]
            self.assertEqual(starts, sorted(stored))

    def test_correlations_of_few_behaviours_have_a_p_and_no_interval(self):
        text = words(self.plots["rank_correlations"])
        self.assertLess(self.data.size("scaled_behaviour"), 8)
        for row in range(self.data.size("scaled_correlation")):
            rho, low, p = (self.data["scaled_rank_correlation" + end][row] for end in ("", "_low", "_p"))
            self.assertTrue(np.isnan(low))
            self.assertIn(f"{rho:+.3f}  (p = {p:.3g})", text)
        self.assertIn("too few for an interval", self.plots["rank_correlations"].caption)

    def test_correlations_are_written_beside_their_intervals(self):
        def edit(file):
            file["scaled_rank_correlation_low"][...] = -0.987
            file["scaled_rank_correlation_high"][...] = 0.123
        plot = plots(edited("four", edit))["rank_correlations"]
        for rho in self.data["scaled_rank_correlation"]:
            self.assertIn(f"{rho:+.3f}  (-0.987 to +0.123)", words(plot))
        self.assertIn("95 % bootstrap interval", plot.caption)

    def test_twins_stand_beside_the_real_features(self):
        axes, = panels(self.plots["twin_tightness"])
        for marker, suite in (("o", "features"), ("s", "Gaussian twin")):
            judged = self.data["verdict_status"] == 0
            stored = self.data["verdict_tightness_median"][judged & self.data.suite(suite)[:, None]]
            shown = points(axes, marker)[:, 0]
            self.assertEqual(sorted(shown), sorted(stored[stored >= 1e-4]))
        self.assertIn("not applicable", words(self.plots["twin_tightness"]))

    def test_a_bound_that_is_broken_is_not_left_out(self):
        def edit(file):
            claim = list(file["claim"].asstr()[:]).index("T2b")
            file["verdict_tightness_median"][0, claim] = 7
        self.assertIn("1 beyond", words(plots(edited("four", edit))["twin_tightness"]))

    def test_pair_order_shows_every_pair_once_with_the_stored_share(self):
        level, margin = (self.data[f"priority_pair_{name}"] for name in ("level", "margin"))
        ahead = (level > level.T) & (margin > margin.T)
        behind = (level > level.T) & (margin < margin.T)
        axes = panels(self.plots["priority_pair_order"])[0]
        self.assertEqual(len(points(axes, "o")), ahead.sum())
        self.assertEqual(len(points(axes, "v")), behind.sum())
        self.assertEqual(ahead.sum() + behind.sum(), 6)
        share = self.data["priority_pair_agreement"][0]
        self.assertIn(f"{100 * share:.1f} % of 6 pairs", axes.get_title(loc="left"))


class OneBehaviourTest(unittest.TestCase):
    def test_what_needs_several_behaviours_or_held_out_rows_is_left_out(self):
        shown = plots(FILES["one"])
        self.assertEqual(set(shown), BEHAVIOURS | SCALED)
        self.assertEqual(len(panels(shown["last_layer_curves"])), 3)
        for name in SCALED:
            for axes in shown[name].figure.axes:
                self.assertTrue(axes.lines, f"{name}: an empty panel")

    def test_a_file_that_lacks_part_of_a_figure_is_refused(self):
        for name in ("scaled_label", "scaled_pair_gap", "scaled_rank_correlation_low"):
            path = edited("four", lambda file: file.pop(name))
            with self.assertRaisesRegex(results.ResultError, re.escape(name)):
                results.read(path, figures.GROUPS)


if __name__ == "__main__":
    unittest.main()
