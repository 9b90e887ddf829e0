"""Figures of training runs: curves, what D decides, pairs, displacement, slopes, projections."""

import numpy as np
from matplotlib.lines import Line2D

from prefdyn import style
from prefdyn import sweep_statistics as statistics

_MOST_PANELS = 6


def _colours(values):
    """A colour per value, darkest the smallest; NaN grey."""
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    share = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return [style.SEQUENTIAL(s) if np.isfinite(s) else style.GREY for s in share]


def _rank_correlation(x, y):
    """Spearman's, of values without ties."""
    ranks = [np.argsort(np.argsort(values)) for values in (x, y)]
    return float(np.corrcoef(ranks)[0, 1])


def _in_words(x, y):
    """The correlation with what it rests on: few runs agree by chance."""
    rank, n = _rank_correlation(x, y), len(x)
    p = statistics.permutation_p(x, y)
    return f"{rank:.3f}, n = {n}" + ("" if np.isnan(p) else f", exact p = {p:.3g}")


def loss_curves(runs):
    """Reads loss, eval_loss, distinguishability. Not for flipped runs."""
    if set(runs["run_labels"]) != {"data"}:
        return None
    start = runs["distinguishability"][:, 0]
    figure = style.new_figure(3.0)
    left, right = figure.subplots(1, 2)
    for part, colour in zip(runs.parts, _colours(start)):
        for axes, column in ((left, "loss"), (right, "distinguishability")):
            step, value = runs.curve(part, column)
            axes.plot(step, value, color=colour, **style.dot_if_alone(len(step)))
    left.set(xlabel="update", ylabel="training loss (nats)")
    right.set(xlabel="update", ylabel=r"distinguishability $\hat D$")
    caption = ("Every behaviour of every run, coloured by the distinguishability of its final "
               "embeddings before training (darkest: the smallest). Left the training loss, right "
               "the distinguishability itself, which moves because the embeddings are trained.")
    return style.Plot("finetune_curves", "Loss and distinguishability through training", caption,
                      figure)


def loss_against_distinguishability(runs):
    """Reads distinguishability, loss, eval_loss, run_stopped of runs on one behaviour each."""
    alone = [p for p in runs.parts if len(runs.parts_in(runs["part_run"][p])) == 1
             and not runs["run_stopped"][runs["part_run"][p]]]
    start = runs["distinguishability"][alone, 0]
    if len(alone) < 3 or set(runs["run_labels"]) != {"data"} or not np.isfinite(start).all():
        return None
    figure = style.new_figure(3.0)
    panels = figure.subplots(1, 2)
    notes = []
    for axes, column, label in ((panels[0], "loss", "training loss at the end (nats)"),
                                (panels[1], "eval_loss", "held-out loss at the end (nats)")):
        value = runs.last(column)[alone]
        if not np.isfinite(value).all():
            axes.remove()
            continue
        words = _in_words(start, value)
        axes.plot(start, value, "o", color=style.BLUE)
        axes.set(xlabel=r"$\hat D$ before training", ylabel=label)
        axes.set_title(f"Spearman {words}", fontsize=8.5)
        notes.append(f"{label}: {words}")
    caption = ("One run for each behaviour from the same model, those that were stopped left out: "
               "loss at the end against the distinguishability of the base model's embeddings. "
               "Rank correlations (Spearman; p: share of all orders that are as far from 0): "
               + "; ".join(notes) + ".")
    return style.Plot("finetune_distinguishability", "Distinguishability and what is learned",
                      caption, figure)


def together(runs):
    """Reads rewards_margins of runs on two to six behaviours."""
    chosen = [r for r in range(len(runs["run"])) if 2 <= len(runs.parts_in(r)) <= _MOST_PANELS]
    if not chosen:
        return None
    shown = list(style.spread(np.array(chosen), _MOST_PANELS))
    figure, panels = style.panel_grid(len(shown), min(2, len(shown)), 2.2)
    for run, axes in zip(shown, panels):
        for part, (colour, marker) in zip(runs.parts_in(run), style.SERIES):
            step, margin = runs.curve(part, "rewards_margins")
            name = style.shortened(runs["part_behaviour"][part], 26)
            axes.plot(step, margin, color=colour, marker=marker, markersize=3,
                      label=f"{name}, $\\hat D$ = {runs['distinguishability'][part, 0]:.3g}")
        axes.set(xlabel="update", ylabel="mean reward margin")
        axes.legend(loc="upper left", fontsize=7)
    caption = ("Behaviours trained together: mean reward margin of each. The more distinguishable "
               "one (first in the legend where pairs were chosen by priority gap) should lead. "
               f"Method: {', '.join(sorted(set(runs['run_method'])))}.")
    return style.Plot("finetune_together", "Which behaviour is learned first", caption, figure)


def displacement(runs):
    """Reads logps_chosen and logps_rejected."""
    shown = style.spread(np.arange(len(runs["part"])), 24)
    figure = style.new_figure(3.0)
    panels = figure.subplots(1, 2, sharex=True)
    fell = 0
    for part, colour in zip(shown, _colours(runs["distinguishability"][shown, 0])):
        for axes, column in zip(panels, ("logps_chosen", "logps_rejected")):
            step, value = runs.curve(part, column)
            axes.plot(step, value - value[0], color=colour, **style.dot_if_alone(len(step)))
    change = runs.last("logps_chosen") - runs["logps_chosen"][:, 0]
    fell = int((change < 0).sum())
    for axes, what in zip(panels, ("chosen", "rejected")):
        axes.axhline(0.0, color=style.GREY, linewidth=0.8)
        axes.set(xlabel="update", ylabel=f"change of logps/{what} (nats)")
    caption = ("Mean log-probability of chosen and rejected answers, minus that before training, "
               "coloured by the distinguishability before training (darkest: the smallest). "
               f"The chosen answers' own probability ended lower in {fell} of {len(change)} "
               "(likelihood displacement).")
    return style.Plot("finetune_displacement", "What happens to probabilities", caption, figure)


