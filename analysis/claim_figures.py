"""Figures of the verdicts: tightness of every claim, coverage of the claims with a probability."""

import numpy as np
from matplotlib.lines import Line2D

from analysis import style
from analysis.verdict import violated_claims

TIGHTNESS_FLOOR = 1e-4
RATE_CLAIMS = ("T5g", "T5m")  # held to their failure rate
FITTED_CLAIM = "T5a"
DELTA_LOOKS = ((style.BLUE, "o", "--"), (style.ORANGE, "^", ":"), (style.GREEN, "s", "-."),
               (style.PURPLE, "D", "-"))


def tightness(results):
    """Reads claim_tightness_min, _median and _max, claim_title and the claims' statuses."""
    shown = np.flatnonzero(np.isfinite(results["claim_tightness_median"]))
    if not shown.size:
        return None
    figure = style.new_figure(0.9 + 0.27 * shown.size)
    axes = figure.subplots()
    top = 1.6 * max(1.0, float(np.max(results["claim_tightness_max"][shown])))
    axes.set_xscale("log")
    axes.set_xlim(0.5 * TIGHTNESS_FLOOR, top)
    axes.axvspan(1, top, color="#f1f1f1", linewidth=0)
    axes.axvline(1, color=style.BLACK, linewidth=1)
    for height, claim in enumerate(shown):
        _draw_range(axes, results, claim, height)
    _label_claims(axes, results, shown)
    axes.set_xlabel("tightness: measured / bound  (bound / measured for lower bounds)")
    style.legend_above(axes, 3, handles=_tightness_handles())
    title = "How tight each bound is: 1 is tight, far to the left is vacuous"
    return style.Plot("tightness", title, _tightness_caption(results, shown), figure)


def _draw_range(axes, results, claim, height):
    low, middle, high = (float(results[f"claim_tightness_{name}"][claim])
                         for name in ("min", "median", "max"))
    color = style.VERMILLION if results["claim"][claim] in violated_claims(results) else style.BLUE
    start = max(low, TIGHTNESS_FLOOR)
    axes.plot([start, max(high, TIGHTNESS_FLOOR)], [height, height], color=color, linewidth=3,
              alpha=0.45, solid_capstyle="butt")
    axes.plot(high, height, "|", color=color, markersize=9, markeredgewidth=1.8)
    axes.plot(max(middle, TIGHTNESS_FLOOR), height, "o", color=color, markersize=6)
    if low < TIGHTNESS_FLOOR:
        axes.plot(TIGHTNESS_FLOOR, height, "<", color=color, markersize=6)
        axes.annotate(f"min {_scientific(low)}", (TIGHTNESS_FLOOR, height), (6, 3),
                      textcoords="offset points", fontsize=7.5, va="bottom")
    else:
        axes.plot(low, height, "|", color=color, markersize=9, markeredgewidth=1.8)


def _scientific(value):
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.0e}".split("e")
    return rf"${mantissa}\times10^{{{int(exponent)}}}$"


def _label_claims(axes, results, shown):
    labels = [f"{results['claim_title'][i]}  {results['claim'][i]}" for i in shown]
    axes.set_yticks(range(len(shown)), labels)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")
    violated = violated_claims(results)
    for tick, claim in zip(axes.get_yticklabels(), shown):
        if results["claim"][claim] in violated:
            tick.set(color=style.VERMILLION, fontweight="bold", text=f"VIOLATED  {tick.get_text()}")


def _tightness_handles():
    return [Line2D([], [], marker="o", linestyle="", color=style.BLUE, label="median"),
            Line2D([], [], marker="|", markersize=9, markeredgewidth=1.8, linewidth=3,
                   color=style.BLUE, label="min to max"),
            Line2D([], [], marker="<", linestyle="", color=style.BLUE,
                   label="min below the axis")]


def _tightness_caption(results, shown):
    omitted = [c for i, c in enumerate(results["claim"]) if i not in shown]
    left_out = (f" No tightness is stored for {', '.join(omitted)} (not applicable here, or fitted)."
                if omitted else "")
    return ("claim_tightness_min, _median (median of the cases' medians) and _max over all applicable "
            f"cases, on a logarithmic axis that ends at {TIGHTNESS_FLOOR:g}; an arrow marks a smaller "
            "minimum, with its value. Right of 1, shaded, is beyond the bound: only the claims with a "
            "failure probability (T5g, T5m, T5p) may reach it, in a share δ of the cases."
            + left_out)


