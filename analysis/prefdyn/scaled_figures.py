"""Figures of a language model's own features: projections, rank correlations, Gaussian twins."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from prefdyn import style
from prefdyn.behaviour_figures import SUITE, most_distinguishable_first
from prefdyn.claim_figures import BEYOND, FLOOR
from prefdyn.results import STATUSES, Group

TWIN = "Gaussian twin"
BEYOND_END = 1.6
_BEHAVIOUR, _SAMPLE, _AXIS = "scaled_behaviour", "scaled_sample", "scaled_axis"
_CORRELATION = "scaled_correlation"
PROJECTIONS = Group(
    numbers={(_BEHAVIOUR, _SAMPLE): "scaled_label", (_BEHAVIOUR, _AXIS): "scaled_axis_variance",
             (_BEHAVIOUR, _SAMPLE, _AXIS): "scaled_projection"},
)
CORRELATIONS = Group(
    numbers={(_CORRELATION,): """scaled_rank_correlation scaled_rank_correlation_low
        scaled_rank_correlation_high"""},
)
P_VALUES = Group(numbers={(_CORRELATION,): "scaled_rank_correlation_p"})
TIGHTNESS = Group(numbers={("run", "claim"): "verdict_tightness_median"})
GROUPS = (PROJECTIONS, CORRELATIONS, P_VALUES, TIGHTNESS)

_CLASSES = ((-1, style.ORANGE, "^", "second answer preferred ($s = -1$)"),
            (1, style.BLUE, "o", "first answer preferred ($s = +1$)"))


def projections(results):
    """Reads scaled_projection, _label, _axis_variance and distinguishability_sample."""
    if "scaled_projection" not in results:
        return None
    runs = style.spread(most_distinguishable_first(results), 6)
    if not len(runs):
        return None
    figure, panels = style.panel_grid(len(runs), min(3, len(runs)), 2.5, 0.7, sharex=True,
                                      sharey=True)
    for axes, run in zip(panels, runs):
        _draw_projection(axes, results, run)
    figure.supxlabel("principal axis 1  (feature units)", fontsize=9)
    figure.supylabel("principal axis 2  (feature units)", fontsize=9)
    style.figure_legend(figure, [Line2D([], [], color=color, marker=marker, linestyle="",
                                        label=label) for _, color, marker, label in _CLASSES])
    caption = ("Final embeddings of the prompts, minus their mean, on each behaviour's own first "
               "two principal axes, from the largest to the smallest D̂; one marker a prompt. "
               "Percentages: shares of the total variance. D̂ is measured in all dimensions: "
               "classes may lie apart along axes that are not shown.")
    title = "Embeddings of behaviours, from the most to the least distinguishable"
    return style.Plot("projections", title, caption, figure)


def _draw_projection(axes, results, run):
    name = results["run_name"][run]
    k = list(results[_BEHAVIOUR]).index(name)
    label, place = results["scaled_label"][k], results["scaled_projection"][k]
    size = np.clip(70 / np.sqrt(np.isfinite(label).sum()), 1.2, 4.5)
    for part in np.array_split(np.arange(label.size), 8):  # so that no class covers the other
        for value, color, marker, _ in _CLASSES:
            at = part[label[part] == value]
            axes.plot(*place[at].T, marker, color=color, markersize=size, markeredgewidth=0,
                      alpha=0.6)
    first, second = results["scaled_axis_variance"][k]
    axes.set_title(f"{style.shortened(name, 32)}\n"
                   rf"$\hat D = {results['distinguishability_sample'][run]:.2f}$, "
                   f"axes {100 * first:.0f} % and {100 * second:.0f} %", fontsize=8)


def rank_correlations(results):
    """Reads scaled_rank_correlation, _low and _high."""
    if "scaled_rank_correlation" not in results:
        return None
    suites = _defined_by_suite(results)
    if not suites:
        return None
    sizes = [len(rows) for rows in suites.values()]
    figure = style.new_figure(0.7 + 0.3 * len(sizes) + 0.24 * sum(sizes))
    panels = figure.subplots(len(suites), 1, sharex=True, height_ratios=sizes, squeeze=False)[:, 0]
    for axes, (suite, rows), (color, marker) in zip(panels, suites.items(), style.SERIES):
        _draw_correlations(axes, results, rows, color, marker)
        axes.set_title(_TRAINED.get(suite, suite))
    panels[-1].set_xlabel(r"Spearman's $\rho$ with $\hat D$ over behaviours")
    caption = (f"Rank correlation of D̂ with what training gives, over the "
               f"{results.size(_BEHAVIOUR)} behaviours; "
               f"{_bars(results)} −1: the largest D̂ has the smallest loss, the next the next, and so "
               "on; +1: the largest D̂ has the highest value.")
    title = "How well distinguishability orders what is learned"
    return style.Plot("rank_correlations", title, caption, figure)


def _bars(results):
    if np.isfinite(results["scaled_rank_correlation_low"]).any():
        return "bars: 95 % bootstrap interval over behaviours."
    return "too few for an interval. p: share of all orders that are as far from 0."


def _defined_by_suite(results):
    """suite -> [(row, what is correlated with D)], from "D and WHAT, SUITE"."""
    suites = {}
    for row in np.flatnonzero(np.isfinite(results["scaled_rank_correlation"])):
        text, _, suite = results[_CORRELATION][row].removeprefix("D and ").rpartition(", ")
        suites.setdefault(suite, []).append((row, text))
    return suites


_TRAINED = {SUITE: f"full batch of all rows (suite “{SUITE}”)",
            "last layer": "last layer as published (suite “last layer”)"}


def _draw_correlations(axes, results, rows, color, marker):
    axes.axvline(0, color=style.GREY, linewidth=0.8)
    for height, (row, _) in enumerate(rows):
        rho, low, high = (results[f"scaled_rank_correlation{end}"][row]
                          for end in ("", "_low", "_high"))
        axes.plot((low, high), (height, height), color=color, linewidth=1.6)
        axes.plot(rho, height, marker, color=color)
        words = f"{rho:+.3f}"
        if np.isfinite(low):
            words += f"  ({low:+.3f} to {high:+.3f})"
        elif "scaled_rank_correlation_p" in results:
            words += f"  (p = {results['scaled_rank_correlation_p'][row]:.3g})"
        words = words.replace("-", "−")
        axes.annotate(words, (1.02, height), xycoords=axes.get_yaxis_transform(), va="center",
                      fontsize=8)
    axes.set_yticks(range(len(rows)), [text for _, text in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(-1.04, 1.04)


_TWINS = ((SUITE, style.BLUE, "o", -0.18, "real features"),
          (TWIN, style.ORANGE, "s", 0.18, "Gaussian twin"))


def twin_tightness(results):
    """Reads verdict_tightness_median and verdict_status of the suites "features" and TWIN."""
    judged = results["verdict_status"] != STATUSES.index("not_applicable")
    shown = np.flatnonzero(judged[results.suite(TWIN)].any(axis=0))
    if not shown.size:
        return None
    figure = style.new_figure(1.0 + 0.36 * shown.size)
    axes = figure.subplots()
    for height, claim in enumerate(shown):
        for suite, color, marker, shift, _ in _TWINS:
            runs = results.suite(suite) & judged[:, claim]
            _draw_strip(axes, results["verdict_tightness_median"][runs, claim], height + shift,
                        color, marker)
    _tightness_axes(axes, results, shown)
    figure.supxlabel("tightness: measured / bound  (bound / measured for lower bounds)", fontsize=9)
    style.figure_legend(figure, [Line2D([], [], color=color, marker=marker, linestyle="",
                                        markerfacecolor="none", label=label)
                                 for _, color, marker, _, label in _TWINS]
                        + [Patch(color=BEYOND, label="beyond the bound")])
    caption = (f"One marker a behaviour: verdict_tightness_median, the median over the records of "
               f"its run, in suite “{SUITE}” (real) and in suite “{TWIN}”: isotropic Gaussian data "
               "with the same n, d, balance, debiased D, mean trace and common mean, trained in "
               f"the same way. Arrows: how many are below {FLOOR:g} (or far beyond the bound).")
    title = "How tight the bounds are on real features and on Gaussian data like them"
    return style.Plot("twin_tightness", title, caption, figure)


def _tightness_axes(axes, results, shown):
    axes.axvspan(1, BEYOND_END, color=BEYOND, linewidth=0)
    axes.axvline(1, color=style.BLACK, linewidth=1, zorder=1)
    axes.set_yticks(range(shown.size), [f"{results['claim_title'][c]}  {results['claim'][c]}"
                                        for c in shown])
    axes.set_ylim(shown.size - 0.4, -0.6)
    axes.set_xlim(0.55 * FLOOR, BEYOND_END)
    style.log_axis(axes, "x")


def _draw_strip(axes, values, height, color, marker):
    look = {"color": color, "markersize": 4, "markerfacecolor": "none", "markeredgewidth": 0.8}
    if not values.size:
        axes.annotate("not applicable", (FLOOR, height), va="center", fontsize=7.5, color="#555555")
    inside = values[(values >= FLOOR) & (values <= BEYOND_END)]
    axes.plot(inside, np.full(inside.size, height), marker, **look)
    _count_outside(axes, np.sum(values < FLOOR), 0.75 * FLOOR, height, color)
    _count_outside(axes, np.sum(values > BEYOND_END), 0.9 * BEYOND_END, height, style.VERMILLION)


def _count_outside(axes, count, place, height, color):
    if count:
        side = 1 if place < 1 else -1
        axes.plot(place, height, "<" if side > 0 else ">", color=color, markersize=5)
        axes.annotate(f"{count} {'below' if side > 0 else 'beyond'}", (place, height),
                      (6 * side, 0), textcoords="offset points", va="center",
                      ha="left" if side > 0 else "right", fontsize=7.5)


FIGURES = (projections, rank_correlations, twin_tightness)
