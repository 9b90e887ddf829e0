"""Figures of the study "clusters" (T14): the risk as clusters are added, and margins between lines."""

import numpy as np

from prefdyn import style
from prefdyn.results import Group

_PAIRS, _COUNT, _SAMPLES = ("clusters_scaling_pairs", "clusters_scaling_count",
                            "clusters_scaling_samples")
SCALING = Group(
    numbers={
        (_PAIRS, _COUNT, _SAMPLES): "clusters_scaling_risk",
        (_COUNT, _SAMPLES): "clusters_scaling_bound",
    },
)
LINES = Group(
    numbers={
        ("clusters_setting",): """clusters_margin_low clusters_margin_high clusters_tangent_low
            clusters_tangent_high""",
    },
    text={("clusters_setting",): "clusters_pairs"},
)
GROUPS = (SCALING, LINES)

_TITLES = {"own": "response pairs of their own", "chain": "neighbours share a token",
           "one": "one pair for all"}
_LEAST = 1e-6


def cluster_risk(results):
    """Reads clusters_scaling_risk and clusters_scaling_bound."""
    if "clusters_scaling_risk" not in results:
        return None
    pairs, counts, samples = (results[name] for name in (_PAIRS, _COUNT, _SAMPLES))
    figure, panels = style.panel_grid(len(pairs), len(pairs), 2.6, sharey=True)
    colors = style.SEQUENTIAL(np.linspace(0, 1, len(counts)))
    bound = np.minimum(results["clusters_scaling_bound"][0], 1.0)
    for row, (axes, kind) in enumerate(zip(panels, pairs)):
        for k, count in enumerate(counts):
            axes.plot(samples, results["clusters_scaling_risk"][row, k], "o-", color=colors[k],
                      markersize=3, label=f"K = {count:g}")
        axes.plot(samples, bound, "--", color=style.BLACK, label="bound, K = 1")
        axes.set_title(_TITLES.get(kind, kind), fontsize=8.5)
        style.log_axis(axes, "x")
        style.log_axis(axes, "y")
    panels[0].set_ylim(bottom=max(_LEAST, 0.5 * results["clusters_scaling_risk"].min()))
    panels[0].set_ylabel("risk on fresh data")
    figure.supxlabel("samples a side of a cluster $Q$", fontsize=9)
    style.figure_legend(figure, panels[0].get_lines(), len(counts) + 1)
    caption = ("P(m <= 0) of a fresh sample at tau_1, exact for the trained head, mean of four "
               "datasets, v = 0.25, l_b = 0.25, d = 64. Dashed: what Theorem 4.3 of Im & Li "
               "(arXiv 2408.03459) promises for one cluster, cut at 1; more clusters need more. "
               "With pairs of their own clusters learn alone, and K changes nothing; with one pair "
               "for all no number of samples pays for more clusters.")
    return style.Plot("cluster_risk", "Does a cluster need more samples where there are more?",
                      caption, figure)


def cluster_margins(results):
    """Reads clusters_margin_low, clusters_margin_high, clusters_tangent_low, clusters_tangent_high
    and clusters_pairs."""
    if "clusters_margin_low" not in results:
        return None
    names = results["clusters_setting"]
    figure = style.new_figure(style.rows_height(len(names), 1.2, 0.26))
    axes = figure.subplots()
    rows = np.arange(len(names))
    own = results["clusters_pairs"] == "own"
    axes.hlines(rows[own], results["clusters_tangent_low"][own],
                results["clusters_tangent_high"][own], color=style.SKY, linewidth=7,
                label="between T14c's lines")
    axes.hlines(rows, results["clusters_margin_low"], results["clusters_margin_high"],
                color=style.BLUE, linewidth=2.5, label="measured, all samples")
    for line, label in ((1 / 8, "Theorem 4.2's lines"), (5, None)):
        axes.axvline(line, color=style.VERMILLION, linestyle="--", label=label)
    axes.set_yticks(rows, [style.shortened(name, 72) for name in names], fontsize=7)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(r"margin at $\tau_1$ in units of $\beta^2 t / K$")
    style.log_axis(axes, "x")
    style.figure_legend(figure, axes.get_legend_handles_labels()[0])
    caption = ("From the smallest to the largest margin of all samples at tau_1, one row per "
               "setting. The lines of Theorem 4.2 of Im & Li are 40 times apart; those of our own, "
               "T13a for each response pair, hold where no two clusters share a token.")
    return style.Plot("cluster_margins", "Margins of clusters between their lines", caption, figure)


FIGURES = (cluster_risk, cluster_margins)
