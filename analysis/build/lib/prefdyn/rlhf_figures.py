"""Figures of the study "rlhf" (T10): DPO's optimum against RLHF's, and what breaks them apart."""

from textwrap import fill

from matplotlib.lines import Line2D

from prefdyn import style
from prefdyn.results import Group

_SETTING, _SIZE = "rlhf_setting", "rlhf_size"
_BROKEN, _BROKEN_SAMPLES = "rlhf_broken", "rlhf_broken_samples"
EQUIVALENCE = Group(
    numbers={
        (_SETTING,): """rlhf_population_gap rlhf_descent_gap rlhf_ascent_gap rlhf_pair_gap
            rlhf_constant rlhf_slope rlhf_slope_error""",
        (_SETTING, _SIZE): "rlhf_samples rlhf_divergence rlhf_optimum_share",
    },
)
BROKEN = Group(
    numbers={
        (_BROKEN,): "rlhf_broken_gap",
        (_BROKEN, _BROKEN_SAMPLES): "rlhf_broken_divergence",
    },
)
GROUPS = (EQUIVALENCE, BROKEN)

_COLUMNS = 4
_SAMPLES = "comparisons in a sample $N$"
_DIVERGENCE = r"$\mathrm{KL}(\pi^* \,\Vert\, \hat\pi_N)$ (nats)"


def _label(setting):
    return setting.replace("beta", "β").replace("pi_ref", r"$\pi_{ref}$")


_GAPS = (("population_gap", "population DPO optimum (T10a)"),
         ("descent_gap", "gradient descent on the DPO loss (T10a)"),
         ("pair_gap", "every sample that has an optimum (T10b)"),
         ("ascent_gap", "policy gradient on RLHF's objective (T10d)"))


def rlhf_optima(results):
    """Reads rlhf_population_gap, rlhf_descent_gap, rlhf_pair_gap and rlhf_ascent_gap."""
    if "rlhf_population_gap" not in results:
        return None
    settings = results[_SETTING]
    figure = style.new_figure(0.24 * len(settings) + 1.1)
    axes = figure.subplots()
    for (color, marker), (name, label) in zip(style.SERIES, _GAPS):
        axes.plot(results[f"rlhf_{name}"], range(len(settings)), marker, color=color, label=label)
    axes.set_yticks(range(len(settings)), [_label(name) for name in settings])
    axes.set_ylim(len(settings) - 0.5, -0.5)
    axes.set_xlabel(r"largest $|\log \pi - \log \pi^*|$ (nats)")
    style.log_axis(axes, "x")
    style.figure_legend(figure, axes.get_legend_handles_labels()[0], 2)
    caption = ("Largest distance in log-probability, one row per tabular world. RLHF's optimum "
               "in closed form against DPO's on the population, what gradient descent on the DPO "
               "loss and policy gradient on RLHF's objective arrive at; and, sample by sample, "
               "DPO's optimum against RLHF's with the maximum-likelihood reward. Zero up to "
               "rounding and to where the iterations stop.")
    title = "DPO's optimum is RLHF's"
    return style.Plot("rlhf_optima", title, caption, figure)


def rlhf_convergence(results):
    """Reads rlhf_divergence, rlhf_samples, rlhf_constant, rlhf_optimum_share and rlhf_slope."""
    if "rlhf_divergence" not in results:
        return None
    settings = results[_SETTING]
    figure, panels = style.panel_grid(len(settings), _COLUMNS, 1.5, sharex=True, sharey=True)
    for k, axes in enumerate(panels):
        markers = _draw_convergence(axes, results, k)
    figure.colorbar(markers, ax=list(panels), shrink=0.6, pad=0.01,
                    label="share of samples that have an optimum")
    figure.supxlabel(_SAMPLES, fontsize=9)
    figure.supylabel(_DIVERGENCE, fontsize=9)
    caption = ("Mean of the divergence over the samples that have an optimum; colour: their share. "
               "Line: the predicted limit tr(F I⁺) / (2 β² N) (T10e). In the title: fitted slope of "
               "log KL in log N over all numbers of comparisons shown, those with a share below 1 "
               "too, from the samples that have an optimum; −1 is predicted (T10c).")
    title = "With more comparisons DPO comes to RLHF's optimum as 1 / N"
    return style.Plot("rlhf_convergence", title, caption, figure)


def _draw_convergence(axes, results, k):
    samples = results["rlhf_samples"][k]
    axes.plot(samples, results["rlhf_constant"][k] / samples, color=style.GREY, linewidth=1)
    markers = axes.scatter(samples, results["rlhf_divergence"][k], s=14, vmin=0, vmax=1, zorder=3,
                           c=results["rlhf_optimum_share"][k], cmap=style.SEQUENTIAL)
    slope, error = results["rlhf_slope"][k], results["rlhf_slope_error"][k]
    name = _label(fill(results[_SETTING][k], 25))
    axes.set_title(f"{name}\nslope {slope:.3f} ± {error:.3f}".replace("-", "−"), fontsize=7.5)
    axes.set(xscale="log", yscale="log")
    axes.minorticks_off()
    return markers


def rlhf_broken(results):
    """Reads rlhf_broken_divergence, rlhf_broken_gap; rlhf_divergence and rlhf_samples beside."""
    if "rlhf_broken_divergence" not in results:
        return None
    figure = style.new_figure(3.6)
    axes = figure.subplots()
    for k, name in enumerate(results[_BROKEN]):
        color, marker = style.SERIES[k % len(style.SERIES)]
        axes.axhline(results["rlhf_broken_gap"][k], color=color, linewidth=0.9, linestyle="--")
        axes.plot(results[_BROKEN_SAMPLES], results["rlhf_broken_divergence"][k], marker,
                  color=color, label=name)
    if "rlhf_divergence" in results:
        axes.plot(results["rlhf_samples"][0], results["rlhf_divergence"][0], "-x", linewidth=0.9,
                  color=style.BLACK, label=f"none broken: {_label(results[_SETTING][0])}")
    axes.set(xscale="log", yscale="log")
    axes.set_xlabel(_SAMPLES)
    axes.set_ylabel(_DIVERGENCE)
    plateau = Line2D([], [], color=style.GREY, linestyle="--", linewidth=0.9,
                     label="dashed: gap on the population")
    style.figure_legend(figure, [*axes.get_legend_handles_labels()[0], plateau], 3)
    caption = ("One assumption of the equivalence is broken each time. Dashed: the distance that "
               "remains with infinitely many comparisons. No amount of data brings DPO to RLHF's "
               "optimum; where every assumption is met the distance falls without end.")
    title = "Where an assumption is broken, DPO settles elsewhere"
    return style.Plot("rlhf_broken", title, caption, figure)


FIGURES = (rlhf_optima, rlhf_convergence, rlhf_broken)
