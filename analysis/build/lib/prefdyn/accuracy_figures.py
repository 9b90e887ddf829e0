"""Figures of the studies "accuracy" (T6c, T6d) and "dynamics" (T7)."""

from matplotlib.lines import Line2D

from prefdyn import style
from prefdyn.results import Group

_FRESH_AXES = ("accuracy_setting", "accuracy_distance")
_LIMIT_AXES = ("accuracy_limit", "accuracy_samples")
FRESH = Group(numbers={_FRESH_AXES: "accuracy_predicted accuracy_measured accuracy_tolerance"})
LIMIT = Group(numbers={_LIMIT_AXES: "accuracy_limit_error accuracy_limit_fluctuation"})
_SETTING, _SAMPLES = "dynamics_setting", "dynamics_samples"
_CURVE, _TIME = "dynamics_curve", "dynamics_kappa_time"
DYNAMICS = Group(
    numbers={
        (_SETTING, _CURVE, _TIME): "dynamics_predicted",
        (_SETTING, _SAMPLES, _CURVE, _TIME): "dynamics_simulated",
        (_SETTING, _SAMPLES): "dynamics_vector_error dynamics_curve_error",
        (_SETTING,): "dynamics_slope dynamics_slope_half_width",
    },
)
GROUPS = (FRESH, LIMIT, DYNAMICS)


def fresh_accuracy(results):
    """Reads accuracy_predicted, accuracy_measured and accuracy_tolerance."""
    if "accuracy_predicted" not in results:
        return None
    distance, settings = results["accuracy_distance"], results["accuracy_setting"]
    figure, panels = style.panel_grid(len(settings), 4, 1.9, sharex=True, sharey=True)
    for k, axes in enumerate(panels):
        axes.plot(distance, results["accuracy_predicted"][k], color=style.BLACK)
        axes.errorbar(distance, results["accuracy_measured"][k], results["accuracy_tolerance"][k],
                      fmt="o", color=style.BLUE, markersize=3.5, capsize=2)
        axes.set_title(_wrapped(settings[k]), fontsize=8)
        axes.set_xscale("log")
        axes.set_xticks(distance, [f"{value:g}" for value in distance])
        axes.minorticks_off()
    figure.supxlabel("distinguishability $D$  (feature units)", fontsize=9)
    figure.supylabel("accuracy on fresh data", fontsize=9)
    style.figure_legend(figure, [
        Line2D([], [], color=style.BLACK, label=r"T6c, from $\bar z$"),
        Line2D([], [], color=style.BLUE, marker="o", linestyle="",
               label="measured after one update, bars: allowed sampling error")])
    caption = ("One panel per setting of study “accuracy”, a new training set for every marker. "
               "The line joins what T6c says of each training set's mean; every bar must reach it. "
               "It need not rise with D: the mean of a small or unbalanced sample may point "
               "elsewhere.")
    title = "Gaussian margins predict the accuracy on fresh data after one update"
    return style.Plot("fresh_accuracy", title, caption, figure)


def _wrapped(text, width=24):
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return "\n".join(lines)


def accuracy_limit(results):
    """Reads accuracy_limit_error and accuracy_limit_fluctuation."""
    if "accuracy_limit_error" not in results:
        return None
    figure = style.new_figure(3.2)
    axes = figure.subplots()
    for k, name in enumerate(results["accuracy_limit"]):
        color, marker = style.SERIES[k % len(style.SERIES)]
        axes.plot(results["accuracy_samples"], results["accuracy_limit_fluctuation"][k],
                  color=color, linewidth=1)
        axes.plot(results["accuracy_samples"], results["accuracy_limit_error"][k], marker,
                  color=color, label=name.removeprefix("limit: "))
    style.log_axis(axes, "x")
    style.log_axis(axes, "y")
    axes.set_xlabel("training samples $n$, $d$ in proportion")
    axes.set_ylabel("distance from the limit (rms)")
    line = Line2D([], [], color=style.GREY, linewidth=1, label="predicted fluctuation")
    style.figure_legend(figure, [*axes.get_legend_handles_labels()[0], line], 3)
    caption = ("Root mean square distance of the accuracy given the sample mean from its limit "
               "(T6d). Lines: the fluctuation predicted to first order, which falls like n to the "
               "power -1/2. Markers must come down onto their line.")
    title = "In high dimension the accuracy on fresh data settles at the predicted limit"
    return style.Plot("accuracy_limit", title, caption, figure)


