"""Figures of the study "priority" (T8)."""

import numpy as np
from matplotlib.lines import Line2D

from prefdyn import style
from prefdyn.results import Group
from prefdyn.verdict import count

_SETTING, _BEHAVIOUR, _RECORD = "priority_setting", "priority_behaviour", "priority_record"
MIXTURES = Group(
    numbers={
        (_SETTING, _RECORD): "priority_time",
        (_SETTING, _RECORD, _BEHAVIOUR): "priority_margin",
        (_SETTING, _BEHAVIOUR): "priority_level",
        (_SETTING,): """priority_behaviours priority_norm_ratio priority_flow priority_kappa
            priority_lead_time priority_lead_ratio priority_negative""",
    },
)
_ORDER = "priority_order"
ORDER = Group(
    numbers={(_ORDER,): """priority_tau_accuracy priority_tau_accuracy_low
        priority_tau_accuracy_high priority_tau_margin priority_tau_margin_low
        priority_tau_margin_high"""},
)
_PAIR, _WITH = "priority_pair", "priority_pair_with"
PAIRS = Group(numbers={(_PAIR, _WITH): "priority_pair_gap"})
_MEASURE = "priority_pair_measure"
PAIR_ENDS = Group(
    numbers={(_PAIR, _WITH): "priority_pair_level priority_pair_margin priority_pair_accuracy",
             (_MEASURE,): "priority_pair_agreement"},
)
GROUPS = (MIXTURES, ORDER, PAIRS, PAIR_ENDS)


def _shown(results):
    """Settings worth a panel: un-learning, a lead that is lost, many behaviours, weights."""
    flow, size = results["priority_flow"] == 1, results["priority_behaviours"]
    names = results[_SETTING]
    wanted = (flow & (size == 2) & (results["priority_negative"] > 0),
              ~np.isnan(results["priority_lead_ratio"]),
              flow & (size == size.max()) & (results["priority_norm_ratio"] > 1),
              flow & np.array([name.startswith("weights 0.1 and") for name in names]))
    chosen = [int(np.flatnonzero(mask)[-1]) for mask in wanted if mask.any()]
    return list(dict.fromkeys(chosen))


def priority_margins(results):
    """Reads priority_margin, priority_time, priority_lead_time and priority_kappa."""
    if "priority_margin" not in results:
        return None
    shown = _shown(results)
    if not shown:
        return None
    figure, panels = style.panel_grid(len(shown), 2, 2.4)
    for axes, setting in zip(panels, shown):
        _margin_panel(axes, results, setting)
    figure.supxlabel(r"$\kappa t$  (time in units of $1/\kappa$)", fontsize=9)
    figure.supylabel("mean reward margin $M_k(t)$", fontsize=9)
    style.figure_legend(figure, [
        Line2D([], [], color=style.SEQUENTIAL(0.0), label="highest priority $P_k$"),
        Line2D([], [], color=style.SEQUENTIAL(1.0), label="lowest"),
        Line2D([], [], color=style.BLACK, linestyle="--",
               label="$t^*$: the highest leads the lowest until here (T8b)")])
    caption = ("Mixtures of study “priority”, one line a behaviour, coloured by "
               "rank of its priority level. Left of the dashed line the order of the highest and "
               "the lowest is proved; right of it a lead may be lost. A margin below zero is a "
               "behaviour that training on the mixture un-learns at first.")
    title = "The behaviour with the higher priority is learned first"
    return style.Plot("priority_margins", title, caption, figure)


def _margin_panel(axes, results, setting):
    size = int(results["priority_behaviours"][setting])
    time = results["priority_kappa"][setting] * results["priority_time"][setting]
    order = np.argsort(-results["priority_level"][setting, :size])
    for rank, k in enumerate(order):
        axes.plot(time[1:], results["priority_margin"][setting, 1:, k], linewidth=1.1,
                  color=style.SEQUENTIAL(rank / max(size - 1, 1)))
    axes.axhline(0, color=style.GREY, linewidth=0.7)
    lead = results["priority_kappa"][setting] * results["priority_lead_time"][setting]
    if np.isfinite(lead):
        axes.axvline(lead, color=style.BLACK, linestyle="--", linewidth=0.9)
    axes.set_title(_without_trainer(results[_SETTING][setting]), fontsize=8)
    style.log_axis(axes, "x")


def _without_trainer(name):
    return name.removesuffix(", flow").removesuffix(", gradient descent")


