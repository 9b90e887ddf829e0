"""Figures of the last layer trained as published: alone, in pairs, and with flipped labels."""

import numpy as np
from matplotlib.lines import Line2D

from prefdyn import style
from prefdyn.behaviour_figures import colour_bar, draw_coloured, most_distinguishable_first
from prefdyn.results import Group

SUITE, FROM_BASE, FROM_ALIGNED = "last layer", "flipped, from base", "flipped, from aligned"
_PAIR, _RECORD, _MEMBER = "scaled_pair", "scaled_pair_record", "scaled_pair_member"
TRAINING = Group(numbers={("run",): "config_eta config_batch"})
PAIRS = Group(
    numbers={(_PAIR,): "scaled_pair_gap", (_PAIR, _RECORD): "scaled_pair_step",
             (_PAIR, _RECORD, _MEMBER): "scaled_pair_loss scaled_pair_rewards_accuracy"},
)
GROUPS = (TRAINING, PAIRS)

_STEP = "step (updates)"
_CURVES = (("loss", "training loss (nats)", 0), ("eval_loss", "held-out loss (nats)", 0),
           ("rewards_accuracies", "reward accuracy", 1),
           ("outputs_accuracies", "policy accuracy", 0))  # name, label, first step drawn


def last_layer_curves(results):
    """Reads loss, eval_loss, rewards_accuracies, outputs_accuracies and step."""
    rows = most_distinguishable_first(results, SUITE)
    if not rows.size:
        return None
    shown = [curve for curve in _CURVES if np.isfinite(results[curve[0]][rows]).any()]
    figure, panels = style.panel_grid(len(shown), 2, 2.15, sharex=True)
    for axes, (name, label, first) in zip(panels, shown):
        draw_coloured(axes, results, rows, name, first, linewidth=0.9)
        axes.set_ylabel(label)
    figure.supxlabel(_STEP, fontsize=9)
    figure.align_ylabels(panels)
    colour_bar(figure, list(panels), results, rows)
    caption = (f"The {rows.size} runs of suite “{SUITE}”, one line a behaviour; "
               f"{_training(results, rows)}. Colour (dark to light) is D̂ of the training rows. "
               "Accuracies are those of the training rows; that of rewards begins at step 1, since "
               "every margin is 0 before.")
    title = "The last layer of every behaviour, trained as published"
    return style.Plot("last_layer_curves", title, caption, figure)


def _training(results, rows):
    row = rows[0]
    batch = results["config_batch"][row]
    return (f"{results['config_method'][row]}, η = {results['config_eta'][row]:g}, "
            f"batch {'of all rows' if batch == 0 else f'{batch:g}'}, "
            f"β = {results['config_beta'][row]:g}")


_MEMBERS = ((style.BLUE, "-", "higher priority"), (style.ORANGE, "--", "lower priority"))
_MOST_PAIRS = 4


def last_layer_pairs(results):
    """Reads scaled_pair_loss, _rewards_accuracy, _step and _gap."""
    pairs = style.spread(np.arange(results.size(_PAIR)), _MOST_PAIRS)
    if not len(pairs):
        return None
    figure = style.new_figure(4.2)
    panels = figure.subplots(2, len(pairs), sharex=True, sharey="row", squeeze=False)
    for (loss, accuracy), pair in zip(panels.T, pairs):
        _draw_pair(loss, results, pair, "scaled_pair_loss", 0)
        _draw_pair(accuracy, results, pair, "scaled_pair_rewards_accuracy", 1)
        loss.set_title(_pair_title(results, pair, 112 // len(pairs)), fontsize=7)
    panels[0, 0].set_ylabel("training loss (nats)")
    panels[1, 0].set_ylabel("reward accuracy")
    figure.supxlabel(_STEP, fontsize=9)
    figure.align_ylabels(panels[:, 0])
    style.figure_legend(figure, [Line2D([], [], color=color, linestyle=line, label=label)
                                 for color, line, label in _MEMBERS])
    left_out = results.size(_PAIR) - len(pairs)
    more = f" Pairs of gaps between them that are not drawn: {left_out}." if left_out else ""
    caption = ("Two behaviours trained together as published, one column a pair, from the largest "
               "to the smallest normalised priority gap; the first named has the higher priority. "
               "Loss and accuracy are each behaviour's own, over all its training rows." + more)
    title = "Two behaviours trained together as published"
    return style.Plot("last_layer_pairs", title, caption, figure)


def _pair_title(results, pair, width):
    names = results[_PAIR][pair].split(" + ")
    return "\n".join([*(style.shortened(name, width) for name in names),
                      f"gap {results['scaled_pair_gap'][pair]:.3g}"])


def _draw_pair(axes, results, pair, name, first):
    step = results["scaled_pair_step"][pair]
    keep = step >= first
    for member, (color, line, _) in enumerate(_MEMBERS):
        axes.plot(step[keep], results[name][pair, keep, member], linestyle=line, color=color,
                  linewidth=1.2, **style.dot_if_alone(keep.sum()))


def flipped_labels(results):
    """Reads loss and outputs_accuracies of the two flipped suites."""
    base, aligned = (most_distinguishable_first(results, suite)
                     for suite in (FROM_BASE, FROM_ALIGNED))
    if not base.size or not aligned.size:
        return None
    figure = style.new_figure(3.1)
    panels = figure.subplots(1, 3, sharex=True)
    _draw_flipped_losses(panels[0], results, base, aligned)
    panels[2].sharey(panels[1])
    panels[2].tick_params(labelleft=False)
    for axes, rows, name in zip(panels[1:], (base, aligned), ("base", "aligned")):
        draw_coloured(axes, results, rows, "outputs_accuracies", 0, linewidth=0.9)
        axes.set_title(f"from the {name} head")
    panels[1].set_ylabel("policy accuracy, flipped labels")
    figure.supxlabel(_STEP, fontsize=9)
    colour_bar(figure, panels.tolist(), results, base)
    title = "Flipped labels: one loss from base and aligned head, but not one policy"
    return style.Plot("flipped_labels", title, _flipped_caption(results, base, aligned), figure)


def _draw_flipped_losses(axes, results, base, aligned):
    rings = {"linestyle": "", "marker": "o", "markersize": 3.5, "markerfacecolor": "none",
             "markeredgewidth": 0.8}
    draw_coloured(axes, results, base, "loss", 0, linewidth=0.9)
    draw_coloured(axes, results, aligned, "loss", 0, **rings, markevery=0.2)
    axes.set_ylabel("training loss (nats)")
    style.legend_above(axes, 1, handles=[
        Line2D([], [], color=style.GREY, label="from the base head"),
        Line2D([], [], color=style.GREY, label="from the aligned head", **rings)])


def _flipped_caption(results, base, aligned):
    difference = np.nanmax(np.abs(results["loss"][base] - results["loss"][aligned]))
    same = "identical" if difference == 0 else f"equal to {difference:.1g}"
    return (f"The last layer trained on flipped labels, {_training(results, base)}, from the base "
            f"head and from the one that suite “{SUITE}” ended with, each its own reference. Left: "
            f"the losses are {same}. With frozen features a new reference makes both heads start "
            "at log 2 with one gradient, whatever they know. Right: what the policies prefer does "
            "depend on the head; share of training rows whose flipped answer is the likelier one.")


FIGURES = (last_layer_curves, last_layer_pairs, flipped_labels)
