"""prefdyn in Python: runs the program, reads what it writes, draws figures and reports.

    import prefdyn
    run = prefdyn.simulate(distinguishability=2, dimension=64, seed=1)   # an xarray.Dataset
    run.loss

Every command of the program that trains is a function here and takes the program's options, with _ for -.
docs/first_figure.ipynb goes from nothing to a figure.
"""

from importlib import import_module

__version__ = "0.1.0"

_PLACES = {"commands": ("simulate", "verify", "sweep", "scaled", "finetune"),
           "dataset": ("open",),
           "program": ("Error", "InputError", "MachineError", "find", "options")}
_PLACE = {name: place for place, names in _PLACES.items() for name in names}
__all__ = sorted(_PLACE)


def __getattr__(name):
    """Imported when first used: the report needs no xarray, and the program no matplotlib."""
    if name not in _PLACE:
        raise AttributeError(f"module 'prefdyn' has no attribute {name!r}")
    return getattr(import_module(f"prefdyn.{_PLACE[name]}"), name)


def __dir__():
    return sorted([*globals(), *__all__])
