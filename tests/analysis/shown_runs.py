"""What the figures of runs, verdicts and features must show, from the columns of the file."""

from collections import Counter

import numpy as np
from panel_checks import Panel, band, box, hbars, hline, line, vline
from shown_columns import by_distinguishability, evenly, known, shade_of, shows

LOG = ("log", "log")
BLUE, VERMILLION = "#0072B2", "#D55E00"


@shows("verify")
def initial_rate(f):
    distance = f["distinguishability_sample"]
    rows = [r for r in range(len(f["run"])) if f["run_suite"][r] == "rates"
            and f["p_plus"][r] == 0.5 and distance[r] > 0]
    beta = Counter(f["config_beta"][rows]).most_common(1)[0][0]
    rows = [r for r in rows if f["config_beta"][r] == beta]
    order = sorted(rows, key=lambda r: distance[r])
    excess = 1e15 * (f["verdict_tightness_max"][:, list(f["claim"]).index("T1")] - 1)
    upper, lower = [line("T1: ", distance[order], f["initial_rate_predicted"][order])], [hline(0)]
    for dimension in sorted(set(f["run_dimension"][rows])):
        look, own = f"measured, $d = {dimension:g}$", [r for r in rows
                                                       if f["run_dimension"][r] == dimension]
        for lost in (False, True):
            part = [r for r in own if (f["distinguishability_debiased"][r] == 0) == lost]
            if part:
                upper.append(line(look, distance[part], f["initial_rate_measured"][part],
                                  "color marker" + ("" if lost else " face")))
                if lost:
                    upper[-1].more = {"face": "#ffffff"}
        lower.append(line(look, distance[own], excess[own]))
    return [Panel(upper, y="initial rate $R(0)$", scale=LOG),
            Panel(lower, x="sample distinguishability", y="predicted $-$ 1",
                  scale=("log", "linear")),
            {"caption": [f"The {len(rows)} runs", f"β = {beta:g}"]}]


def between_bounds(f, row, x):
    """The head change and its bounds; only x > 0."""
    at = [k for k in known(x, f["head_change"][row]) if x[k] > 0]
    low, high = f["bound_T3b"][row][at], f["bound_T2b"][row][at]
    marks = [line("measured", x[at], f["head_change"][row][at]),
             line({"color": VERMILLION, "line": "--"}, x[at], high),
             line({"color": BLUE, "line": ":"}, x[at], low)]
    return marks + ([band({"color": "#ececec"}, x[at], low, high)] if known(low, high) else [])


