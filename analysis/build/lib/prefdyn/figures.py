"""The figures: every module prefdyn/NAME_figures.py adds its own.

To add a figure, write such a module with two tuples:

    GROUPS   the datasets it reads beyond results.COMMON, as results.Group; a file has all of a
             group or none of it, anything in between (or a wrong shape or type) is an error
    FIGURES  functions of a results.Results that return a style.Plot, or None where the file lacks
             the group (`if "its_dataset" not in results`) or has no run to show

    PRIORITY = Group(numbers={("run", "behaviour"): "priority_level"},
                     text={("behaviour",): "behaviour_name"})
    GROUPS = (PRIORITY,)
    FIGURES = (priority_levels,)

A dataset that comes with one claim takes Group(..., claim="T8b"): then it is an error to lack it
in a file that lists the claim. A figure shows what is stored and computes nothing that is not.
"""

import pkgutil
from importlib import import_module

import prefdyn
from prefdyn import style

# The order of the report, that of theory.md; a module not named here comes last.
_ORDER = {f"{name}_figures": place for place, name in enumerate(
    ("run", "rate", "behaviour", "claim", "accuracy", "priority", "misalignment", "rlhf", "losses",
     "probability"))}
_NAMES = sorted((m.name for m in pkgutil.iter_modules(prefdyn.__path__)
                 if m.name.endswith("_figures")),
                key=lambda name: (_ORDER.get(name, len(_ORDER)), name))
_MODULES = [import_module(f"prefdyn.{name}") for name in _NAMES]
GROUPS = tuple(group for module in _MODULES for group in module.GROUPS)
FIGURES = tuple(draw for module in _MODULES for draw in module.FIGURES)


def draw_all(results):
    """All figures one file has the data for, as style.Plot."""
    style.apply()
    plots = [plot for plot in (draw(results) for draw in FIGURES) if plot is not None]
    names = [plot.name for plot in plots]
    if len(set(names)) != len(names):
        raise ValueError(f"two figures share a name: {', '.join(sorted(names))}")
    return plots
