"""What the figures of studies must show: T6 to T12, from the columns of the file."""

import numpy as np
from panel_checks import Panel, band, bars, box, dots, hline, image, line, vline
from shown_columns import known, shade, shows

LOG = ("log", "log")
SERIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")


@shows("verify")
def fresh_accuracy(f):
    d, measured, around = (f[f"accuracy_{name}"] for name in ("distance", "measured", "tolerance"))
    return [Panel([line("T6c", d, f["accuracy_predicted"][k]),
                   line("measured", d, measured[k]),
                   bars(d, measured[k] - around[k], measured[k] + around[k], "measured")],
                  title=name, x="distinguishability $D$", y="accuracy on fresh data",
                  scale=("log", "linear"), xticks={v: f"{v:g}" for v in d})
            for k, name in enumerate(f["accuracy_setting"])]


@shows("verify")
def accuracy_limit(f):
    n, marks = f["accuracy_samples"], []
    for k, name in enumerate(f["accuracy_limit"]):
        name = name.replace("limit: ", "")
        marks += [line(name, n, f["accuracy_limit_error"][k]),
                  line({"color": SERIES[k], "line": "-", "marker": "None"}, n,
                       f["accuracy_limit_fluctuation"][k])]
    return [Panel(marks, x="samples $n$", y="distance from the limit", scale=LOG)]


CURVES = {"head_change": "Delta W", "loss": "loss", "rewards_margins": "mean reward margin",
          "rewards_accuracies": "reward accuracy"}


@shows("verify")
def minibatch_distance(f):
    step, curves = f["minibatch_step"][1:], (("measured", "distance"), ("from the variance", "bound_path"),
                                             ("from the rows", "bound_rows"))
    return [Panel([line(label, step, f[f"minibatch_{name}"][k, 1:]) for label, name in curves
                   if (f[f"minibatch_{name}"][k, 1:] > 0).all()],
                  title=setting, x="update", y="mean" if k == 0 else "", scale=("linear", "log"))
            for k, setting in enumerate(f["minibatch_setting"])]


@shows("verify")
def population_curves(f):
    last, time, out = len(f["dynamics_setting"]) - 1, f["dynamics_kappa_time"][1:], []
    for c, name in enumerate(f["dynamics_curve"]):
        marks = [line("population, T7", time, f["dynamics_predicted"][last, c, 1:])]
        for n in range(0, len(f["dynamics_samples"]), 2):
            marks.append(line(f"$n = {f['dynamics_samples'][n]:g}$", time,
                              f["dynamics_simulated"][last, n, c, 1:]))
        out.append(Panel(marks, x="kappa t", y=CURVES[name]))
    return [*out, {"caption": [f"setting “{f['dynamics_setting'][last]}”"]}]


@shows("verify")
def population_errors(f):
    left, right, n = [], [], f["dynamics_samples"]
    for k, name in enumerate(f["dynamics_setting"]):
        slope = (f"slope ${f['dynamics_slope'][k]:.3f} \\pm "
                 f"{f['dynamics_slope_half_width'][k]:.3f}$")
        left.append(line(slope, n, f["dynamics_vector_error"][k]))
        right.append(line(name[:15], n, f["dynamics_curve_error"][k]))
    return [Panel(left, title="v(t)", x="samples $n$", y="relative error (rms", scale=LOG),
            Panel(right, title="curves of", x="samples $n$", scale=LOG)]


def mixtures_shown(f):
    """The last flow of two behaviours that un-learns, the last setting with a lead to lose, the
    last flow of most behaviours of unequal norms, the last of weights 0.1 and the rest."""
    every = range(len(f["priority_setting"]))
    most = max(f["priority_behaviours"])
    tests = (lambda s: f["priority_flow"][s] == 1 and f["priority_behaviours"][s] == 2
             and f["priority_negative"][s] > 0,
             lambda s: np.isfinite(f["priority_lead_ratio"][s]),
             lambda s: f["priority_flow"][s] == 1 and f["priority_behaviours"][s] == most
             and f["priority_norm_ratio"][s] > 1,
             lambda s: f["priority_flow"][s] == 1
             and f["priority_setting"][s].startswith("weights 0.1 and"))
    out = []
    for test in tests:
        found = [s for s in every if test(s)]
        if found and found[-1] not in out:
            out.append(found[-1])
    return out


