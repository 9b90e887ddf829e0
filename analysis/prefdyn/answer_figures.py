"""Figure of the study "answers" (T17): when the CHES score ranks the fall of the chosen answer."""

import numpy as np

from prefdyn import style
from prefdyn.results import Group

_TRAINED, _LENGTH, _SHARED = "answers_trained", "answers_length", "answers_shared"
CHES = Group(numbers={
    (_TRAINED, _LENGTH, _SHARED): "answers_ches answers_ches_low answers_ches_high"})
GROUPS = (CHES,)


def ches_ranking(results):
    """Reads answers_ches, answers_ches_low and answers_ches_high."""
    if "answers_ches" not in results:
        return None
    trained, lengths, shared = (results[name] for name in (_TRAINED, _LENGTH, _SHARED))
    figure, panels = style.panel_grid(len(trained), len(trained), 2.4, sharey=True)
    for row, (axes, name) in enumerate(zip(panels, trained)):
        for k, ((color, marker), length) in enumerate(zip(style.SERIES, lengths)):
            value, low, high = (results[f"answers_ches{end}"][row, k] for end in ("", "_low", "_high"))
            axes.errorbar(np.arange(len(shared)) + 0.08 * (k - 1), value, (value - low, high - value),
                          fmt=marker, color=color, capsize=2, label=f"{length:g} tokens")
        axes.axhline(0, color=style.BLACK, linewidth=0.7)
        axes.set_xticks(range(len(shared)), [f"{100 * share:g} %" for share in shared])
        axes.set_title(f"trained: {name}", fontsize=8.5)
    panels[0].set_ylabel("rank correlation with the fall")
    panels[0].set_ylim(-0.2, 1)
    figure.supxlabel("share of the later tokens that both answers have", fontsize=9)
    style.figure_legend(figure, panels[0].get_legend_handles_labels()[0])
    caption = ("Spearman's rank correlation of the CHES score with -d/dt ln pi(y+) over 400 random "
               "pairs of answers, 95 % bootstrap intervals; 1 where the score ranks rightly. It "
               "supposes that the answers' tokens pull alike: so they do where tokens are shared. "
               "For one token after one prompt the score is 0 whatever happens.")
    return style.Plot("ches_ranking", "When does CHES rank the fall of the chosen answer?", caption,
                      figure)


FIGURES = (ches_ranking,)
