"""Figure of the study "noisy" (T21): the risk that flipped labels leave."""

from prefdyn import style
from prefdyn.results import Group

_DIMENSION, _FLIPPED = "noisy_dimension", "noisy_flipped"
NOISY = Group(numbers={(_DIMENSION, _FLIPPED): "noisy_curve_risk noisy_curve_measured",
                       (_FLIPPED,): "noisy_curve_bound noisy_curve_bound_eight"})
GROUPS = (NOISY,)

_LEAST = 1e-4


def flipped_labels(results):
    """Reads noisy_curve_risk, noisy_curve_measured, noisy_curve_bound and noisy_curve_bound_eight."""
    if "noisy_curve_risk" not in results:
        return None
    dimensions, flipped = results[_DIMENSION], results[_FLIPPED]
    figure = style.new_figure(3.0)
    axes = figure.subplots()
    for row, ((color, marker), dimension) in enumerate(zip(style.SERIES, dimensions)):
        axes.plot(flipped, results["noisy_curve_risk"][row], "-", color=color,
                  label=f"exact, d = {dimension:g}")
        axes.plot(flipped, results["noisy_curve_measured"][row], marker, color=color, markersize=4,
                  label=f"counted, d = {dimension:g}")
    for field, label, line in (("noisy_curve_bound", "bound, 4/gamma", "--"),
                               ("noisy_curve_bound_eight", "bound, 8/gamma", ":")):
        axes.plot(flipped, results[field], line, color=style.BLACK, label=label)
    style.log_axis(axes, "y")
    axes.set_ylim(_LEAST, 10)
    axes.set_xlabel("share of flipped labels")
    axes.set_ylabel("risk on fresh data")
    style.figure_legend(figure, axes.get_lines(), 4)
    caption = ("Two von Mises-Fisher clusters at opposite poles, concentration 200, 64 samples. The "
               "bound of Im & Li (arXiv 2510.01458), as quoted with either constant, names no "
               "dimension. In three dimensions the risk is below 1e-80; in many the exact risk of "
               "the trained head passes the bound: there a cluster is nearly all of the sphere, and "
               "its mean is far from 1 - 1/gamma long. The bound ends at its pole.")
    return style.Plot("flipped_labels", "What do flipped labels cost?", caption, figure)


FIGURES = (flipped_labels,)
