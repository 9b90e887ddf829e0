"""What the figures of clusters, answers and misspecified classes must show (T14, T17, T19)."""

import numpy as np
from panel_checks import Panel, bars, hbars, hline, line, vline
from shown_columns import shade, shows

LOG = ("log", "log")
TITLES = {"own": "response pairs of their own", "chain": "neighbours share a token",
          "one": "one pair for all"}


@shows("verify")
def cluster_risk(f):
    samples, counts = f["clusters_scaling_samples"], f["clusters_scaling_count"]
    bound = [min(1.0, value) for value in f["clusters_scaling_bound"][0]]
    out = []
    for p, pairs in enumerate(f["clusters_scaling_pairs"]):
        marks = [line({**shade(k / (len(counts) - 1)), "line": "-", "marker": "o"}, samples,
                      f["clusters_scaling_risk"][p, k]) for k in range(len(counts))]
        out.append(Panel([*marks, line("bound, K = 1", samples, bound)], title=TITLES[pairs],
                         y="risk on fresh data" if p == 0 else "", scale=LOG))
    return out


@shows("verify")
def cluster_margins(f):
    names = f["clusters_setting"]
    own = [k for k, pairs in enumerate(f["clusters_pairs"]) if pairs == "own"]
    low, high, tangent_low, tangent_high = (f[f"clusters_{name}"] for name in (
        "margin_low", "margin_high", "tangent_low", "tangent_high"))
    return [Panel([hbars(own, tangent_low[own], tangent_high[own], "between T14c's lines"),
                   hbars(range(len(names)), low, high, "measured, all samples"),
                   vline(1 / 8, "Theorem 4.2's lines"), vline(5, "Theorem 4.2's lines")],
                  x="margin at", scale=("log", "linear"))]


@shows("verify")
def ches_ranking(f):
    value, low, high = (f[f"answers_ches{end}"] for end in ("", "_low", "_high"))
    out = []
    for t, trained in enumerate(f["answers_trained"]):
        marks = [hline(0)]
        for k, length in enumerate(f["answers_length"]):
            place = np.arange(len(f["answers_shared"])) + 0.08 * (k - 1)
            name = f"{length:g} tokens"
            marks += [line(name, place, value[t, k]), bars(place, low[t, k], high[t, k], name)]
        ticks = {k: f"{100 * share:g} %" for k, share in enumerate(f["answers_shared"])}
        out.append(Panel(marks, title=f"trained: {trained}", xticks=ticks,
                         y="rank correlation with the fall" if t == 0 else ""))
    return out


@shows("verify")
def misspecified_reward(f):
    third = f["rlhf_misspecified_third"]
    return [Panel([line(label, third, f[f"rlhf_misspecified_{name}"])
                   for name, label in (("reward", "DPO's optimum"),
                                       ("rlhf_reward", "RLHF's optimum"),
                                       ("reference_reward", "the reference"))],
                  x="how often the pair", y="expected reward", scale=("log", "linear"))]