@shows("verify")
def priority_margins(f):
    out = []
    for s in mixtures_shown(f):
        count, kappa = int(f["priority_behaviours"][s]), f["priority_kappa"][s]
        order = sorted(range(count), key=lambda k: -f["priority_level"][s, k])
        marks = [hline(0)]
        for rank, k in enumerate(order):
            marks.append(line(shade(rank / max(count - 1, 1)), kappa * f["priority_time"][s, 1:],
                              f["priority_margin"][s, 1:, k]))
        if np.isfinite(f["priority_lead_time"][s]):
            marks.append(vline(kappa * f["priority_lead_time"][s], "$t^*$"))
        name = f["priority_setting"][s].replace(", flow", "").replace(", gradient descent", "")
        out.append(Panel(marks, title=name, x="kappa t", y="margin $M_k(t)$",
                         scale=("log", "linear")))
    return out


@shows("verify")
def priority_order(f):
    marks = [hline(0)]
    for side, name, label in ((-1, "margin", "first to reach a mean reward margin"),
                              (1, "accuracy", "first to reach a reward accuracy")):
        tau, low, high = (f[f"priority_tau_{name}{end}"] for end in ("", "_low", "_high"))
        x = np.arange(len(tau)) + 0.12 * side
        marks += [line(label, x, tau), bars(x, low, high, label)]
    return [Panel(marks, y="Kendall", xticks=list(f["priority_order"]))]


@shows("features", "scaled")
def priority_pairs(f):
    gap = f["priority_pair_gap"]
    count = len(gap)
    mean = [sum(0 if np.isnan(g) else g for g in row) / count for row in gap]
    order = sorted(range(count), key=lambda k: -mean[k])
    values = [[gap[i, j] for j in order] for i in order]
    names = [f"{f['priority_pair'][k]} {place + 1}" for place, k in enumerate(order)]
    return [Panel([image(values)], x="mixed with", yticks=names,
                  xticks=[str(k + 1) for k in range(count)]),
            {"bar": [r"$(P_\mathrm{row} - P_\mathrm{column})"],
             "limits": [(-np.nanmax(np.abs(gap)), np.nanmax(np.abs(gap)))]}]


@shows("features", "scaled")
def priority_pair_order(f):
    level, count, out = f["priority_pair_level"], len(f["priority_pair"]), []
    for measure, name in (("mean reward margin", "margin"), ("reward accuracy", "accuracy")):
        value = f[f"priority_pair_{name}"]
        points = {"higher priority ahead": [], "behind": [], "tied": []}
        for i in range(count):
            for j in range(count):
                lead, found = level[i, j] - level[j, i], value[i, j] - value[j, i]
                if lead > 0:
                    points["higher priority ahead" if found > 0 else "behind" if found < 0
                           else "tied"].append((lead, found))
        pairs = sum(map(len, points.values()))
        share = f["priority_pair_agreement"][list(f["priority_pair_measure"]).index(measure)]
        out.append(Panel([hline(0)] + [line(label, *np.transpose(xy))
                                       for label, xy in points.items() if xy],
                         title=f"as predicted: {100 * share:.1f} % of {pairs} pair",
                         x="predicted lead", y=f"lead in {measure}"))
    return out


def setting_of_misalignment(name):
    for old, new in (("||a_0|| ~", "‖a₀‖ ≈"), ("beta", "β"), ("E_0", "E₀")):
        name = name.replace(old, new)
    return name


@shows("verify", "features")
def misalignment_curves(f):
    step, out = f["misalignment_step"], []
    there = [k for k in range(len(step)) if step[k] > 0]
    start = list(f["misalignment_start"])
    for s, name in enumerate(f["misalignment_setting"]):
        marks = [hline(f["misalignment_target"][s])]
        for model, label in (("base", "base, both"), ("aligned", "aligned, both"),
                             ("frozen E, base", "base, frozen"),
                             ("frozen E, aligned", "aligned, frozen")):
            middle, low, high = (f[f"misalignment_loss{end}"][s, start.index(model), there]
                                 for end in ("", "_low", "_high"))
            marks.append(line(label, step[there], middle))
            if model != "frozen E, aligned":  # it lies on the one before
                marks.append(band(label, step[there], low, high))
        out.append(Panel(marks, title=setting_of_misalignment(name), x="steps of misalignment",
                         y="loss on flipped labels", scale=("log", "linear")))
    return out


CAUSES = (("aligned", "aligned model"),
          ("aligned E, base a", "growth of $D$ alone: aligned $E$, base head"),
          ("base E, aligned a", "growth of the head alone: base $E$, aligned head"),
          ("aligned, old reference", "reference not reset: aligned, against base"),
          ("frozen E, aligned", "frozen embedding: aligned against base"))


