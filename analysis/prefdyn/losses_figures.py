"""Figures of the study of losses (T11): what each satisfies, and how rewards move under it."""

import numpy as np

from prefdyn import style
from prefdyn.results import Group

LOSSES = Group(
    numbers={
        ("losses_name",): "losses_rate_ratio losses_slope_at_zero",
        ("losses_name", "losses_record"): """losses_time losses_rewards_chosen
            losses_rewards_rejected""",
    },
    text={("losses_name", "losses_claim"): "losses_status losses_reason"},
)
GROUPS = (LOSSES,)

_CELLS = {"holds": (style.BLUE, "o", "holds"),
          "violated": (style.VERMILLION, "X", "violated"),
          "undecided": (style.ORANGE, "d", "undecided"),
          "vacuous": (style.GREY, "o", "says nothing"),
          "not_applicable": (style.GREY, "_", "does not apply")}
_COLUMNS = 5


def loss_verdicts(results):
    """Reads losses_status, losses_reason, losses_rate_ratio and losses_slope_at_zero."""
    if "losses_status" not in results:
        return None
    names, claims = results["losses_name"], results["losses_claim"]
    figure = style.new_figure(0.27 * len(names) + 1.0)
    axes = figure.subplots()
    rows, columns = np.indices(results["losses_status"].shape)
    for status, (color, marker, label) in _CELLS.items():
        here = results["losses_status"] == status
        if here.any():
            axes.plot(columns[here], rows[here], marker, color=color, label=label, markersize=7)
    _write_notes(axes, results)
    axes.set_xticks(range(len(claims)), claims)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(-0.6, len(claims) + 7.4)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.grid(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.legend(loc="upper left", bbox_to_anchor=(0, 0), ncol=len(_CELLS))
    caption = ("One row per loss, one column per claim, over the runs of study “losses”. R(0) / DPO: "
               "the initial rate over that of the DPO loss on the same data; a minus sign where "
               "phi'(0) > 0, so that the first update goes the other way. At the right: why the "
               "first claim that does not apply does not.")
    return style.Plot("loss_verdicts", "Which claims apply to which loss", caption, figure)


def _write_notes(axes, results):
    edge = results.size("losses_claim")
    axes.text(edge + 0.6, -0.75, r"$R(0)$ / DPO", ha="center", va="bottom")
    for row in range(results.size("losses_name")):
        sign = "−" if results["losses_slope_at_zero"][row] > 0 else ""
        axes.text(edge + 0.6, row, f"{sign}{results['losses_rate_ratio'][row]:.3g}",
                  ha="center", va="center")
        reason = next((text for text in results["losses_reason"][row] if text), "")
        axes.text(edge + 1.5, row, reason, va="center", fontsize=7.5, color=style.GREY)


def loss_rewards(results):
    """Reads losses_time, losses_rewards_chosen and losses_rewards_rejected."""
    if "losses_time" not in results:
        return None
    names = results["losses_name"]
    figure, panels = style.panel_grid(len(names), _COLUMNS, 1.45)
    for row, (axes, name) in enumerate(zip(panels, names)):
        _draw_rewards(axes, results, row)
        axes.set_title(name, fontsize=8.5)
    style.figure_legend(figure, panels[0].get_lines()[:2])
    figure.supxlabel(r"time $t = \eta \cdot$ step", fontsize=9)
    figure.supylabel("mean implicit reward", fontsize=9)
    caption = ("Mean of beta log(pi / pi_ref) of the chosen and of the rejected response, gradient "
               "descent on the same balanced classes (axes differ: each loss has its own learning "
               "rate). Where both fall, the chosen response becomes less likely too.")
    return style.Plot("loss_rewards", "Rewards of both responses under every loss", caption, figure)


def _draw_rewards(axes, results, row):
    time = results["losses_time"][row]
    for name, color, line in (("chosen", style.BLUE, "-"), ("rejected", style.VERMILLION, "--")):
        reward = results[f"losses_rewards_{name}"][row]
        shown = np.isfinite(time) & np.isfinite(reward)
        axes.plot(time[shown], reward[shown], line, color=color, label=f"{name} response")
    axes.axhline(0, color=style.BLACK, linewidth=0.6)
    axes.tick_params(labelsize=7)
    axes.locator_params(nbins=3)


FIGURES = (loss_verdicts, loss_rewards)
