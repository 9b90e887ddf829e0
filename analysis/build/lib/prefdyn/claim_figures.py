"""Figures of the verdicts: tightness of every claim, coverage of the claims with a probability."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from prefdyn import style
from prefdyn.verdict import violated_claims

GROUPS = ()  # results.CASES is read for the tables already
FLOOR = 1e-4  # the tightness axis ends here; an arrow and a number stand for what is smaller
BEYOND = "#ececec"
DELTA_LOOKS = ((style.BLUE, "o", "--"), (style.ORANGE, "^", ":"), (style.GREEN, "s", "-."),
               (style.PURPLE, "D", "-"))
PANELS_A_ROW = 3


def tightness(results):
    """Reads claim_tightness_min, _median and _max, claim_title and the claims' statuses."""
    shown = np.flatnonzero(np.isfinite(results["claim_tightness_median"]))
    if not shown.size:
        return None
    figure = style.new_figure(1.0 + 0.27 * shown.size)
    axes = figure.subplots()
    largest = results["claim_tightness_max"][shown]
    top = 1.6 * np.max(largest, initial=1, where=np.isfinite(largest))
    axes.set_xscale("log")
    axes.set_xlim(0.55 * FLOOR, top)
    axes.axvspan(1, top, color=BEYOND, linewidth=0)
    axes.axvline(1, color=style.BLACK, linewidth=1)
    violated = violated_claims(results)
    for height, claim in enumerate(shown):
        bad = results["claim"][claim] in violated
        _draw_range(axes, _summary(results, claim), height, style.VERMILLION if bad else style.BLUE)
    _label_claims(axes, results, shown, violated)
    style.log_axis(axes, "x")
    figure.supxlabel("tightness: measured / bound  (bound / measured for lower bounds)", fontsize=9)
    style.figure_legend(figure, _tightness_handles())
    title = "How tight each bound is: 1 is tight, far to the left is vacuous"
    return style.Plot("tightness", title, _tightness_caption(results, shown), figure)


def _summary(results, claim):
    return {name: float(results[f"claim_tightness_{name}"][claim])
            for name in ("min", "median", "max")}


def _draw_range(axes, summary, height, color):
    left, right = 0.75 * FLOOR, axes.get_xlim()[1]
    ends = np.clip([summary["min"], summary["max"]], left, right)
    axes.plot(ends, [height, height], color=color, linewidth=3, alpha=0.45, solid_capstyle="butt")
    for name, value in summary.items():
        if FLOOR <= value <= right:
            look = {"marker": "o", "markersize": 6} if name == "median" else {
                "marker": "|", "markersize": 9, "markeredgewidth": 1.8}
            axes.plot(value, height, color=color, linestyle="", **look)
    _point_beyond(axes, {n: v for n, v in summary.items() if v < FLOOR}, left, height, color)
    _point_beyond(axes, {n: v for n, v in summary.items() if v > right}, right, height, color)


def _point_beyond(axes, values, edge, height, color):
    """An arrow at the edge for the values outside the axis, with the values in words."""
    if not values:
        return
    at_left = edge < 1
    axes.plot(edge, height, "<" if at_left else ">", color=color, markersize=6, clip_on=False)
    words = ", ".join(f"{name} {_scientific(value)}" for name, value in values.items())
    axes.annotate(words, (edge, height), (6 if at_left else -6, 3), textcoords="offset points",
                  fontsize=7.5, va="bottom", ha="left" if at_left else "right")


def _scientific(value):
    if value == 0 or not np.isfinite(value):
        return "0" if value == 0 else "∞"
    mantissa, exponent = f"{value:.0e}".split("e")
    return rf"${mantissa}\times10^{{{int(exponent)}}}$"


def _label_claims(axes, results, shown, violated):
    bad = [results["claim"][i] in violated for i in shown]
    labels = [f"{'VIOLATED  ' if wrong else ''}{results['claim_title'][i]}  {results['claim'][i]}"
              for i, wrong in zip(shown, bad)]
    axes.set_yticks(range(len(shown)), labels)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")
    for tick, wrong in zip(axes.get_yticklabels(), bad):
        if wrong:
            tick.set(color=style.VERMILLION, fontweight="bold")


def _tightness_handles():
    return [Line2D([], [], marker="o", linestyle="", color=style.BLUE, label="median"),
            Line2D([], [], marker="|", markersize=9, markeredgewidth=1.8, linewidth=3,
                   color=style.BLUE, label="min to max"),
            Line2D([], [], marker="<", linestyle="", color=style.BLUE, label="off the axis"),
            Patch(color=BEYOND, label="beyond the bound")]


def _tightness_caption(results, shown):
    omitted = [c for i, c in enumerate(results["claim"]) if i not in shown]
    left_out = (f" No tightness is stored for {', '.join(omitted)} (not applicable, or fitted)."
                if omitted else "")
    return ("Least, median and largest ratio of measured to bound over all cases the claim applies "
            "to (the median is that of the cases' medians); the axis is logarithmic and ends at "
            f"{FLOOR:g}, an arrow with numbers stands for what is beyond. Comparisons whose bound "
            "says nothing are left out. Only claims with a "
            "failure probability δ may reach the shaded side, in a share δ of the cases, and "
            "equalities, within their errors."
            + left_out)


