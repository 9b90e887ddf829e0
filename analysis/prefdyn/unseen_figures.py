"""Figure of the study "unseen" (T16): a reward model on paraphrased answers, beside a policy."""

from prefdyn import style
from prefdyn.results import Group

_AT, _STEP = "unseen_setting", "unseen_step"
UNSEEN = Group(numbers={(_AT, _STEP): "unseen_reward_accuracy unseen_reward_margin",
                        (_AT,): "unseen_policy_accuracy unseen_largest_margin"})
GROUPS = (UNSEEN,)


def unseen_answers(results):
    """Reads unseen_reward_accuracy, unseen_reward_margin, unseen_policy_accuracy and
    unseen_largest_margin."""
    if "unseen_reward_accuracy" not in results:
        return None
    names, steps = results[_AT], results[_STEP]
    figure, (left, right) = style.panel_grid(2, 2, 2.5)
    for row, ((color, marker), name) in enumerate(zip(style.SERIES, names)):
        left.plot(steps, results["unseen_reward_accuracy"][row], f"{marker}-", color=color,
                  markersize=3, label=style.shortened(name, 48))
        right.plot(steps, results["unseen_reward_margin"][row], f"{marker}-", color=color,
                   markersize=3)
        right.axhline(results["unseen_largest_margin"][row], color=color, linestyle=":")
    left.axhline(results["unseen_policy_accuracy"][0], color=style.BLACK, linestyle="--",
                 label="every policy")
    left.set_ylim(0.45, 1.02)
    left.set_ylabel("paraphrases ranked rightly")
    right.set_ylabel("least margin / ||u||")
    for axes in (left, right):
        style.log_axis(axes, "x")
    figure.supxlabel("gradient steps of the reward model", fontsize=9)
    style.figure_legend(figure, left.get_lines(), 2)
    caption = ("Two learners of the same preferences, asked about paraphrased answers that no "
               "training pair names. A policy's rows for them have no gradient: all of its margins "
               "are exactly 0, and half of the pairs count as right. A reward model that is linear in "
               "a feature of prompt and answer ranks them; its margin on the training pairs tends to "
               "the largest there is (dotted).")
    return style.Plot("unseen_answers", "What is said of answers that training never named?", caption,
                      figure)


FIGURES = (unseen_answers,)