_CURVE_LABELS = {"head_change": r"$\Vert\Delta W(t)\Vert_F$", "loss": "loss",
                 "rewards_margins": "mean reward margin", "rewards_accuracies": "reward accuracy"}


def population_curves(results):
    """Reads dynamics_predicted and dynamics_simulated of the last setting."""
    if "dynamics_predicted" not in results:
        return None
    setting = len(results[_SETTING]) - 1
    figure = style.new_figure(4.6)
    for c, axes in enumerate(figure.subplots(2, 2, sharex=True).flat):
        for n in range(0, len(results[_SAMPLES]), 2):
            color, marker = style.SERIES[n // 2 % len(style.SERIES)]
            axes.plot(results[_TIME][1:], results["dynamics_simulated"][setting, n, c, 1:], marker,
                      color=color, markersize=3.5)
        axes.plot(results[_TIME][1:], results["dynamics_predicted"][setting, c, 1:],
                  color=style.BLACK, linewidth=1)
        axes.set_ylabel(_CURVE_LABELS.get(results[_CURVE][c], results[_CURVE][c]))
    figure.supxlabel(r"$\kappa t$  (time in units of $1/\kappa$)", fontsize=9)
    handles = [Line2D([], [], color=style.BLACK, linewidth=1, label="population, T7")]
    for n in range(0, len(results[_SAMPLES]), 2):
        color, marker = style.SERIES[n // 2 % len(style.SERIES)]
        handles.append(Line2D([], [], color=color, marker=marker, linestyle="",
                              label=f"$n = {results[_SAMPLES][n]:g}$"))
    style.figure_legend(figure, handles)
    caption = (f"Study “dynamics”, setting “{results[_SETTING][setting]}”. Line: the equation of "
               "T7, no sample in it. Markers: gradient flow on one sample of each size, metrics "
               "on that sample. They must close in on the line as n grows.")
    title = "Large samples follow the exact dynamics of their population"
    return style.Plot("population_curves", title, caption, figure)


def population_errors(results):
    """Reads dynamics_vector_error, dynamics_curve_error and dynamics_slope."""
    if "dynamics_vector_error" not in results:
        return None
    figure = style.new_figure(3.2)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    for k, name in enumerate(results[_SETTING]):
        color, marker = style.SERIES[k % len(style.SERIES)]
        slope, half = results["dynamics_slope"][k], results["dynamics_slope_half_width"][k]
        left.plot(results[_SAMPLES], results["dynamics_vector_error"][k], color=color,
                  marker=marker, label=f"slope ${slope:.3f} \\pm {half:.3f}$")
        right.plot(results[_SAMPLES], results["dynamics_curve_error"][k], color=color,
                   marker=marker, label=_wrapped(name, 30))
    style.log_axis(left, "x")
    style.log_axis(left, "y")
    left.set_title("$v(t)$")
    right.set_title(r"curves of $\Vert\Delta W\Vert_F$, loss, margin, accuracy")
    left.set_ylabel("relative error (rms over time)")
    figure.supxlabel("training samples $n$", fontsize=9)
    left.legend(loc="lower left")
    right.legend(loc="upper right")
    caption = ("Distance of gradient flow on n samples from the population's dynamics, root mean "
               "square over times and replicates. T7 says slope -1/2; the intervals are at level "
               "1 - 1e-5.")
    title = "The error falls like one over the square root of the sample size"
    return style.Plot("population_errors", title, caption, figure)


FIGURES = (fresh_accuracy, accuracy_limit, population_curves, population_errors)
