"""Figure of the study "steps" (T24): gradient descent against the two flows."""

from prefdyn import style
from prefdyn.results import Group

_AT, _COUNT = "steps_setting", "steps_count"
STEPS = Group(numbers={(_AT, _COUNT): "steps_from_modified steps_from_plain steps_bound"})
GROUPS = (STEPS,)

_CURVES = (("steps_from_plain", "from the flow of L", style.ORANGE, "s-"),
           ("steps_from_modified", "from the flow of L + (h / 4) ||grad L||²", style.BLUE, "o-"),
           ("steps_bound", "bound on the latter", style.BLACK, "--"))


def finite_steps(results):
    """Reads steps_from_plain, steps_from_modified and steps_bound."""
    if "steps_from_modified" not in results:
        return None
    names, counts = results[_AT], results[_COUNT]
    figure, panels = style.panel_grid(len(names), 3, 2.1, sharex=True)
    for row, (axes, name) in enumerate(zip(panels, names)):
        for field, label, color, mark in _CURVES:
            axes.plot(counts, results[field][row], mark, color=color, markersize=3, label=label)
        axes.set_title(style.shortened(name, 44), fontsize=7.5)
        style.log_axis(axes, "x")
        style.log_axis(axes, "y")
    figure.supylabel("distance of the logits", fontsize=9)
    figure.supxlabel("steps to the time 1 / kappa", fontsize=9)
    style.figure_legend(figure, panels[0].get_lines())
    caption = ("Tabular DPO. Descent in steps of length h ends h away from the flow of its loss, and "
               "h² away from the flow of the loss with the penalty (h / 4) ||grad L||², which for one "
               "pair rewards gradients of its two answers that point alike (T24c).")
    return style.Plot("finite_steps", "What do finite steps train on?", caption, figure)


FIGURES = (finite_steps,)