@shows("verify", "features")
def misalignment_causes(f):
    start, settings, out = list(f["misalignment_start"]), f["misalignment_setting"], []
    for what, label in (("slope", "initial slope of the loss"), ("steps", "steps to the target")):
        if not np.isfinite(f[f"misalignment_{what}_ratio"]).any():
            continue
        marks = [vline(1)]
        for s, name in enumerate(settings):
            for row, (cause, _) in enumerate(CAUSES):
                k = start.index(cause)
                ratio, low, high = (f[f"misalignment_{what}_ratio{end}"][s, k]
                                    for end in ("", "_low", "_high"))
                y = row + 0.7 * ((s + 0.5) / len(settings) - 0.5)
                if np.isfinite(ratio):
                    look = setting_of_misalignment(name)
                    marks += [line(look, ratio, y), line(look, (low, high), (y, y), "color")]
        out.append(Panel(marks, x=label, scale=("log", "linear"),
                         yticks=[text for _, text in CAUSES]))
    return out


@shows("verify", "features")
def misalignment_models(f):
    start, out = list(f["misalignment_start"]), []
    shape = f["misalignment_distinguishability"].shape
    for name, label in (("distinguishability", "distinguishability $D$"),
                        ("head_norm", "Vert a"), ("steps_to_policy", "steps until the flipped")):
        value, points, marks = f[f"misalignment_{name}"], {"base": [], "aligned": []}, []
        never = []
        for s in range(shape[0]):
            for r in range(shape[1]):
                y = s + 0.7 * ((r + 0.5) / shape[1] - 0.5)
                for model in points:
                    points[model].append((value[s, r, start.index(model)], y))
                marks.append(line({"color": "#c8c8c8"}, (points["base"][-1][0],
                                                         points["aligned"][-1][0]), (y, y)))
                if np.isnan(points["aligned"][-1][0]):
                    never.append((1.08 * np.nanmax(value), y))
        marks += [line(f"{model} model", *np.transpose(xy)) for model, xy in points.items()]
        if never:
            marks.append(line("aligned, never", *np.transpose(never)))
        names = [setting_of_misalignment(n).replace(", β", " β") for n in f["misalignment_setting"]]
        out.append(Panel(marks, x=label, yticks=names))
    return out


def world(name):
    return name.replace("beta", "β").replace("pi_ref", r"$\pi_{ref}$")


@shows("verify")
def rlhf_optima(f):
    rows = range(len(f["rlhf_setting"]))
    return [Panel([line("population DPO", f["rlhf_population_gap"], rows),
                   line("gradient descent", f["rlhf_descent_gap"], rows),
                   line("every sample", f["rlhf_pair_gap"], rows),
                   line("policy gradient", f["rlhf_ascent_gap"], rows)],
                  x="largest $|", scale=("log", "linear"), yticks=map(world, f["rlhf_setting"]))]


@shows("verify")
def rlhf_convergence(f):
    out = []
    for k, name in enumerate(f["rlhf_setting"]):
        n = f["rlhf_samples"][k]
        slope = f"slope {f['rlhf_slope'][k]:.3f} ± {f['rlhf_slope_error'][k]:.3f}"
        out.append(Panel([line(None, n, [f["rlhf_constant"][k] / each for each in n]),
                          dots(n, f["rlhf_divergence"][k], f["rlhf_optimum_share"][k])],
                         title=f"{world(name)} {slope}", x="comparisons in a sample",
                         y="mathrm{KL}", scale=LOG))
    return [*out, {"bar": ["share of samples that have an optimum"]}]


@shows("verify")
def rlhf_broken(f):
    marks = [line("none broken: " + world(f["rlhf_setting"][0]), f["rlhf_samples"][0],
                  f["rlhf_divergence"][0])]
    for k, name in enumerate(f["rlhf_broken"]):
        marks += [hline(f["rlhf_broken_gap"][k], name, "color"),
                  line(name, f["rlhf_broken_samples"], f["rlhf_broken_divergence"][k])]
    return [Panel(marks, x="comparisons in a sample", y="mathrm{KL}", scale=LOG)]


STATUS_WORDS = {"holds": "holds", "violated": "violated", "undecided": "undecided",
                "vacuous": "says nothing", "not_applicable": "does not apply"}


