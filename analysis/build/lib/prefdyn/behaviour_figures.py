"""Figures of files with behaviours (suite "features"): one run per behaviour."""

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator

from prefdyn import style
from prefdyn.results import Group

SUITE = "features"
FIXED_STEPS = Group(numbers={("run", "fixed_step"): "loss_at_fixed_step",
                             ("fixed_step",): "spearman_loss_distinguishability"})
GROUPS = (FIXED_STEPS,)


def most_distinguishable_first(results, suite=SUITE):
    """Runs of a suite, largest distinguishability_sample first."""
    rows = np.flatnonzero(results.suite(suite))
    return rows[np.argsort(-results["distinguishability_sample"][rows], kind="stable")]


def distinguishability(results):
    """Reads distinguishability_sample, _debiased, noise_floor and initial_rate_* per behaviour."""
    rows = most_distinguishable_first(results)
    if not rows.size:
        return None
    height = style.rows_height(rows.size, 1.35)
    figure = style.new_figure(height)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.5, 1])
    _draw_distinguishability(left, results, rows)
    _draw_initial_rates(right, results, rows)
    style.name_rows(left, results["run_name"][rows], height - 1.35)
    title = "Distinguishability of each behaviour and the initial rate it causes"
    caption = (f"The {rows.size} runs of suite “{SUITE}”, most distinguishable first. Left: D̂ of "
               "the sample, D̂ with the sampling noise taken out (debiased), and the noise floor, "
               "what D̂ would be without any signal; a behaviour whose D̂ is near its floor cannot "
               "be told from noise. Right: the measured initial rate on the one T1 predicts; the "
               "cross must sit in the ring.")
    return style.Plot("behaviours", title, caption, figure)


def _draw_distinguishability(axes, results, rows):
    height = np.arange(rows.size)
    sample, floor = results["distinguishability_sample"][rows], results["noise_floor"][rows]
    axes.hlines(height, floor, sample, color="#bdbdbd", linewidth=1)
    axes.plot(floor, height, "|", color=style.VERMILLION, markersize=8, markeredgewidth=1.8,
              label="noise floor")
    axes.plot(results["distinguishability_debiased"][rows], height, "D", color=style.ORANGE,
              markerfacecolor="white", markersize=5.5, label="debiased")
    axes.plot(sample, height, "o", color=style.BLUE, markersize=3.6, label=r"sample $\hat D$")
    axes.set_xlim(left=0)
    axes.set_xlabel(r"$D = \Vert\mu_+ - \mu_-\Vert$  (feature units)")
    style.legend_above(axes, 2)


def _draw_initial_rates(axes, results, rows):
    height = np.arange(rows.size)
    axes.plot(results["initial_rate_predicted"][rows], height, "o", color=style.BLACK,
              markerfacecolor="white", markersize=6.5, markeredgewidth=1, label="predicted (T1)")
    axes.plot(results["initial_rate_measured"][rows], height, "x", color=style.VERMILLION,
              markersize=4.2, markeredgewidth=1.4, label="measured")
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(r"initial rate $R(0)$  (1 / time)")
    style.legend_above(axes, 1)


def loss_at_fixed_steps(results):
    """Reads loss_at_fixed_step, spearman_loss_distinguishability, distinguishability_sample."""
    rows = most_distinguishable_first(results)
    if not rows.size or "loss_at_fixed_step" not in results:
        return None
    figure = style.new_figure(2.9)
    panels = figure.subplots(1, results.size("fixed_step"), sharex=True, squeeze=False)[0]
    for index, axes in enumerate(panels):
        _draw_fixed_step(axes, results, rows, index)
    panels[0].set_ylabel("training loss (nats)")
    figure.supxlabel(r"sample distinguishability $\hat D$  (feature units)", fontsize=9)
    title = "More distinguishable behaviours are learned faster"
    caption = (f"The {rows.size} runs of suite “{SUITE}”, one panel per number of steps (note "
               "the different loss axes). ρ is Spearman's rank correlation of loss and D̂, as "
               "stored; −1 means that the order of losses is exactly the reverse order of D̂.")
    return style.Plot("loss_at_fixed_steps", title, caption, figure)


