"""Figure of the study "minibatch" (T2s): how far minibatches lead from the full batch."""

from prefdyn import style
from prefdyn.results import Group

_SETTING, _STEP = "minibatch_setting", "minibatch_step"
MINIBATCH = Group(numbers={(_SETTING, _STEP): """minibatch_distance minibatch_distance_error minibatch_bound_path
    minibatch_bound_rows"""})
GROUPS = (MINIBATCH,)


def minibatch_distance(results):
    """Reads minibatch_distance, minibatch_bound_path and minibatch_bound_rows."""
    if "minibatch_distance" not in results:
        return None
    step = results[_STEP][1:]
    figure, panels = style.panel_grid(len(results[_SETTING]), 4, 2.1)
    for row, (axes, name) in enumerate(zip(panels, results[_SETTING])):
        curves = (("minibatch_distance", "measured", "-", style.SERIES[0]),
                  ("minibatch_bound_path", "from the variance along the path", "--", style.SERIES[1]),
                  ("minibatch_bound_rows", "from the rows' norms", ":", style.SERIES[2]))
        for column, label, line, (color, _) in curves:
            value = results[column][row, 1:]
            if (value > 0).all():
                axes.plot(step, value, line, color=color, label=label)
        axes.set_yscale("log")
        axes.set_title(name, fontsize=8.5)
        axes.set_xlabel("update")
    panels[0].set_ylabel("mean ‖$W - W^{GD}$‖$_F^2$")
    style.figure_legend(figure, panels[0].get_legend_handles_labels()[0])
    caption = ("Mean squared distance between heads trained on minibatches and by gradient descent with the same step "
               "size, over many orders of the batches. T2s bounds it from the variance of the rows' gradients along "
               "the path, which is all but attained early, and from the rows' norms alone. For the hinge loss, which "
               "has a kink, and for epochs, whose batches are not drawn anew, it claims nothing.")
    return style.Plot("minibatch_distance", "How far do minibatches lead from the full batch?", caption, figure)


FIGURES = (minibatch_distance,)
