"""What the figures of T16, T18 and T21 to T24 must show."""

import numpy as np
from panel_checks import Panel, bars, hline, line
from shown_columns import shows

LOG = ("log", "log")


@shows("verify")
def sampler_rates(f):
    updates, out = f["samplers_update"], []
    for s, step in enumerate(f["samplers_step"]):
        marks = [line(name, updates, f["samplers_error"][s, k])
                 for k, name in enumerate(f["samplers_sampler"])]
        if s == 0:
            marks += [line(f"{name}, published bound", updates, f["samplers_bound"][k])
                      for k, name in enumerate(f["samplers_sampler"])]
        out.append(Panel(marks, title=step, x="updates", scale=("linear", "log"),
                         y="largest error of a reward difference" if s == 0 else ""))
    return out


@shows("verify")
def grpo_rounds(f):
    out = []
    for k, name in enumerate(f["grpo_setting"]):
        stable = f["grpo_beta"][k] > f["grpo_least_beta"][k]
        out.append(Panel([line({"marker": "o" if stable else "v", "line": "-"}, f["grpo_round"],
                               f["grpo_success"][k]),
                          hline(f["grpo_fixed_point"][k], {"line": ":"})],
                         title=name, x="rounds of GRPO", y="P(right)"))
    return out


@shows("verify")
def finite_steps(f):
    curves = (("plain", "from the flow of L"), ("modified", "from the flow of L + "))
    return [Panel([*(line(label, f["steps_count"], f[f"steps_from_{name}"][k])
                     for name, label in curves),
                   line("bound on the latter", f["steps_count"], f["steps_bound"][k])],
                  title=name, x="steps to the time", y="distance of the logits", scale=LOG)
            for k, name in enumerate(f["steps_setting"])]


@shows("verify")
def design_gain(f):
    marks = []
    for design, label, off in (("uniform", "uniform pairs", -0.1), ("best", "best pairs", 0.1)):
        mean, error = f[f"designs_{design}"], f[f"designs_{design}_error"]
        place = np.arange(len(mean)) + off
        marks += [line(f"{label}, measured", place, mean),
                  bars(place, mean - 6 * error, mean + 6 * error, f"{label}, measured"),
                  line("predicted", place, f[f"designs_{design}_predicted"])]
    return [Panel(marks, y="KL", scale=("linear", "log"),
                  xticks=list(f["designs_setting"]))]


@shows("verify")
def unseen_answers(f):
    left = [hline(f["unseen_policy_accuracy"][0], "every policy")]
    right = []
    for k, _ in enumerate(f["unseen_setting"]):
        left.append(line({"line": "-"}, f["unseen_step"], f["unseen_reward_accuracy"][k]))
        right += [line({"line": "-"}, f["unseen_step"], f["unseen_reward_margin"][k]),
                  hline(f["unseen_largest_margin"][k], {"line": ":"})]
    scale = ("log", "linear")
    return [Panel(left, x="gradient steps", y="paraphrases ranked rightly", scale=scale),
            Panel(right, x="gradient steps", y="least margin", scale=scale)]


@shows("verify")
def flipped_labels(f):
    flipped, marks = f["noisy_flipped"], []
    for k, dimension in enumerate(f["noisy_dimension"]):
        marks += [line(f"exact, d = {dimension:g}", flipped, f["noisy_curve_risk"][k]),
                  line(f"counted, d = {dimension:g}", flipped, f["noisy_curve_measured"][k])]
    marks += [line("bound, 4/gamma", flipped, f["noisy_curve_bound"]),
              line("bound, 8/gamma", flipped, f["noisy_curve_bound_eight"])]
    return [Panel(marks, x="share of flipped labels", y="risk on fresh data",
                  scale=("linear", "log"))]
