"""Figure of the study "samplers" (T18): how fast online DPO learns from which pairs."""

from prefdyn import style
from prefdyn.results import Group

_STEP, _SAMPLER, _UPDATE = "samplers_step", "samplers_sampler", "samplers_update"
SAMPLERS = Group(numbers={(_STEP, _SAMPLER, _UPDATE): "samplers_error",
                          (_SAMPLER, _UPDATE): "samplers_bound"})
GROUPS = (SAMPLERS,)

_LEAST = 1e-16


def sampler_rates(results):
    """Reads samplers_error and samplers_bound."""
    if "samplers_error" not in results:
        return None
    steps, samplers, updates = (results[name] for name in (_STEP, _SAMPLER, _UPDATE))
    figure, panels = style.panel_grid(len(steps), len(steps), 2.6, sharey=True)
    for row, (axes, step) in enumerate(zip(panels, steps)):
        for k, ((color, marker), sampler) in enumerate(zip(style.SERIES, samplers)):
            axes.plot(updates, results["samplers_error"][row, k], f"{marker}-", color=color,
                      markersize=3, label=sampler)
            if row == 0:
                axes.plot(updates, results["samplers_bound"][k], "--", color=color,
                          label=f"{sampler}, published bound")
        axes.set_title(step, fontsize=8.5)
        style.log_axis(axes, "y")
    panels[0].set_ylim(_LEAST, 1e3)
    panels[0].set_yticks([10.0**k for k in range(-16, 4, 4)])
    panels[0].set_ylabel("largest error of a reward difference")
    figure.supxlabel("updates", fontsize=9)
    style.figure_legend(figure, panels[0].get_lines(), len(samplers))
    caption = ("20 responses, beta = 3, exact gradients; rewards evenly in [0, 1]. On the left each "
               "sampler's step takes away the part of the error that is linear, as the theorems of "
               "Shi, Zhou & Du (arXiv 2409.19605) have it: mixed samplers are quadratic. In the middle "
               "the step is that of their published code, 10, which is too long for these rewards; on "
               "the right rewards are standard normal, as in that code: what the step leaves of the "
               "linear part decides, and no sampler is quadratic.")
    return style.Plot("sampler_rates", "Is online DPO quadratic, and at which step?", caption, figure)


FIGURES = (sampler_rates,)
