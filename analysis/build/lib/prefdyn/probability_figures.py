"""Figures of what happens to probabilities: displacement over the cosine, and squeezing panels."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from prefdyn import style
from prefdyn.results import Group

CURVES = Group(
    numbers={
        ("probabilities_dial", "probabilities_rho"): """probabilities_chosen_rate
            probabilities_chosen_change probabilities_rejected_change
            probabilities_third_change_plus probabilities_third_change_minus
            probabilities_peak_change_minus""",
        ("probabilities_dial",): "probabilities_ches_rank_correlation",
    },
)
PANELS = Group(
    numbers={
        ("probabilities_panel", "probabilities_token"):
            "probabilities_panel_before probabilities_panel_after",
        ("probabilities_panel",): "probabilities_panel_pulled probabilities_panel_pushed",
    },
)
INFLUENCE = Group(
    numbers={
        ("probabilities_objective", "probabilities_update"): """probabilities_influence_range
            probabilities_influence_first_order probabilities_influence_remainder
            probabilities_influence_second_order probabilities_influence_remainder_low
            probabilities_influence_remainder_high""",
    },
)
GROUPS = (CURVES, PANELS, INFLUENCE)

FALLS = "#f6dccd"  # behind the cosines at which the chosen token falls to first order
LOGPS = (("chosen_change", style.BLUE, "-", r"chosen, $\log\pi(y_+\,|\,g_+)$"),
         ("rejected_change", style.VERMILLION, "--", r"rejected, $\log\pi(y_-\,|\,g_-)$"))
MASSES = (("third_change_plus", style.BLUE, "-", r"third tokens at $g_+$"),
          ("third_change_minus", style.VERMILLION, "--", r"third tokens at $g_-$"),
          ("peak_change_minus", style.BLACK, ":", r"argmax at $g_-$"))


def displacement(results):
    """Reads probabilities_chosen_change, _rejected_change, _chosen_rate, _ches_rank_correlation."""
    if "probabilities_chosen_change" not in results:
        return None
    title = "Likelihood displacement: what DPO does to the chosen and the rejected token"
    caption = ("Change of log-probability over 40 steps of DPO on one example, against the cosine "
               "of the contexts of the chosen and the rejected token. Panels: what differs from "
               "V = 50 and probability 0.1 of both tokens. Shaded: the cosines at which "
               "T12c says that the chosen token falls at first, whatever the curve does later. At cosine 1 both share one context and "
               "the chosen token never falls (T12b) unless the norms differ. Rank: correlation, "
               "over the cosine, of the centred hidden embedding similarity (CHES) and the chosen "
               "token's fall. The axis is linear between −1 and 1, logarithmic beyond.")
    figure = _multiples(results, LOGPS, "change (nats)", with_rank=True)
    for axes in figure.axes:
        axes.set_yscale("symlog", linthresh=1, linscale=1.2)
        axes.set_yticks([-10, -1, 0, 1], ["−10", "−1", "0", "1"])
        axes.minorticks_off()
    return style.Plot("displacement", title, caption, figure)


def probability_masses(results):
    """Reads probabilities_third_change_plus, _third_change_minus and _peak_change_minus."""
    if "probabilities_third_change_plus" not in results:
        return None
    title = "Where the probability goes: mass on third tokens in both contexts"
    caption = ("Change of probability mass over the runs of the displacement figure, shaded alike. "
               "Third tokens are those neither chosen nor rejected. The argmax at the rejected "
               "context, the rejected token aside, is what a negative gradient alone always feeds "
               "(T12d); it may be the chosen token.")
    figure = _multiples(results, MASSES, "change of mass", with_rank=False)
    return style.Plot("probability_masses", title, caption, figure)


def _multiples(results, lines, label, with_rank):
    names = results["probabilities_dial"]
    figure, panels = style.panel_grid(len(names), 3, 1.55, sharex=True, sharey=True)
    for k, axes in enumerate(panels):
        _draw_curves(axes, results, k, lines)
        rank = results["probabilities_ches_rank_correlation"][k]
        note = f"rank {rank:.2f}".replace("-", "−") if np.isfinite(rank) else "rank undefined"
        axes.set_title(f"{names[k]}\n{note}" if with_rank else names[k], fontsize=8)
    for axes in panels[-3:]:
        axes.set_xlabel(r"cosine $\rho$ of $g_+$ and $g_-$")
    for axes in panels[::3]:
        axes.set_ylabel(label)
    handles = [Line2D([], [], color=c, linestyle=s, label=text) for _, c, s, text in lines]
    style.figure_legend(figure, [*handles, Patch(color=FALLS, label="chosen falls at first")])
    return figure


def _draw_curves(axes, results, k, lines):
    rho = results["probabilities_rho"]
    falls = results["probabilities_chosen_rate"][k] < 0
    axes.bar(rho[falls], 1, np.diff(rho).max(initial=0), color=FALLS, linewidth=0,
             transform=axes.get_xaxis_transform())
    axes.axhline(0, color=style.GREY, linewidth=0.8)
    for name, color, line, _ in lines:
        axes.plot(rho, results[f"probabilities_{name}"][k], line, color=color)
    axes.set_xlim(-1, 1)
    axes.set_xticks([-1, 0, 1], ["−1", "0", "1"])


def squeezing_panels(results):
    """Reads probabilities_panel_before, _after, _pulled and _pushed."""
    if "probabilities_panel_before" not in results:
        return None
    names = results["probabilities_panel"]
    figure = style.new_figure(0.5 + 1.35 * len(names))
    column = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for k, axes in enumerate(column):
        _draw_panel(axes, results, k)
    column[-1].set_xlabel("token")
    handles = [Line2D([], [], marker="o", linestyle="", markerfacecolor="none", color=style.GREY,
                      label="before"),
               Line2D([], [], marker="o", linestyle="", color=style.BLUE, label="after"),
               Line2D([], [], color=style.GREEN, label="pulled"),
               Line2D([], [], color=style.VERMILLION, linestyle="--", label="pushed")]
    style.figure_legend(figure, handles)
    title = "The squeezing effect: published panels, redrawn from their seed"
    caption = ("π(· | x) of 50 tokens before and after one update; lines mark the token with a "
               "positive (pulled) or a negative (pushed) gradient. A negative gradient moves mass "
               "to the peak, all the more from a peaky start (C, D pure). In D as committed a "
               "positive gradient of the same size cancels the π terms: only its two tokens move, "
               "so that panel shows no squeezing.")
    return style.Plot("squeezing_panels", title, caption, figure)


def _draw_panel(axes, results, k):
    token = results["probabilities_token"]
    before, after = (results[f"probabilities_panel_{when}"][k] for when in ("before", "after"))
    axes.vlines(token, np.minimum(before, after), np.maximum(before, after), color="#c8c8c8",
                linewidth=1)
    axes.plot(token, before, "o", markerfacecolor="none", color=style.GREY, markersize=4)
    axes.plot(token, after, "o", color=style.BLUE, markersize=3)
    for name, color, line in (("pulled", style.GREEN, "-"), ("pushed", style.VERMILLION, "--")):
        marked = results[f"probabilities_panel_{name}"][k]
        if marked >= 0:
            axes.axvline(marked, color=color, linestyle=line, linewidth=0.9, zorder=0)
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.set_xlim(-1, len(token))
    axes.set_ylabel(r"$\pi$")
    axes.set_title(results["probabilities_panel"][k], fontsize=8.5)


def influence_remainder(results):
    """Reads probabilities_influence_range, _first_order and _remainder."""
    if "probabilities_influence_remainder" not in results:
        return None
    figure = style.new_figure(3.6)
    axes = figure.subplots()
    first, last = np.inf, 0
    for k, name in enumerate(results["probabilities_objective"]):
        color, marker = style.SERIES[k]
        size, change, missed = (results[f"probabilities_influence_{part}"][k]
                                for part in ("range", "first_order", "remainder"))
        axes.plot(size, change, "--", color=color)
        axes.plot(size, missed, color=color, marker=marker, label=name)
        first, last = min(first, size[0]), max(last, size[-1])
    ends = np.array([first, last])
    axes.plot(ends, ends**2 / 8, color=style.GREY, linewidth=1, zorder=1)
    style.log_axis(axes, "x")
    style.log_axis(axes, "y")
    axes.set_xlabel(r"$\eta$ times the range of the logits' response  (nats)")
    axes.set_ylabel(r"change of $\log\pi(\cdot\,|\,g_+)$  (nats)")
    lines = [Line2D([], [], color=style.BLACK, linestyle="--", label="first-order change"),
             Line2D([], [], color=style.BLACK, label="what it misses"),
             Line2D([], [], color=style.GREY, linewidth=1, label="slope 2: range² / 8")]
    style.figure_legend(figure, [*axes.get_legend_handles_labels()[0], *lines], columns=4)
    title = "The influence decomposition is exact to first order: what it misses falls as η²"
    caption = ("One update by each objective on one preference, contexts at cosine 0.4, V = 50: "
               "the largest first-order change of log π over the tokens at g₊ "
               "(probabilities_influence_first_order, dashed, slope 1) and the largest difference "
               "from the change measured (_remainder, markers). T12a says that its slope is 2 "
               "where the step is small; no remainder exceeds the grey line. On one preference "
               "push-pull and DPO move along one direction, so their curves coincide.")
    return style.Plot("influence_remainder", title, caption, figure)


def influence_bounds(results):
    """Reads probabilities_influence_range, _remainder, _second_order, _remainder_low, _high."""
    if "probabilities_influence_remainder" not in results:
        return None
    names = results["probabilities_objective"]
    figure = style.new_figure(2.7)
    row = figure.subplots(1, len(names), sharex=True, sharey=True, squeeze=False)[0]
    for k, axes in enumerate(row):
        size, missed, unit, low, high = (
            results[f"probabilities_influence_{part}"][k]
            for part in ("range", "remainder", "second_order", "remainder_low", "remainder_high"))
        axes.fill_between(size, low / unit, high / unit, color="#d5e6f2", linewidth=0)
        axes.plot(size, missed / unit, color=style.BLUE, marker="o", markersize=3)
        style.log_axis(axes, "x")
        style.log_axis(axes, "y")
        axes.set_xticks([0.01, 1, 100], ["0.01", "1", "100"])
        axes.set_title(names[k], fontsize=8.5)
    row[0].set_ylabel("remainder / second order")
    figure.supxlabel(r"$\eta$ times the range of the logits' response  (nats)", fontsize=9)
    handles = [Line2D([], [], color=style.BLUE, marker="o", markersize=3, label="measured"),
               Patch(color="#d5e6f2", label="T12e allows")]
    style.figure_legend(figure, handles)
    title = "Beyond the first order: log π ends below its prediction, by as much as T12e allows"
    caption = ("The remainder of the figure influence_remainder in units of its second order, η²/2 "
               "times the variance of the logits' response, between the bounds of T12e "
               "(probabilities_influence_remainder_low, _high), for steps of any size. All tokens "
               "of a context share one remainder, which is never negative.")
    return style.Plot("influence_bounds", title, caption, figure)


FIGURES = (displacement, probability_masses, squeezing_panels, influence_remainder,
           influence_bounds)
