"""Figures of the study "misalignment" (T9): base against aligned model, cause by cause."""

import numpy as np
from matplotlib.lines import Line2D

from prefdyn import style
from prefdyn.results import Group

_SETTING, _REPLICATE = "misalignment_setting", "misalignment_replicate"
_START, _STEP = "misalignment_start", "misalignment_step"
_ENDS = ("", "_low", "_high")
_RATIOS = [f"misalignment_{what}_ratio{end}" for what in ("slope", "steps") for end in _ENDS]
MISALIGNMENT = Group(
    numbers={
        (_SETTING, _REPLICATE, _START): """misalignment_distinguishability misalignment_head_norm
            misalignment_steps_to_policy""",
        (_SETTING,): "misalignment_target",
        (_SETTING, _START, _STEP): "misalignment_loss misalignment_loss_low misalignment_loss_high",
        (_SETTING, _START): " ".join(_RATIOS),
    },
)
GROUPS = (MISALIGNMENT,)

_BASE, _ALIGNED = (style.BLUE, "o"), (style.VERMILLION, "s")
_CURVES = (("base", style.BLUE, "-", "base, both layers trained"),
           ("aligned", style.VERMILLION, "--", "aligned, both layers trained"),
           ("frozen E, base", style.BLACK, "-", "base, frozen"),
           ("frozen E, aligned", style.SKY, "", "aligned, frozen"))


def _label(setting):
    return setting.replace("||a_0|| ~", "‖a₀‖ ≈").replace("beta", "β").replace("E_0", "E₀")


def _start(results, name):
    return list(results[_START]).index(name)


def misalignment_curves(results):
    """Reads misalignment_loss, _loss_low, _loss_high and _target."""
    if "misalignment_loss" not in results:
        return None
    settings = results[_SETTING]
    figure, panels = style.panel_grid(len(settings), min(3, len(settings)), 2.1, sharex=True,
                                      sharey=True)
    for k, axes in enumerate(panels):
        _draw_losses(axes, results, k)
        axes.set_title(_label(settings[k]), fontsize=8.5)
        style.log_axis(axes, "x")
    figure.supxlabel("steps of misalignment (updates)", fontsize=9)
    figure.supylabel("loss on flipped labels $L$ (nats)", fontsize=9)
    style.figure_legend(figure, [
        Line2D([], [], color=color, linestyle=line, marker="" if line else "o",
               markerfacecolor="none", label=label) for _, color, line, label in _CURVES])
    caption = ("Training on flipped labels: median of the loss over seeds or behaviours, and a "
               "band from the 10 % to the 90 % quantile. The same data and learning rate "
               "everywhere, every model its own reference. Dotted: the target loss of the next "
               "figure. With a frozen embedding base and aligned model give the same curve (T9c). "
               "With a trained one the aligned model is faster at first; where the curves cross "
               "it is slower in the end.")
    title = "Base and aligned model under misalignment"
    return style.Plot("misalignment_curves", title, caption, figure)


def _draw_losses(axes, results, setting):
    step = results[_STEP]
    shown = step > 0
    for name, color, line, _ in _CURVES:
        k = _start(results, name)
        middle, low, high = (results[f"misalignment_loss{end}"][setting, k, shown]
                             for end in _ENDS)
        if line:
            axes.fill_between(step[shown], low, high, color=color, alpha=0.15, linewidth=0)
            axes.plot(step[shown], middle, line, color=color)
        else:
            axes.plot(step[shown], middle, "o", color=color, markerfacecolor="none", markersize=4)
    axes.axhline(results["misalignment_target"][setting], color=style.GREY, linestyle=":",
                 linewidth=0.9)


_CAUSES = (("aligned", "aligned model"),
           ("aligned E, base a", "growth of $D$ alone:\naligned $E$, base head"),
           ("base E, aligned a", "growth of the head alone:\nbase $E$, aligned head"),
           ("aligned, old reference", "reference not reset:\naligned, against base"),
           ("frozen E, aligned", "frozen embedding:\naligned against base"))


_SLOPE = ("slope", "initial slope of the loss\nover that of the base model")
_STEPS = ("steps", "steps to the target loss\nover those of the base model")


