"""The figure of a file with a single run, as `prefdyn simulate` writes it."""

import numpy as np

from analysis import rate_figures, style


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
    axes.set_title("loss")
    axes.set_ylabel("mean loss (nats)")
    _legend_if_several(axes)


def _draw_accuracies(axes, results):
    _line(axes, results, "outputs_accuracies", "-", style.SKY, "policy", "outputs_ties", 4)
    _line(axes, results, "rewards_accuracies", "-", style.BLACK, "reward", "rewards_ties")
    _line(axes, results, "eval_rewards_accuracies", "--", style.VERMILLION, "reward, held-out",
          "eval_rewards_ties")
    axes.set_title("accuracy")
    axes.set_ylabel("share of preferences")
    _legend_if_several(axes)


def _line(axes, results, name, line, color, label, ties=None, width=1.4):
    """One curve of the run; points at which every pair is tied are left out."""
    value = results[name][0]
    keep = np.isfinite(value)
    if ties:
        keep &= results[ties][0] < 1
    if keep.any():
        axes.plot(results["step"][0][keep], value[keep], line, color=color, linewidth=width,
                  label=label)


def _legend_if_several(axes):
    if len(axes.get_lines()) > 1:
        axes.legend(loc="best")


def _draw_margins(axes, results):
    step, levels = results["step"][0], results["quantile"]
    bands = results["margin_quantiles"][0]
    shades = (("#e3eef6", 1), ("#b9d4e8", 2))
    inner = [(i, len(levels) - 1 - i) for i in range(1, len(levels) // 2)]
    for (low, high), (color, _) in zip(inner, shades):
        axes.fill_between(step, bands[:, low], bands[:, high], color=color, linewidth=0,
                          label=f"{levels[low]:.0%} to {levels[high]:.0%}")
    if len(levels) % 2:
        axes.plot(step, bands[:, len(levels) // 2], color=style.BLUE, label="median")
    axes.plot(step, results["rewards_margins"][0], "--", color=style.BLACK, label="mean")
    axes.axhline(0, color=style.GREY, linewidth=0.8)
    axes.set_title("reward margins")
    axes.set_ylabel("margin $m_i$")
    axes.legend(loc="best", ncol=2)


def _draw_head_change(axes, results):
    rate_figures.draw_between_bounds(axes, results, 0, results["step"][0])
    axes.set_yscale("log")
    axes.set_title("head change")
    axes.set_ylabel(r"$\|\Delta W\|_F$")
    handles = rate_figures.bound_handles()
    if not np.isfinite(results["bound_T2b"][0]).any():
        handles = handles[1:2]
    axes.legend(handles=handles, loc="best")


def _caption(results):
    return (f"The only run of the file: {results['run_name'][0]}, method "
            f"{results['config_method'][0]}, n = {results['run_samples'][0]:g}, "
            f"d = {results['run_dimension'][0]:g}, {results['stop_reason'][0]}. Accuracies count a tie as "
            "wrong; points where every pair is tied (step 0) are left out. The policy accuracy is the "
            "wide band behind the reward accuracy: with a zero reference head the two agree. Margins: "
            "margin_quantiles. The head change (head_change) must stay between bound_T2b and bound_T3b; "
            "where a bound does not apply it is not drawn.")