def priority_order(results):
    """Reads the priority_tau_accuracy and priority_tau_margin datasets."""
    if "priority_tau_margin" not in results:
        return None
    figure = style.new_figure(2.6)
    axes = figure.subplots()
    place = np.arange(results.size(_ORDER))
    for shift, (name, label) in enumerate((("margin", "mean reward margin of 0.1"),
                                           ("accuracy", "reward accuracy of 0.8"))):
        tau = results[f"priority_tau_{name}"]
        around = np.abs([results[f"priority_tau_{name}_low"] - tau,
                         results[f"priority_tau_{name}_high"] - tau])
        color, marker = style.SERIES[shift]
        axes.errorbar(place + 0.12 * (2 * shift - 1), tau, around, fmt=marker, color=color,
                      capsize=3, label=f"first to reach a {label}")
    axes.axhline(0, color=style.GREY, linewidth=0.7)
    axes.set_xticks(place, results[_ORDER])
    axes.set_ylim(-0.1, 1.05)
    axes.set_ylabel("Kendall's tau with the order of $P_k$")
    style.legend_above(axes, 2)
    caption = ("Agreement of the order in which behaviours are learned with the order of their "
               "priority levels, 1 is perfect. Mean over seeds, bars: 95 % bootstrap interval. "
               "Accuracy also depends on the spread within a behaviour, margins do not.")
    title = "Priority levels predict the order of learning"
    return style.Plot("priority_order", title, caption, figure)


def priority_pairs(results):
    """Reads priority_pair_gap."""
    size = results.size(_PAIR)
    if size < 2:
        return None
    gap = results["priority_pair_gap"]
    order = np.argsort(-np.nan_to_num(gap).mean(axis=1), kind="stable")
    names = [f"{style.shortened(results[_PAIR][k])}  {place + 1}" for place, k in enumerate(order)]
    height = max(2.8, style.rows_height(size, 1.0, 0.17))
    figure = style.new_figure(height)
    axes = figure.subplots()
    limit = max(np.nanmax(np.abs(gap)), 1e-300)
    image = axes.imshow(gap[np.ix_(order, order)], cmap="PuOr", vmin=-limit, vmax=limit,
                        aspect="auto")
    style.name_rows(axes, names, height - 1.0, 6.5)
    axes.set_ylim(size - 0.5, -0.5)
    numbers = range(0, size, -(-size // 25))
    axes.set_xticks(numbers, [place + 1 for place in numbers], fontsize=6.5)
    axes.set_xlabel("mixed with, in the same order")
    axes.grid(False)
    figure.colorbar(image, ax=axes, shrink=0.8, aspect=4 * height,
                    label=r"$(P_\mathrm{row} - P_\mathrm{column}) / \max\Vert b\Vert$")
    caption = ("Normalised priority gap of every pair of behaviours, as the authors define it, "
               "sorted by its mean. Positive: the row's behaviour is learned first when both are "
               "trained together.")
    title = "Which of two behaviours comes first"
    return style.Plot("priority_pairs", title, caption, figure)


_LEADS = (("mean reward margin", "priority_pair_margin", "lead in mean reward margin"),
          ("reward accuracy", "priority_pair_accuracy", "lead in reward accuracy"))
_FOUND = ((np.greater, style.BLUE, "o", "higher priority ahead"),
          (np.less, style.VERMILLION, "v", "behind"), (np.equal, style.BLACK, "x", "tied"))


def priority_pair_order(results):
    """Reads priority_pair_level, _margin, _accuracy and _agreement."""
    if "priority_pair_agreement" not in results:
        return None
    predicted = _row_minus_column(results["priority_pair_level"])
    once = predicted > 0  # each pair in the order in which the lead is predicted
    if not once.any():
        return None
    figure = style.new_figure(3.3)
    for axes, (measure, name, label) in zip(figure.subplots(1, 2), _LEADS):
        _draw_leads(axes, predicted[once], _row_minus_column(results[name])[once])
        share = results["priority_pair_agreement"][list(results[_MEASURE]).index(measure)]
        axes.set_title(f"as predicted: {100 * share:.1f} % of {count(once.sum(), 'pair')}")
        axes.set_ylabel(label)
    figure.supxlabel(r"predicted lead $P_\mathrm{higher} - P_\mathrm{lower}$  (feature units)",
                     fontsize=9)
    style.figure_legend(figure, [Line2D([], [], color=color, marker=marker, linestyle="",
                                        markerfacecolor="none", label=label)
                                 for _, color, marker, label in _FOUND])
    caption = ("One marker a pair of behaviours, trained together with full batches; each is "
               "measured on its own rows, at the last record. Margins are what priority levels "
               "predict; accuracies also depend on the spread within a behaviour. A tie counts "
               "half.")
    title = "Which of two behaviours is ahead: predicted and found"
    return style.Plot("priority_pair_order", title, caption, figure)


def _row_minus_column(matrix):
    """What the row's behaviour has more of in its mixture with the column's."""
    return matrix - matrix.T


def _draw_leads(axes, predicted, found):
    size = 3 if found.size < 1000 else 1.5
    for test, color, marker, _ in _FOUND:
        at = test(found, 0)
        axes.plot(predicted[at], found[at], marker, color=color, markersize=size,
                  markerfacecolor="none", markeredgewidth=0.25 * size)
    axes.axhline(0, color=style.BLACK, linewidth=0.8, zorder=1)
    axes.set_xlim(left=0)


FIGURES = (priority_margins, priority_order, priority_pairs, priority_pair_order)