def _draw_fixed_step(axes, results, rows, index):
    axes.plot(results["distinguishability_sample"][rows],
              results["loss_at_fixed_step"][rows, index], "o", color=style.BLUE, markersize=4.5,
              markerfacecolor="#bcd9ec")
    rho = results["spearman_loss_distinguishability"][index]
    text = f"ρ = {rho:.3f}".replace("-", "−") if np.isfinite(rho) else "ρ undefined"
    axes.set_title(f"{results['fixed_step'][index]:d} steps: {text}")


def loss_curves(results):
    """Reads loss and step of every behaviour; colour is distinguishability_sample."""
    rows = most_distinguishable_first(results)
    if not rows.size:
        return None
    figure = style.new_figure(3.5)
    axes = figure.subplots()
    draw_coloured(axes, results, rows, "loss")
    style.log_axis(axes, "x")
    axes.set_xlabel("step (updates)")
    axes.set_ylabel("training loss (nats)")
    _mark_fixed_steps(axes, results)
    colour_bar(figure, axes, results, rows)
    caption = (f"The {rows.size} runs of suite “{SUITE}”, step 0 left out; colour (dark to light) "
               "is D̂ of the sample. Dotted lines mark the steps that losses are compared at.")
    return style.Plot("loss_curves", "Training loss of every behaviour", caption, figure)


def draw_coloured(axes, results, rows, name, first=1, **options):
    """A dataset of every run against step from `first` on, coloured by distinguishability."""
    colours = _scale(results, rows)
    for row in rows[::-1]:
        step, value = results["step"][row], results[name][row]
        keep = (step >= first) & np.isfinite(value)
        look = {"linewidth": 1.2, **style.dot_if_alone(keep.sum()), **options}
        axes.plot(step[keep], value[keep], **look,
                  color=colours.to_rgba(results["distinguishability_sample"][row]))


def colour_bar(figure, axes, results, rows):
    """What the colours of draw_coloured say; a single run needs none."""
    if len(rows) > 1:
        bar = figure.colorbar(_scale(results, rows), ax=axes, pad=0.02)
        bar.set_label(r"$\hat D$  (feature units)")
        bar.outline.set_visible(False)


def _scale(results, rows):
    distance = results["distinguishability_sample"][rows]
    return ScalarMappable(Normalize(distance.min(), distance.max()), style.SEQUENTIAL)


def _mark_fixed_steps(axes, results):
    for step in results["fixed_step"] if "fixed_step" in results else ():
        axes.axvline(step, color=style.GREY, linestyle=":", linewidth=1)


def behaviour_rates(results):
    """Reads initial_rate_measured and _predicted, distinguishability_sample, config_beta."""
    rows = most_distinguishable_first(results)
    if not rows.size:
        return None
    figure = style.new_figure(3.2)
    axes = figure.subplots()
    _draw_rates_on_line(axes, results, rows)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(r"sample distinguishability $\hat D$  (feature units)")
    axes.set_ylabel(r"initial rate $R(0)$  (1 / time)")
    axes.legend(loc="upper left")
    low, high = results["p_plus"][rows].min(), results["p_plus"][rows].max()
    shares = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
    caption = (f"The {rows.size} runs of suite “{SUITE}”, β = {results['config_beta'][rows[0]]:g}. "
               "T1 is an identity: every cross must sit in its ring. Behaviours whose classes are "
               f"not of one size may lie off the line; the share of class +1 is {shares} here.")
    title = "Distinguishability sets the initial rate of every behaviour"
    return style.Plot("behaviour_rates", title, caption, figure)


def _draw_rates_on_line(axes, results, rows):
    distance = results["distinguishability_sample"][rows]
    reach = np.array([0, 1.05 * distance.max()])
    beta = results["config_beta"][rows[0]]
    axes.plot(reach, beta * reach / np.sqrt(8), color=style.BLUE, linewidth=1, zorder=1,
              label=r"T1, balanced classes: $\beta \hat D / (2\sqrt{2})$")
    axes.plot(distance, results["initial_rate_predicted"][rows], "o", color=style.BLACK,
              markerfacecolor="none", markersize=7, markeredgewidth=1, label="T1, exact")
    axes.plot(distance, results["initial_rate_measured"][rows], "x", color=style.VERMILLION,
              markersize=4.2, markeredgewidth=1.4, label="measured")
    axes.set_xlim(0, reach[1])


FIGURES = (distinguishability, loss_at_fixed_steps, loss_curves, behaviour_rates)