@shows("verify")
def head_change(f):
    rows = [r for r in range(len(f["run"])) if f["run_suite"][r] == "rates"
            and f["config_method"][r] == "flow"]
    for name in ("run_dimension", "run_samples"):
        values = sorted(set(f[name][rows]))
        rows = [r for r in rows if f[name][r] == values[len(values) // 2]]
    first = {}
    for r in rows:
        first.setdefault(f["config_distinguishability"][r], r)
    out = []
    for r in evenly([first[d] for d in sorted(first)], 4):
        out.append(Panel(between_bounds(f, r, f["kappa"][r] * f["time"][r]), scale=LOG,
                         title=f"$D = {f['config_distinguishability'][r]:g}$", x="kappa t",
                         y="" if out else "head change"))
    return out


def is_violated(f, c):
    claim = f["claim"][c]
    cases = f["case_claim"] if "case_claim" in f else ()
    return (f["claim_status"][c] == "violated" or f["claim_violated"][c] > 0
            or any(f["verdict_status"][r, c] == 1 for r in range(len(f["run"])))
            or any(of == claim and f["case_status"][k] == "violated"
                   for k, of in enumerate(cases)))


def scientific(value):
    if value == 0 or np.isinf(value):
        return "0" if value == 0 else "∞"
    digit, power = f"{value:.0e}".split("e")
    return rf"${digit}\times10^{{{int(power)}}}$"


@shows("verify", "features", "run", "scaled")
def tightness(f):
    claims = known(f["claim_tightness_median"])
    top = 1.6 * max([1, *(t for t in f["claim_tightness_max"][claims] if np.isfinite(t))])
    marks, texts, names = [vline(1), box(1, top, 0, 1, {"color": "#ececec"})], [], []
    for y, c in enumerate(claims):
        bad = is_violated(f, c)
        color = {"color": VERMILLION if bad else BLUE}
        value = {end: f[f"claim_tightness_{end}"][c] for end in ("min", "median", "max")}
        marks.append(line(color, [min(max(value[end], 0.75e-4), top) for end in ("min", "max")],
                          (y, y)))
        beyond = {edge: [] for edge in (0.75e-4, top)}
        for end, each in value.items():
            if 1e-4 <= each <= top:
                marks.append(line({**color, "marker": "o" if end == "median" else "|"}, each, y))
            else:
                beyond[top if each > top else 0.75e-4].append(f"{end} {scientific(each)}")
        for edge, words in beyond.items():
            if words:
                marks.append(line({**color, "marker": "<" if edge < 1 else ">"}, edge, y))
                texts.append((edge, y, ", ".join(words)))
        names.append(f"{'VIOLATED ' if bad else ''}{f['claim_title'][c]} {f['claim'][c]}")
    return [Panel(marks, x="tightness: measured / bound", scale=("log", "linear"), yticks=names,
                  texts=texts)]


@shows("verify")
def coverage(f):
    rows = [k for k in range(len(f["case"])) if f["case_study"][k] == "coverage"]
    claims, settings = (list(dict.fromkeys(f[f"case_{name}"][rows]))
                        for name in ("claim", "setting"))
    deltas, out = sorted(set(f["case_delta"][rows]), reverse=True), []
    looks = {d: rf"observed, and allowed line, $\delta = {d:g}$" for d in deltas}
    for claim in claims:
        own = [k for k in rows if f["case_claim"][k] == claim]
        fitted = any(np.isfinite(f["case_constant"][k]) for k in own)
        marks = [vline(0)] if fitted else [vline(d, looks[d]) for d in deltas]
        texts = []
        for y, setting in enumerate(settings):
            here = [k for k in own if f["case_setting"][k] == setting]
            judged = [k for k in here if f["case_status"][k] != "not_applicable"]
            if here and not judged:
                texts.append((0.5, y, "not applicable"))
            for k in judged:
                x = f["case_constant"][k] if fitted else f["case_failures"][k] / max(
                    f["case_cases"][k], 1)
                place = y + 0.16 * (deltas.index(f["case_delta"][k]) - (len(deltas) - 1) / 2)
                bad = f["case_status"][k] == "violated"
                marks.append(line({"color": VERMILLION} if bad else looks[f["case_delta"][k]], x,
                                  place, "color marker"))
                texts += [(x, place, "VIOLATED")] if bad else []
        out.append(Panel(marks, title=f"{claim}: {'fitted constant' if fitted else 'failures'}",
                         x="constant $C$" if fitted else "share of replicates beyond the bound",
                         scale=("linear" if fitted else "symlog", "linear"), yticks=settings,
                         texts=texts))
    return out


@shows("features", "scaled")
def behaviours(f):
    rows = by_distinguishability(f, "features")
    y, sample, floor = range(len(rows)), f["distinguishability_sample"][rows], f["noise_floor"][rows]
    left = [hbars(y, floor, sample), line("noise floor", floor, y), line("sample", sample, y),
            line("debiased", f["distinguishability_debiased"][rows], y)]
    right = [line("predicted (T1)", f["initial_rate_predicted"][rows], y),
             line("measured", f["initial_rate_measured"][rows], y)]
    return [Panel(left, x="$D = ", yticks=list(f["run_name"][rows])),
            Panel(right, x="initial rate $R(0)$"), {"caption": [f"The {len(rows)} runs"]}]


@shows("features", "scaled")
def loss_at_fixed_steps(f):
    rows, out = by_distinguishability(f, "features"), []
    for k, step in enumerate(f["fixed_step"]):
        rho = f["spearman_loss_distinguishability"][k]
        out.append(Panel([line(None, f["distinguishability_sample"][rows],
                               f["loss_at_fixed_step"][rows, k])],
                         title=f"{step} steps: ρ " + (f"= {rho:.3f}" if np.isfinite(rho)
                                                      else "undefined"),
                         x="sample distinguishability", y="" if k else "training loss"))
    return out


def coloured(f, rows, name, first):
    """A line a run from that step on, coloured by its D."""
    marks, distance = [], f["distinguishability_sample"]
    for r in rows:
        at = [k for k in known(f["step"][r], f[name][r]) if f["step"][r][k] >= first]
        marks.append(line(shade_of(distance[r], distance[rows]), f["step"][r][at], f[name][r][at]))
    return marks


@shows("features", "scaled")
def loss_curves(f):
    rows = by_distinguishability(f, "features")
    return [Panel(coloured(f, rows, "loss", 1) + [vline(step) for step in f["fixed_step"]],
                  x="step (updates)", y="training loss", scale=("log", "linear")),
            {"bar": [r"$\hat D$"]}]


@shows("features", "scaled")
def behaviour_rates(f):
    rows = by_distinguishability(f, "features")
    distance, beta = f["distinguishability_sample"][rows], f["config_beta"][rows[0]]
    reach = 1.05 * max(distance)
    return [Panel([line("T1, balanced", (0, reach), (0, beta * reach / 2 / 2 ** 0.5)),
                   line("T1, exact", distance, f["initial_rate_predicted"][rows]),
                   line("measured", distance, f["initial_rate_measured"][rows])],
                  x="sample distinguishability", y="initial rate $R(0)$")]


@shows("run")
def run(f):
    step, quantiles, levels = f["step"][0], f["margin_quantiles"][0], f["quantile"]

    def curve(look, name, ties=None):
        at = [k for k in known(f[name][0]) if not ties or f[ties][0][k] < 1]
        return line(look, step[at], f[name][0][at])
    loss = [curve("training set", "loss"), curve("held-out set", "eval_loss")]
    accuracy = [curve("policy", "outputs_accuracies", "outputs_ties"),
                curve("reward", "rewards_accuracies", "rewards_ties"),
                curve("reward, held-out", "eval_rewards_accuracies", "eval_rewards_ties")]
    margin = [hline(0), line("mean", step, f["rewards_margins"][0])]
    middle = list(levels).index(0.5)
    margin.append(line("median", step, quantiles[:, middle]))
    for k in range(1, middle):
        margin.append(band(f"{100 * levels[k]:.0f}% to {100 * levels[-1 - k]:.0f}%", step,
                           quantiles[:, k], quantiles[:, len(levels) - 1 - k]))
    return [Panel(loss, y="mean loss"), Panel(accuracy, y="accuracy (share of pairs)"),
            Panel(margin, x="step (updates)", y="reward margin"),
            Panel(between_bounds(f, 0, step), x="step (updates)", y="head change",
                  scale=("linear", "log")),
            {"caption": [f"n = {f['run_samples'][0]:g}", f"d = {f['run_dimension'][0]:g}"]}]


LAST_LAYER = (("loss", "training loss", 0), ("eval_loss", "held-out loss", 0),
              ("rewards_accuracies", "reward accuracy", 1),
              ("outputs_accuracies", "policy accuracy", 0))


@shows("scaled")
def last_layer_curves(f):
    rows = by_distinguishability(f, "last layer")
    return [*(Panel(coloured(f, rows, name, first), x="step (updates)", y=label)
              for name, label, first in LAST_LAYER if np.isfinite(f[name][rows]).any()),
            {"bar": [r"$\hat D$"], "caption": [f"η = {f['config_eta'][rows[0]]:g}",
                                               f"β = {f['config_beta'][rows[0]]:g}"]}]


@shows("scaled")
def last_layer_pairs(f):
    pairs = evenly(range(len(f["scaled_pair"])), 4)
    out = []
    for name, label, first in (("loss", "training loss", 0),
                               ("rewards_accuracy", "reward accuracy", 1)):
        for p in pairs:
            step, both = f["scaled_pair_step"][p], f["scaled_pair"][p].split(" + ")
            at = [k for k in range(len(step)) if step[k] >= first]
            marks = [line(f"{look} priority", step[at], f[f"scaled_pair_{name}"][p, at, member])
                     for member, look in enumerate(("higher", "lower"))]
            out.append(Panel(marks, x="step (updates)", y="" if p != pairs[0] else label,
                             title="" if first else [f"gap {f['scaled_pair_gap'][p]:.3g}",
                                                     *(n[-9:] for n in both)]))
    return out


@shows("scaled")
def flipped_labels(f):
    base, aligned = (by_distinguishability(f, f"flipped, from {start}")
                     for start in ("base", "aligned"))
    rings = coloured(f, aligned, "loss", 0)
    for mark in rings:
        mark.look.update({"marker": "o", "line": "None", "face": "none"})
    curves = coloured(f, base, "loss", 0)
    for mark in curves:
        mark.look.update({"marker": "None", "line": "-"})
    return [Panel(curves + rings, x="step (updates)", y="training loss"),
            Panel(coloured(f, base, "outputs_accuracies", 0), title="from the base head",
                  x="step (updates)", y="policy accuracy, flipped"),
            Panel(coloured(f, aligned, "outputs_accuracies", 0), title="from the aligned head",
                  x="step (updates)"), {"bar": [r"$\hat D$"]}]


@shows("scaled")
def projections(f):
    out, sign = [], {-1: "second answer", 1: "first answer"}
    for r in evenly(by_distinguishability(f, "features"), 6):
        k = list(f["scaled_behaviour"]).index(f["run_name"][r])
        label, marks = f["scaled_label"][k], []
        for part in np.array_split(np.arange(len(label)), 8):
            for value, look in sign.items():
                at = [i for i in part if label[i] == value]
                if at:
                    marks.append(line(look, f["scaled_projection"][k, at, 0],
                                      f["scaled_projection"][k, at, 1]))
        one, two = f["scaled_axis_variance"][k]
        out.append(Panel(marks, x="principal axis 1", y="principal axis 2",
                         title=f"{f['run_name'][r]} $\\hat D = "
                         f"{f['distinguishability_sample'][r]:.2f}$, axes {100 * one:.0f} % and "
                         f"{100 * two:.0f} %"))
    return out


@shows("scaled")
def rank_correlations(f):
    suites, out = {}, []
    for k, name in enumerate(f["scaled_correlation"]):
        if np.isfinite(f["scaled_rank_correlation"][k]):
            what, suite = name.replace("D and ", "", 1).rsplit(", ", 1)
            suites.setdefault(suite, []).append((k, what))
    for (suite, rows), color in zip(suites.items(), ("#0072B2", "#E69F00", "#009E73", "#CC79A7")):
        marks, texts = [vline(0)], []
        for y, (k, _) in enumerate(rows):
            rho, low, high = (f[f"scaled_rank_correlation{end}"][k] for end in ("", "_low", "_high"))
            marks += [line({"color": color, "line": "-"}, (low, high), (y, y)),
                      line({"color": color, "line": "None"}, rho, y)]
            few = len(f["scaled_behaviour"]) < 8
            texts.append((1.02, y, f"{rho:+.3f} (p = {f['scaled_rank_correlation_p'][k]:.3g})" if few else
                          f"{rho:+.3f} ({low:+.3f} to {high:+.3f})"))
        out.append(Panel(marks, title=f"suite “{suite}”" if suite in ("features", "last layer")
                         else suite, yticks=[what for _, what in rows], texts=texts,
                         x="" if len(out) + 1 < len(suites) else "Spearman"))
    return out


@shows("scaled")
def twin_tightness(f):
    suites = ("features", -0.18, "real features"), ("Gaussian twin", 0.18, "Gaussian twin")
    runs, end = range(len(f["run"])), 1.6

    def judged(suite, c):
        return [r for r in runs if f["run_suite"][r] == suite and f["verdict_status"][r, c] != 2]
    marks, texts, names = [vline(1), box(1, end, 0, 1, "beyond the bound")], [], []
    for c in [c for c in range(len(f["claim"])) if judged("Gaussian twin", c)]:
        for suite, shift, look in suites:
            y, value = len(names) + shift, f["verdict_tightness_median"][judged(suite, c), c]
            if not len(value):
                texts.append((1e-4, y, "not applicable"))
            inside = [v for v in value if 1e-4 <= v <= end]
            if inside:
                marks.append(line(look, inside, [y] * len(inside)))
            for edge, words, out in ((0.75e-4, "below", [v for v in value if v < 1e-4]),
                                     (0.9 * end, "beyond", [v for v in value if v > end])):
                if out:
                    marks.append(line({"marker": "<" if edge < 1 else ">"}, edge, y))
                    texts.append((edge, y, f"{len(out)} {words}"))
        names.append(f"{f['claim_title'][c]} {f['claim'][c]}")
    return [Panel(marks, x="tightness: measured / bound", scale=("log", "linear"), yticks=names,
                  texts=texts)]