def coverage(results):
    """Reads case_claim, _setting, _status, _delta, _cases, _failures and _constant."""
    tests = _coverage_tests(results)
    if not tests.size:
        return None
    claims = list(dict.fromkeys(results["case_claim"][tests]))
    settings = list(dict.fromkeys(results["case_setting"][tests]))
    columns = min(len(claims), PANELS_A_ROW)
    figure, panels = style.panel_grid(len(claims), columns, 0.9 + 0.23 * len(settings), 0.3,
                                      sharey=True)
    looks = _delta_looks(results)
    for axes, claim in zip(panels, claims):
        _draw_coverage(axes, results, claim, settings, looks)
    panels[0].set_yticks(range(len(settings)), settings)
    panels[0].set_ylim(len(settings) - 0.4, -0.6)
    style.figure_legend(figure, _coverage_handles(results, looks))
    title = "Coverage: how often a bound with a failure probability fails, against the allowed δ"
    return style.Plot("coverage", title, _coverage_caption(results), figure)


def _coverage_tests(results):
    """Rows of the study "coverage"."""
    if "case" not in results:
        return np.array([], dtype=int)
    return np.flatnonzero(results["case_study"] == "coverage")


def _delta_looks(results):
    deltas = sorted(set(results["case_delta"][_coverage_tests(results)]), reverse=True)
    return {d: DELTA_LOOKS[i % len(DELTA_LOOKS)] for i, d in enumerate(deltas)}


def _draw_coverage(axes, results, claim, settings, looks):
    tests = _coverage_tests(results)
    rows = tests[results["case_claim"][tests] == claim]
    fitted = bool(np.isfinite(results["case_constant"][rows]).any())
    shares = results["case_constant"] if fitted else _failure_shares(results)
    if fitted:
        axes.axvline(0, color=style.GREY, linewidth=0.8)
        axes.set_xlabel("constant $C$")
    else:
        _failure_axis(axes, results, looks)
    for height, setting in enumerate(settings):
        here = rows[results["case_setting"][rows] == setting]
        _draw_setting(axes, results, here, height, shares, looks)
    axes.set_title(f"{claim}: fitted constant" if fitted else f"{claim}: failures")
    axes.tick_params(axis="y", length=0)


def _draw_setting(axes, results, rows, height, values, looks):
    """One marker per delta; a setting to which the claim never applies says so."""
    status = results["case_status"][rows]
    if rows.size and (status == "not_applicable").all():
        axes.text(0.5, height, "not applicable", transform=axes.get_yaxis_transform(), ha="center",
                  va="center", fontsize=7.5, color="#555555", style="italic",
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5})
    for row in rows[status != "not_applicable"]:
        delta = results["case_delta"][row]
        shift = 0.16 * (list(looks).index(delta) - (len(looks) - 1) / 2)
        color, marker, _ = looks[delta]
        _draw_marker(axes, values[row], height + shift, color, marker,
                     results["case_status"][row] == "violated")


def _draw_marker(axes, x, y, color, marker, bad):
    axes.plot(x, y, marker=marker, linestyle="", zorder=3, color=style.VERMILLION if bad else color,
              markersize=9 if bad else 5)
    if bad:
        axes.annotate("VIOLATED", (x, y), (7, 0), textcoords="offset points", va="center",
                      color=style.VERMILLION, fontweight="bold", fontsize=8)


def _failure_shares(results):
    return results["case_failures"] / np.maximum(results["case_cases"], 1)


def _failure_axis(axes, results, looks):
    """Linear from 0 to one failure in the largest test, logarithmic above."""
    step = 1 / max(1, int(results["case_cases"][_coverage_tests(results)].max()))
    axes.set_xscale("symlog", linthresh=step, linscale=0.6)
    powers = [p for p in (1e-4, 1e-3, 1e-2, 1e-1, 1) if p > step]
    axes.set_xticks([0, *powers], ["0", *(f"{p:g}" for p in powers)])
    axes.minorticks_off()
    axes.set_xlim(-0.35 * step, 1)
    for delta, (color, _, line) in looks.items():
        axes.axvline(delta, color=color, linestyle=line, linewidth=1.3)
    axes.set_xlabel("share of replicates\nbeyond the bound")


def _coverage_handles(results, looks):
    if not np.isin(results["case_status"][_coverage_tests(results)], ("holds", "violated")).any():
        return [Line2D([], [], color=color, marker=marker, linestyle="", label=rf"$\delta = {d:g}$")
                for d, (color, marker, _) in looks.items()]
    return [Line2D([], [], color=color, marker=marker, linestyle=line, linewidth=1.3,
                   label=rf"observed, and allowed line, $\delta = {d:g}$")
            for d, (color, marker, line) in looks.items()]


def _coverage_caption(results):
    tests = _coverage_tests(results)
    cases = sorted({int(c) for c in results["case_cases"][tests] if c > 0})
    text = ("Share of replicates whose sample mean leaves its bound, per setting"
            + (f" ({', '.join(map(str, cases))} replicates each)" if cases else "")
            + "; vertical lines: the allowed failure probability δ, which a sharp bound would show "
            "on average. A marker left of the line of its own style is fine (the exact binomial "
            "test in the table decides); at 0 no replicate failed. The axis is logarithmic above "
            "one failure, linear below.")
    if np.isfinite(results["case_constant"][tests]).any():
        text += (" A claim that states no constant is fitted: C is the smallest constant that "
                 "covers a share 1 − δ of the replicates; below 0 the bound holds without its "
                 "second term.")
    return text


FIGURES = (tightness, coverage)
