"""Figures of the suite "rates": the initial rate of T1 and the head change between T2b and T3b."""

from collections import Counter

import numpy as np
from matplotlib.lines import Line2D

from prefdyn import style
from prefdyn.results import Group

SUITE = "rates"
UPPER = Group(numbers={("run", "record"): "bound_T2b"}, claim="T2b")
LOWER = Group(numbers={("run", "record"): "bound_T3b"}, claim="T3b")
GROUPS = (UPPER, LOWER)


def initial_rate(results):
    """Reads initial_rate_measured and _predicted, distinguishability_*, verdict_tightness_max."""
    rows = _balanced_rows(results)
    if not rows.size:
        return None
    beta = results["config_beta"][rows[0]]
    column = results.claim_index("T1")
    figure = style.new_figure(4.6 if column is not None else 3.6)
    if column is None:
        _draw_rates(figure.subplots(), results, rows)
    else:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        _draw_rates(upper, results, rows)
        _draw_ratio(lower, results, rows, column)
    figure.axes[-1].set_xlabel(r"sample distinguishability $\hat D$  (feature units)")
    title = "Initial update rate grows in proportion to distinguishability, as T1 says"
    return style.Plot("initial_rate", title, _rate_caption(rows.size, beta, column), figure)


def _balanced_rows(results):
    """Runs of the suite with p_plus = 1/2 and the suite's most frequent beta."""
    rows = np.flatnonzero(results.suite(SUITE) & (results["p_plus"] == 0.5)
                          & (results["distinguishability_sample"] > 0))
    if not rows.size:
        return rows
    beta = Counter(results["config_beta"][rows]).most_common(1)[0][0]
    return rows[results["config_beta"][rows] == beta]


def _draw_rates(axes, results, rows):
    distance, predicted = results["distinguishability_sample"], results["initial_rate_predicted"]
    order = rows[np.argsort(distance[rows], kind="stable")]
    axes.plot(distance[order], predicted[order], color=style.BLACK, linewidth=1, zorder=1)
    handles = [Line2D([], [], color=style.BLACK, linewidth=1,
                      label=r"T1: $\beta \hat D / (2\sqrt{2})$")]
    for dimension, (color, marker), chosen in _by_dimension(results, rows):
        for part, fill in _signal_split(results, chosen, color):
            axes.plot(distance[part], results["initial_rate_measured"][part], marker, color=color,
                      markerfacecolor=fill, markeredgewidth=1)
        handles.append(Line2D([], [], color=color, marker=marker, linestyle="",
                              label=f"measured, $d = {dimension:g}$"))
    handles.append(Line2D([], [], color=style.GREY, marker="o", linestyle="",
                          markerfacecolor="white", label=r"open: $\hat D$ below its noise floor"))
    style.log_axis(axes, "x")
    style.log_axis(axes, "y")
    axes.set_ylabel(r"initial rate $R(0)$  (1 / time)")
    axes.legend(handles=handles, loc="upper left")


def _by_dimension(results, rows):
    dimensions = np.unique(results["run_dimension"][rows])
    for index, dimension in enumerate(dimensions):
        look = style.SERIES[index % len(style.SERIES)]
        yield dimension, look, rows[results["run_dimension"][rows] == dimension]


def _signal_split(results, rows, color):
    """Rows above the noise floor filled, rows whose debiased D is zero open."""
    lost = results["distinguishability_debiased"][rows] == 0
    return (rows[~lost], color), (rows[lost], "white")


def _draw_ratio(axes, results, rows, column):
    distance = results["distinguishability_sample"]
    excess = 1e15 * (results["verdict_tightness_max"][:, column] - 1)
    axes.axhline(0, color=style.BLACK, linewidth=1, zorder=1)
    for _, (color, marker), chosen in _by_dimension(results, rows):
        axes.plot(distance[chosen], excess[chosen], marker, color=color, markersize=3.5)
    largest = np.max(np.abs(excess[rows]), initial=1, where=np.isfinite(excess[rows]))
    axes.set_ylim(-1.25 * largest, 1.25 * largest)
    axes.set_ylabel("measured /\npredicted $-$ 1\n" + r"$(\times\,10^{-15})$")