def slopes(runs):
    """Reads initial_slope and initial_slope_head_t1."""
    places = list(runs["place"])
    kept = [k for k, name in enumerate(places) if name != "tied"]
    square = runs["initial_slope"][:, kept]
    share = square / square.sum(axis=1, keepdims=True)
    figure = style.new_figure(3.0)
    left, right = figure.subplots(1, 2)
    rows = np.arange(len(kept))
    left.barh(rows, np.median(share, axis=0), color=style.SKY)
    left.set_yticks(rows, [places[k] for k in kept])
    left.invert_yaxis()
    left.set_xlabel(r"share of $\|\nabla L\|^2$, median over parts")
    head, bound = runs["initial_slope"][:, places.index("head")], runs["initial_slope_head_t1"]
    there = np.isfinite(bound) & (head > 0)
    if there.any():
        ends = [min(head[there].min(), bound[there].min()) / 2, 2 * max(head[there].max(), bound[there].max())]
        right.plot(ends, ends, color=style.GREY, linewidth=0.8)  # wide enough that rounding is not seen
        right.set(xlim=ends, ylim=ends)
        right.plot(bound[there], head[there], "o", color=style.BLUE)
        right.set(xlabel=r"T1: $2\beta^2\phi'(0)^2\|\bar z\|^2$", ylabel="measured, the head's part")
        style.log_axis(right, "x")
        style.log_axis(right, "y")
        worst = np.abs(head[there] / bound[there] - 1).max()
        note = f" Right: the head's part is what T1 says of the embeddings, to {worst:.1e} at worst."
    else:
        right.remove()
        note = ""
    caption = ("Squared norm of the loss's gradient before training, by where it is: what makes the "
               "initial slope under gradient flow." + note)
    return style.Plot("finetune_slopes", "Where the initial slope comes from", caption, figure)


def projections(runs):
    """Reads projection_before, projection_after and label."""
    shown = [p for p in runs.parts if (np.abs(runs["label"][p]) == 1).any()
             and np.isfinite(runs["projection_after"][p]).any()]
    shown = list(style.spread(np.array(shown, dtype=int), 3))
    if not shown:
        return None
    figure, panels = style.panel_grid(2 * len(shown), 2, 2.2)
    for row, part in enumerate(shown):
        for column, when in enumerate(("before", "after")):
            axes = panels[2 * row + column]
            points = runs[f"projection_{when}"][part]
            for sign, colour, marker in ((1, style.BLUE, "o"), (-1, style.VERMILLION, "x")):
                mask = runs["label"][part] == sign
                axes.plot(points[mask, 0], points[mask, 1], marker, color=colour, markersize=2.5,
                          alpha=0.6)
            distance = runs["distinguishability"][part]
            value = distance[0] if column == 0 else runs.last("distinguishability")[part]
            name = style.shortened(runs["part_behaviour"][part], 24)
            axes.set_title(f"{name}, {when}: $\\hat D$ = {value:.3g}", fontsize=8.5)
    style.figure_legend(figure, [
        Line2D([], [], color=style.BLUE, marker="o", linestyle="", label="first answer chosen"),
        Line2D([], [], color=style.VERMILLION, marker="x", linestyle="", label="second")])
    caption = ("Final embeddings of the training prompts on their own first two principal axes, "
               "before and after training.")
    return style.Plot("finetune_projections", "Embeddings before and after", caption, figure)


_STARTS = {("full", "base"): (style.BLUE, "-"), ("full", "aligned"): (style.VERMILLION, "--"),
           ("lora", "base"): (style.BLUE, "-"), ("lora", "aligned"): (style.VERMILLION, "--"),
           ("head", "base"): (style.BLACK, "-"), ("head", "aligned"): (style.SKY, ":")}


def misalignment(runs):
    """Reads loss of flipped runs from base and aligned models."""
    flipped = [p for p in runs.parts if runs.of_run("run_labels", p) == "flipped"]
    starts = {runs.of_run("run_start", p) for p in flipped}
    if starts != {"base", "aligned"}:
        return None
    figure = style.new_figure(3.2)
    axes = figure.subplots()
    seen = {}
    for part in flipped:
        key = (runs.of_run("run_method", part), runs.of_run("run_start", part))
        colour, line = _STARTS[key]
        step, loss = runs.curve(part, "loss")
        axes.plot(step, loss, color=colour, linestyle=line, linewidth=1.1)
        frozen = ", frozen features" if key[0] == "head" else ""
        seen[key] = Line2D([], [], color=colour, linestyle=line, label=f"from {key[1]}{frozen}")
    axes.set(xlabel="update", ylabel="loss on flipped labels (nats)")
    style.figure_legend(figure, list(seen.values()))
    caption = ("Training on flipped labels from the base and from the aligned model, each its own "
               "reference, a line for each seed. On frozen features (only the head was trained, in "
               "the alignment too) both give the same curve.")
    return style.Plot("misalign_curves", "Is an aligned model misaligned faster?", caption, figure)


FIGURES = (loss_against_distinguishability, loss_curves, together, misalignment, displacement,
           slopes, projections)


def draw_all(runs):
    style.apply()
    return [plot for plot in (draw(runs) for draw in FIGURES) if plot is not None]