@shows("verify")
def loss_verdicts(f):
    names, claims, marks, texts = f["losses_name"], f["losses_claim"], [], []
    for status, label in STATUS_WORDS.items():
        at = [(c, r) for r in range(len(names)) for c in range(len(claims))
              if f["losses_status"][r, c] == status]
        if at:
            marks.append(line(label, *np.transpose(at)))
    texts.append((None, -0.75, r"$R(0)$ / DPO"))
    for r in range(len(names)):
        sign = "-" if f["losses_slope_at_zero"][r] > 0 else ""
        texts.append((None, r, f"{sign}{f['losses_rate_ratio'][r]:.3g}"))
        reasons = [text for text in f["losses_reason"][r] if text]
        texts.append((None, r, reasons[0] if reasons else ""))
    return [Panel(marks, xticks=list(claims), yticks=list(names), texts=texts)]


@shows("verify")
def loss_rewards(f):
    out = []
    for r, name in enumerate(f["losses_name"]):
        marks = [hline(0)]
        for answer in ("chosen", "rejected"):
            time, reward = f["losses_time"][r], f[f"losses_rewards_{answer}"][r]
            at = known(time, reward)
            marks.append(line(f"{answer} response", time[at], reward[at]))
        out.append(Panel(marks, title=name, x="time $t", y="mean implicit reward"))
    return out


def over_the_cosine(f, curves, label, scale, title):
    rho, out = f["probabilities_rho"], []
    width = max(rho[k + 1] - rho[k] for k in range(len(rho) - 1))
    for k, name in enumerate(f["probabilities_dial"]):
        marks = [hline(0)] + [line(look, rho, f[f"probabilities_{column}"][k])
                              for column, look in curves.items()]
        marks += [box(r - width / 2, r + width / 2, 0, 1, "chosen falls at first")
                  for i, r in enumerate(rho) if f["probabilities_chosen_rate"][k, i] < 0]
        out.append(Panel(marks, title=title(name, k), scale=scale,
                         x="cosine" if k + 3 >= len(f["probabilities_dial"]) else "",
                         y=label if k % 3 == 0 else ""))
    return out


@shows("verify")
def displacement(f):
    rank = f["probabilities_ches_rank_correlation"]
    return over_the_cosine(f, {"chosen_change": "chosen, ", "rejected_change": "rejected, "},
                           "change (nats)", ("linear", "symlog"), lambda name, k: f"{name} rank "
                           + (f"{rank[k]:.2f}" if np.isfinite(rank[k]) else "undefined"))


@shows("verify")
def probability_masses(f):
    return over_the_cosine(f, {"third_change_plus": "third tokens at $g_+$",
                               "third_change_minus": "third tokens at $g_-$",
                               "peak_change_minus": "argmax at $g_-$"}, "change of mass",
                           ("linear", "linear"), lambda name, k: name)


@shows("verify")
def squeezing_panels(f):
    token, out = f["probabilities_token"], []
    for k, name in enumerate(f["probabilities_panel"]):
        before, after = (f[f"probabilities_panel_{when}"][k] for when in ("before", "after"))
        marks = [line("before", token, before), line("after", token, after),
                 bars(token, np.minimum(before, after), np.maximum(before, after))]
        marks += [vline(f[f"probabilities_panel_{what}"][k], what) for what in ("pulled", "pushed")
                  if f[f"probabilities_panel_{what}"][k] >= 0]
        out.append(Panel(marks, title=name, y=r"$\pi$", scale=("linear", "log")))
    return out


@shows("verify")
def influence_remainder(f):
    size, marks = f["probabilities_influence_range"], []
    for k, name in enumerate(f["probabilities_objective"]):
        marks += [line(name, size[k], f["probabilities_influence_remainder"][k]),
                  line({"color": SERIES[k], "line": "--", "marker": "None"}, size[k],
                       f["probabilities_influence_first_order"][k])]
    ends = np.array([min(row[0] for row in size), max(row[-1] for row in size)])
    marks.append(line("slope 2", ends, ends * ends / 8))
    return [Panel(marks, x="times the range", y="change of", scale=LOG)]


@shows("verify")
def influence_bounds(f):
    out = []
    for k, name in enumerate(f["probabilities_objective"]):
        size, missed, unit, low, high = (
            f[f"probabilities_influence_{part}"][k]
            for part in ("range", "remainder", "second_order", "remainder_low", "remainder_high"))
        out.append(Panel([line("measured", size, missed / unit),
                          band("T12e allows", size, low / unit, high / unit)], title=name,
                         x="times the range", y="" if k else "remainder / second order", scale=LOG,
                         xticks={0.01: "0.01", 1: "1", 100: "100"}))
    return out
