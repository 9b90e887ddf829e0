"""The figure of a file with a single run, as `prefdyn simulate` writes it."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from prefdyn import rate_figures, style

GROUPS = rate_figures.GROUPS


def single_run(results):
    """Reads loss, accuracies, margins, head_change and its bounds of the only run."""
    if results.size("run") != 1:
        return None
    figure = style.new_figure(5.0)
    (loss, accuracy), (margin, head) = figure.subplots(2, 2, sharex=True)
    _draw_loss(loss, results)
    _draw_accuracies(accuracy, results)
    _draw_margins(margin, results)
    _draw_head_change(head, results)
    for axes in (margin, head):
        axes.set_xlabel("step (updates)")
    return style.Plot("run", "One run: loss, accuracy, margins and head change", _caption(results),
                      figure)


def _draw_loss(axes, results):
    _line(axes, results, "loss", "-", style.BLACK, "training set")
    _line(axes, results, "eval_loss", "--", style.VERMILLION, "held-out set")
    axes.set_ylabel("mean loss (nats)")
    style.legend_above(axes, 2)


def _draw_accuracies(axes, results):
    _line(axes, results, "outputs_accuracies", "-", style.SKY, "policy", "outputs_ties", 4)
    _line(axes, results, "rewards_accuracies", "-", style.BLACK, "reward", "rewards_ties")
    _line(axes, results, "eval_rewards_accuracies", "--", style.VERMILLION, "reward, held-out",
          "eval_rewards_ties")
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.set_ylabel("accuracy (share of pairs)")
    style.legend_above(axes, 2)


def _line(axes, results, name, line, color, label, ties=None, width=1.4):
    """One curve of the run; points at which every pair is tied are left out."""
    value = results[name][0]
    keep = np.isfinite(value)
    if ties:
        keep &= results[ties][0] < 1
    if keep.any():
        axes.plot(results["step"][0][keep], value[keep], line, color=color, linewidth=width,
                  label=label)


def _draw_margins(axes, results):
    step, levels = results["step"][0], results["quantile"]
    bands = results["margin_quantiles"][0]
    inner = [(i, len(levels) - 1 - i) for i in range(1, len(levels) // 2)]
    for (low, high), color in zip(inner, ("#dbe9f4", "#a5c8e1")):
        axes.fill_between(step, bands[:, low], bands[:, high], color=color, linewidth=0,
                          label=f"{levels[low]:.0%} to {levels[high]:.0%}")
    if len(levels) % 2:
        axes.plot(step, bands[:, len(levels) // 2], color=style.BLUE, label="median")
    axes.plot(step, results["rewards_margins"][0], "--", color=style.BLACK, label="mean")
    axes.axhline(0, color=style.GREY, linewidth=0.8)
    axes.set_ylabel("reward margin $m_i$")
    style.legend_above(axes, 2)


def _draw_head_change(axes, results):
    rate_figures.draw_between_bounds(axes, results, 0, results["step"][0])
    style.log_axis(axes, "y")
    axes.set_ylabel(r"head change $\Vert\Delta W\Vert_F$")
    style.legend_above(axes, 2, handles=rate_figures.bound_handles(results, [0]))


def _caption(results):
    return (f"The only run of the file: {results['run_name'][0]}, method "
            f"{results['config_method'][0]}, n = {results['run_samples'][0]:g}, "
            f"d = {results['run_dimension'][0]:g}, {results['stop_reason'][0]}. Accuracies count a "
            "tie as wrong; points where every pair is tied (step 0) are left out. The policy "
            "accuracy is the wide band behind the reward accuracy: with a zero reference head the "
            "two agree. Shaded: quantiles of the reward margins. The head change must stay between "
            "T2b and T3b; a bound that does not apply to this run is not drawn.")


FIGURES = (single_run,)
