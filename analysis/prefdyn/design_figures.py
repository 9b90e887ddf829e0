"""Figure of the study "designs" (T23): the gap under uniform pairs and under the best ones."""

import numpy as np

from prefdyn import style
from prefdyn.results import Group

_AT = "designs_setting"
DESIGNS = Group(numbers={(_AT,): """designs_uniform designs_uniform_error designs_uniform_predicted
    designs_best designs_best_error designs_best_predicted"""})
GROUPS = (DESIGNS,)

_DESIGNS = (("uniform", "uniform pairs", style.ORANGE, "s", -0.1),
            ("best", "best pairs", style.BLUE, "o", 0.1))


def design_gain(results):
    """Reads designs_uniform, designs_best, their errors and predictions."""
    if "designs_uniform" not in results:
        return None
    names = results[_AT]
    place = np.arange(len(names))
    figure = style.new_figure(2.9)
    axes = figure.subplots()
    for design, label, color, marker, off in _DESIGNS:
        mean, error = results[f"designs_{design}"], results[f"designs_{design}_error"]
        axes.errorbar(place + off, mean, 6 * error, fmt=marker, color=color, capsize=2,
                      label=f"{label}, measured")
        axes.plot(place + off, results[f"designs_{design}_predicted"], "_", color=style.BLACK,
                  markersize=11, label="predicted" if design == "uniform" else None)
    axes.set_xticks(place, [name.replace(", ", ",\n") for name in names], fontsize=7.5)
    axes.set_ylabel(r"$N\,\mathrm{KL}(\pi^* \| \hat\pi_N)$, nat")
    style.log_axis(axes, "y")
    style.figure_legend(figure, axes.get_legend_handles_labels()[0])
    caption = ("Mean over samples of N = 100000 comparisons, six standard errors. The best pairs "
               "minimise tr(F I+), and are compared with pairs drawn uniformly; black bars are the "
               "limit tr(F I+) / (2 beta²) of either. Where all responses are alike nothing is gained.")
    return style.Plot("design_gain", "What is gained by choosing which pairs to compare?", caption,
                      figure)


FIGURES = (design_gain,)