def coverage(results):
    """Reads coverage_claim, _setting, _status, _delta, _cases, _failures and _constant."""
    if not results.size("coverage"):
        return None
    present = set(results["coverage_claim"])
    panels = [c for c in (*RATE_CLAIMS, FITTED_CLAIM) if c in present]
    if not panels:
        return None
    settings = list(dict.fromkeys(results["coverage_setting"]))
    figure = style.new_figure(1.2 + 0.23 * len(settings))
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    looks = _delta_looks(results)
    for axes, claim in zip(grid, panels):
        _draw_coverage(axes, results, claim, settings, looks)
    grid[0].set_yticks(range(len(settings)), settings)
    grid[0].set_ylim(len(settings) - 0.4, -0.6)
    figure.legend(handles=_coverage_handles(looks), loc="upper center", ncol=len(looks) + 2)
    figure.get_layout_engine().set(rect=(0, 0, 1, 0.93))
    title = "Coverage of T5: how often the sample mean leaves its bound, against the allowed δ"
    return style.Plot("coverage", title, _coverage_caption(results, panels), figure)


def _delta_looks(results):
    deltas = sorted(set(results["coverage_delta"]), reverse=True)
    return {d: DELTA_LOOKS[i % len(DELTA_LOOKS)] for i, d in enumerate(deltas)}


def _draw_coverage(axes, results, claim, settings, looks):
    fitted = claim == FITTED_CLAIM
    rows = np.flatnonzero(results["coverage_claim"] == claim)
    for row in rows:
        height = settings.index(results["coverage_setting"][row])
        _draw_coverage_row(axes, results, row, height, looks, fitted)
    axes.set_title(f"{claim}: fitted constant" if fitted else f"{claim}: failures")
    axes.tick_params(axis="y", length=0)
    if fitted:
        axes.axvline(0, color=style.GREY, linewidth=0.8)
        axes.set_xlabel("constant $C$")
    else:
        _failure_axis(axes, results, looks)


def _draw_coverage_row(axes, results, row, height, looks, fitted):
    delta = results["coverage_delta"][row]
    color, marker, _ = looks[delta]
    shift = 0.16 * (list(looks).index(delta) - (len(looks) - 1) / 2)
    status = results["coverage_status"][row]
    if status == "not_applicable":
        axes.text(0.5, height, "not applicable", transform=axes.get_yaxis_transform(),
                  ha="center", va="center", fontsize=7.5, color="#555555", style="italic")
        return
    value = results["coverage_constant"][row] if fitted else _failure_share(results, row)
    bad = status == "violated"
    axes.plot(value, height + shift, marker=marker, linestyle="", zorder=3, clip_on=False,
              color=style.VERMILLION if bad else color, markersize=9 if bad else 5)
    if bad:
        axes.annotate("VIOLATED", (value, height + shift), (7, 0), textcoords="offset points",
                      color=style.VERMILLION, fontweight="bold", fontsize=8, va="center")


def _failure_share(results, row):
    return results["coverage_failures"][row] / results["coverage_cases"][row]


def _failure_axis(axes, results, looks):
    """Linear from 0 to one failure in the largest test, logarithmic above."""
    step = 1 / max(1, int(results["coverage_cases"].max()))
    axes.set_xscale("symlog", linthresh=step, linscale=0.6)
    powers = [p for p in (1e-4, 1e-3, 1e-2, 1e-1, 1) if p > step]
    axes.set_xticks([0, *powers], ["0", *(f"{p:g}" for p in powers)])
    axes.minorticks_off()
    axes.set_xlim(0, 1)
    for delta, (color, _, line) in looks.items():
        axes.axvline(delta, color=color, linestyle=line, linewidth=1.3)
    axes.set_xlabel("share of replicates\nbeyond the bound")


def _coverage_handles(looks):
    handles = []
    for delta, (color, marker, line) in looks.items():
        handles.append(Line2D([], [], color=color, marker=marker, linestyle=line, linewidth=1.3,
                              label=rf"observed, and allowed line, $\delta = {delta:g}$"))
    return handles


def _coverage_caption(results, panels):
    cases = sorted({int(c) for c in results["coverage_cases"] if c > 0})
    text = ("coverage_failures / coverage_cases per setting"
            + (f" ({', '.join(map(str, cases))} replicates each)" if cases else "")
            + "; the vertical lines are the allowed failure probability coverage_delta, which is what a "
            "binomial count with a sharp bound would show on average. A marker left of the line of its "
            "own style is fine (the exact binomial test decides: coverage_p_value in the table); at 0 no "
            "replicate failed. The axis is logarithmic above one failure, linear below.")
    if FITTED_CLAIM in panels:
        text += (" T5a states no constant: coverage_constant is the smallest C that covers a share 1 − δ "
                 "of the replicates; below 0 the bound holds without its second term.")
    return text
