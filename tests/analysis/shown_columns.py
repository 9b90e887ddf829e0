"""Columns of a result file as plain arrays, read with h5py alone, and what the expectations share."""

import h5py
import matplotlib
import numpy as np

SHOWN = {}  # (kind of file, figure) -> function of its columns that lists the panels


def shows(*kinds):
    """The function below it, of the figure's name, says what that figure shows of such files."""
    def register(function):
        for kind in kinds:
            SHOWN[kind, function.__name__] = function
        return function
    return register


def columns(path):
    with h5py.File(path) as file:
        out = {}
        for name, data in file.items():
            text = h5py.check_string_dtype(data.dtype) is not None
            out[name] = data.asstr()[()] if text else data[()]
        out["attributes"] = dict(file.attrs)
    return out


def by_distinguishability(f, suite):
    """Rows of the suite's runs, the largest D first."""
    rows = [r for r in range(len(f["run"])) if f["run_suite"][r] == suite]
    return sorted(rows, key=lambda r: -f["distinguishability_sample"][r])


def evenly(items, most):
    """At most so many, both ends kept."""
    items, count = list(items), len(items)
    if count <= most:
        return items
    return [items[int(np.round(k * (count - 1) / (most - 1)))] for k in range(most)]


def shade(share):
    """The colour of a value in [0, 1], dark to light, the palest tenth left out."""
    return {"color": matplotlib.colormaps["viridis"](0.9 * share)[:3]}


def shade_of(value, values):
    low, high = min(values), max(values)
    return shade((value - low) / (high - low) if high > low else 0)


def known(*arrays):
    """Indices at which all of these are numbers."""
    return [k for k in range(len(arrays[0])) if all(np.isfinite(a[k]) for a in arrays)]
