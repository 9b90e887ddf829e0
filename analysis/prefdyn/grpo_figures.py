"""Figure of the study "grpo" (T22): success round by round."""

import numpy as np

from prefdyn import style
from prefdyn.results import Group

_AT, _ROUND = "grpo_setting", "grpo_round"
GRPO = Group(numbers={(_AT, _ROUND): "grpo_success",
                      (_AT,): "grpo_fixed_point grpo_beta grpo_least_beta grpo_cycle_low"})
GROUPS = (GRPO,)


def grpo_rounds(results):
    """Reads grpo_success, grpo_fixed_point, grpo_beta and grpo_least_beta."""
    if "grpo_success" not in results:
        return None
    names, rounds = results[_AT], results[_ROUND]
    figure, panels = style.panel_grid(len(names), 4, 1.7, sharex=True, sharey=True)
    for row, (axes, name) in enumerate(zip(panels, names)):
        stable = results["grpo_beta"][row] > results["grpo_least_beta"][row]
        color, marker = (style.BLUE, "o") if stable else (style.VERMILLION, "v")
        axes.plot(rounds, results["grpo_success"][row], f"{marker}-", color=color, markersize=2.5,
                  linewidth=0.9)
        axes.axhline(results["grpo_fixed_point"][row], color=style.BLACK, linestyle=":")
        axes.set_title(name.replace(", eps", ",\neps"), fontsize=7)
    panels[0].set_ylim(-0.05, 1.05)
    panels[0].set_yticks(np.linspace(0, 1, 3))
    figure.supylabel("P(right)", fontsize=9)
    figure.supxlabel("rounds of GRPO", fontsize=9)
    caption = ("Probability of a right answer of the policy that the exact natural gradient ends at, "
               "round by round from the reference; dotted the least fixed point of the recursion. "
               "Blue: beta above the threshold of stability (T22c). Red, triangles: below it, where a "
               "two-cycle exists (T22d); whether rounds from the reference end in it or at another "
               "fixed point near 1 depends on the setting.")
    return style.Plot("grpo_rounds", "Does GRPO settle?", caption, figure)


FIGURES = (grpo_rounds,)