def misalignment_causes(results):
    """Reads misalignment_slope_ratio, _steps_ratio and the ends of their intervals."""
    if "misalignment_slope_ratio" not in results:
        return None
    settings = results[_SETTING]
    shown = [each for each in (_SLOPE, _STEPS)
             if np.isfinite(results[f"misalignment_{each[0]}_ratio"]).any()]
    figure = style.new_figure(max(0.14 * len(settings), 0.45) * len(_CAUSES) + 1.3)
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, (what, label) in zip(panels, shown):
        for k in range(len(settings)):
            _draw_ratios(axes, results, what, k)
        axes.axvline(1, color=style.BLACK, linewidth=0.8)
        axes.set_yticks(range(len(_CAUSES)), [text for _, text in _CAUSES])
        axes.set_ylim(len(_CAUSES) - 0.5, -0.5)
        axes.set_xlabel(label)
        style.log_axis(axes, "x")
    style.figure_legend(figure, [Line2D([], [], label=_label(name), **_marker(k))
                                 for k, name in enumerate(settings)], 3)
    caption = ("Geometric mean over seeds or behaviours, bars: 95 % Student t interval. A ratio "
               "of steps below 1 is faster than the base model. Against its old reference the "
               "aligned model starts from a high loss: steep, yet late. No marker where a "
               "replicate never reaches the target.")
    title = "Why an aligned model is misaligned faster"
    return style.Plot("misalignment_causes", title, caption, figure)


def _marker(setting):
    """Open markers where the series begins anew."""
    color, marker = style.SERIES[setting % len(style.SERIES)]
    face = color if setting < len(style.SERIES) else "none"
    return {"color": color, "marker": marker, "markerfacecolor": face, "linestyle": ""}


def _draw_ratios(axes, results, what, setting):
    for row, (name, _) in enumerate(_CAUSES):
        at = setting, _start(results, name)
        ratio, low, high = (results[f"misalignment_{what}_ratio{end}"][at] for end in _ENDS)
        place = row + 0.7 * ((setting + 0.5) / results.size(_SETTING) - 0.5)
        if np.isfinite(ratio):
            axes.plot((low, high), (place, place), color=_marker(setting)["color"], linewidth=1.2)
            axes.plot(ratio, place, markersize=4, **_marker(setting))


_MEASURES = (("distinguishability", "distinguishability $D$\n(embedding units)"),
             ("head_norm", "head $\\Vert a \\Vert$\n(1 / embedding units)"),
             ("steps_to_policy", "steps until the flipped\nanswer is the likelier one"))


def misalignment_models(results):
    """Reads misalignment_distinguishability, _head_norm and _steps_to_policy."""
    if "misalignment_distinguishability" not in results:
        return None
    settings = results[_SETTING]
    figure = style.new_figure(max(0.62, 0.03 * results.size(_REPLICATE)) * len(settings) + 1.2)
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (name, label) in zip(panels, _MEASURES):
        _draw_models(axes, results[f"misalignment_{name}"], results)
        axes.set_xlabel(label)
        axes.set_yticks(range(len(settings)), [_label(name).replace(", β", "\nβ")
                                               for name in settings])
        axes.set_ylim(len(settings) - 0.5, -0.5)
        axes.grid(False, axis="y")
    style.figure_legend(figure, [
        Line2D([], [], color=color, marker=marker, linestyle="", markersize=4, label=label)
        for (color, marker), label in ((_BASE, "base model"), (_ALIGNED, "aligned model"))]
        + [Line2D([], [], color=_ALIGNED[0], marker=">", markerfacecolor="none", linestyle="",
                  label="aligned, never within the run")])
    caption = ("One pair of markers for each seed or behaviour, at the start of misalignment. "
               "Alignment has grown D and the head; so the loss falls faster, but the policy has "
               "further to go until it prefers the flipped answer.")
    title = "What alignment has changed, and how long it takes to undo"
    return style.Plot("misalignment_models", title, caption, figure)


def _draw_models(axes, values, results):
    base, aligned = (values[:, :, _start(results, name)] for name in ("base", "aligned"))
    count = results.size(_REPLICATE)
    spread = 0.7 * ((np.arange(count) + 0.5) / count - 0.5)
    place = np.arange(len(base))[:, None] + spread
    axes.plot([base.ravel(), aligned.ravel()], [place.ravel()] * 2, color="#c8c8c8", linewidth=0.8)
    for (color, marker), x in ((_BASE, base), (_ALIGNED, aligned)):
        axes.plot(x.ravel(), place.ravel(), marker, color=color, markersize=2.5)
    never = np.isnan(aligned)
    edge = 1.08 * np.nanmax(values)
    axes.plot(np.full(never.sum(), edge), place[never], ">", color=_ALIGNED[0],
              markerfacecolor="none", markersize=4)


FIGURES = (misalignment_curves, misalignment_causes, misalignment_models)
