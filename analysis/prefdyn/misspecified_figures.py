"""Figure of DPO in a class that does not hold RLHF's optimum (T19)."""

from prefdyn import style
from prefdyn.results import Group

_THIRD = "rlhf_misspecified_third"
MISSPECIFIED = Group(numbers={(_THIRD,): """rlhf_misspecified_reward rlhf_misspecified_rlhf_reward
    rlhf_misspecified_reference_reward"""})
GROUPS = (MISSPECIFIED,)

_CURVES = (("rlhf_misspecified_reward", "DPO's optimum", style.BLUE, "o-"),
           ("rlhf_misspecified_rlhf_reward", "RLHF's optimum", style.GREEN, "^--"),
           ("rlhf_misspecified_reference_reward", "the reference", style.BLACK, ":"))


def misspecified_reward(results):
    """Reads rlhf_misspecified_reward, rlhf_misspecified_rlhf_reward and
    rlhf_misspecified_reference_reward."""
    if "rlhf_misspecified_reward" not in results:
        return None
    figure = style.new_figure(2.7)
    axes = figure.subplots()
    for name, label, color, line in _CURVES:
        axes.plot(results[_THIRD], results[name], line, color=color, label=label)
    style.log_axis(axes, "x")
    axes.set_xlabel("how often the pair (3, 1) is compared for each of the others")
    axes.set_ylabel("expected reward")
    style.figure_legend(figure, axes.get_lines())
    caption = ("Three responses with rewards 1, 2, 0, a uniform reference, policies "
               "(e^theta, e^-theta, 1), beta = 1. DPO's optimum in the class depends on which pairs "
               "are compared, and can earn less than the reference it started from.")
    return style.Plot("misspecified_reward", "DPO can make a policy worse than its reference",
                      caption, figure)


FIGURES = (misspecified_reward,)