def _rate_caption(count, beta, column):
    residual = ("" if column is None else
                " Lower panel: the ratio of the two minus one; what is left is rounding.")
    return (f"The {count} runs of suite “{SUITE}” with balanced classes and β = {beta:g}. Markers: "
            "the measured ‖∇L‖ at t = 0 (initial_rate_measured); line: what T1 says "
            "(initial_rate_predicted). T1 is an identity, so every marker must sit on the line. "
            "Open markers: the debiased distinguishability is 0, so D̂ is sampling noise, and the "
            "head moves all the same." + residual)


def head_change(results):
    """Reads head_change, bound_T2b, bound_T3b, time and kappa of flows at one d and n."""
    rows = _flow_rows(results)
    if not rows.size or not has_bounds(results):
        return None
    rows = style.spread(rows[np.argsort(results["config_distinguishability"][rows], kind="stable")], 4)
    figure = style.new_figure(2.9)
    panels = figure.subplots(1, len(rows), sharex=True, sharey=True, squeeze=False)[0]
    for axes, row in zip(panels, rows):
        draw_between_bounds(axes, results, row, results["kappa"][row] * results["time"][row])
        axes.set_title(f"$D = {results['config_distinguishability'][row]:g}$")
    style.log_axis(panels[0], "x")
    style.log_axis(panels[0], "y")
    panels[0].set_ylabel(r"head change $\Vert\Delta W(t)\Vert_F$")
    figure.supxlabel(r"$\kappa t$  (time in units of $1/\kappa$)", fontsize=9)
    style.figure_legend(figure, bound_handles(results, rows))
    title = "The head change stays between its proved bounds"
    return style.Plot("head_change", title, _head_caption(results, rows), figure)


def _flow_rows(results):
    """Flows of the suite at the median dimension and the sample size that has the most of them."""
    rows = np.flatnonzero(results.suite(SUITE) & (results["config_method"] == "flow"))
    for name in ("run_dimension", "run_samples"):
        if rows.size:
            values = np.unique(results[name][rows])
            rows = rows[results[name][rows] == values[len(values) // 2]]
    _, first = np.unique(results["config_distinguishability"][rows], return_index=True)
    return rows[first]


def has_bounds(results, rows=slice(None)):
    """Whether a bound of the head change is stored and applies to some of the runs."""
    return any(np.isfinite(results[name][rows]).any()
               for name in ("bound_T2b", "bound_T3b") if name in results)


def draw_between_bounds(axes, results, row, x):
    """||Delta W|| of one run against x, points at x = 0 left out, with the T2b to T3b band."""
    keep = np.isfinite(x) & (x > 0) & np.isfinite(results["head_change"][row])
    x, change = x[keep], results["head_change"][row][keep]
    bounds = {name: results[name][row][keep] for name in ("bound_T2b", "bound_T3b")
              if name in results}
    if len(bounds) == 2:
        axes.fill_between(x, bounds["bound_T3b"], bounds["bound_T2b"], color="#ececec", linewidth=0)
    axes.plot(x, change, "-", color=style.BLACK, marker="o", markersize=2.6, markevery=3)
    for name, bound in bounds.items():
        axes.plot(x, bound, **_BOUND_LOOKS[name])


_BOUND_LOOKS = {
    "bound_T2b": {"linestyle": "--", "color": style.VERMILLION, "label": "upper bound T2b"},
    "bound_T3b": {"linestyle": ":", "linewidth": 1.8, "color": style.BLUE,
                  "label": "lower bound T3b"},
}


def bound_handles(results, rows):
    """Legend entries of what draw_between_bounds shows for these runs."""
    handles = [Line2D([], [], color=style.BLACK, marker="o", markersize=2.6,
                      label=r"measured $\Vert\Delta W\Vert_F$")]
    for name, look in _BOUND_LOOKS.items():
        if name in results and np.isfinite(results[name][rows]).any():
            handles.append(Line2D([], [], **look))
    return handles


def _head_caption(results, rows):
    row = rows[0]
    return (f"Suite “{SUITE}”, gradient flow, d = {results['run_dimension'][row]:g}, "
            f"n = {results['run_samples'][row]:g}, one panel per distinguishability D asked for. "
            "The curve must stay below T2b and above T3b, where they are drawn (grey: between the two). Where "
            "the band is wide the bounds say little; T3b levels off once κt exceeds 1, so late "
            "times are governed by the upper bound alone. A large D can lie lower at equal κt: κ grows "
            "with D² there, the rate with D, so a unit of κt is a shorter time.")


FIGURES = (initial_rate, head_change)
