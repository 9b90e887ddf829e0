"""Tightness of T2, T3 and T4 over dimension per sample and distinguishability."""

import numpy as np

from prefdyn import style
from prefdyn import sweep_panels as panels
from prefdyn import sweep_statistics as statistics

CLAIMS = {"T2b": "upper bound of\n" + r"$\Vert\Delta W\Vert$",
          "T3b": "lower bound of\n" + r"$\Vert\Delta W\Vert$",
          "T4a": "lower bound of\nthe loss decrease", "T4b": "upper bound of\nthe loss decrease"}
AXES = "axes distinguishability and dimension or samples"
KEYS = ("distinguishability",)
COLUMNS = ()
ANY = tuple(f"{claim}_tightness" for claim in CLAIMS)
OPTIONAL = ("kappa", "time")
LIMITS = (0.0, 1.0)


def draw(sweep):
    """One row a claim the file has numbers of, one column for each of the remaining settings."""
    rows = next((sweep.axis_of(key) for key in ("dimension", "samples") if sweep.axis_of(key)),
                None)
    axis = sweep.axis_of("distinguishability")
    if rows is None or rows == axis:
        return None
    tightness = {claim: sweep.arranged(f"{claim}_tightness", rows, axis) for claim in CLAIMS
                 if f"{claim}_tightness" in sweep.data}
    tightness = {claim: t for claim, t in tightness.items() if np.isfinite(t).any()}
    if not tightness:
        return None
    count = len(sweep.others(rows, axis))
    shown = style.spread(np.arange(count), panels.MOST_COLUMNS)
    figure, grid = panels.grid_of_panels(len(tightness), len(shown), 0.9 + 1.5 * len(tightness))
    ratio, row_label = _rows(sweep, rows, axis)
    titles = _titles(sweep, rows, axis)
    for line, (claim, values) in zip(grid, tightness.items()):
        for axes, i in zip(line, shown):
            middle = statistics.over_replicates(np.nanmedian, values[i])
            image = _panel(axes, middle, ratio[i], sweep.axes[axis])
        line[0].set_ylabel(f"{claim}: {CLAIMS[claim]}\n{row_label}", fontsize=8)
    for axes, i in zip(grid[0], shown):
        axes.set_title(titles[i])
    figure.supxlabel(panels.label("distinguishability"), fontsize=9)
    figure.colorbar(image, ax=grid, label="tightness, median over replicates  (1: attained)",
                    aspect=40, pad=0.02)
    return style.Plot("tightness", "Tightness of T2, T3 and T4", _caption(tightness, count), figure)


def _rows(sweep, rows, axis):
    """d / n of each row, and its label; what the axis itself says if n or d is unknown."""
    dimension, samples = (sweep.key_over(key, rows, axis) for key in ("dimension", "samples"))
    if dimension is None or samples is None:
        return sweep.key_over(rows, rows, axis)[..., 0], panels.label(rows)
    return (dimension / samples)[..., 0], "$d / n$"


def _titles(sweep, rows, axis):
    """The other settings, and the time reached in units of 1 / kappa where it is one time."""
    names = [panels.setting(keys) for keys in sweep.others(rows, axis)]
    if not all(name in sweep.data for name in OPTIONAL):
        return names
    ends = np.nanmax(sweep.arranged("time", rows, axis), axis=-1, initial=0)
    ends = (ends * sweep.arranged("kappa", rows, axis)).reshape(len(names), -1)
    for i, end in enumerate(ends):
        end = end[np.isfinite(end)]
        if end.size and np.ptp(end) <= 1e-6 * end.max():
            names[i] += f"{' ' if names[i] else ''}($\\kappa t$ = {panels.number(end.max())})"
    return names


def _panel(axes, values, ratio, distances):
    image = panels.draw_map(axes, values, ratio, distances, style.SEQUENTIAL, LIMITS)
    texts = np.vectorize(lambda value: f"{value:.2f}".lstrip("0") if np.isfinite(value) else "")
    panels.write_in_cells(axes, texts(values), values, LIMITS)
    return image


def _caption(tightness, count):
    parts = []
    for claim, values in tightness.items():
        middle = statistics.over_replicates(np.nanmedian, values)
        parts.append(f"{claim} {np.nanmin(middle):.2f} to {np.nanmax(middle):.2f}"
                     + _width(values.reshape(-1, values.shape[-1])))
    return ("Measured over bound for upper bounds, bound over measured for lower ones, the "
            "tightest of the recorded times after the start (two records: the end). Median over "
            "replicates." + panels.shown_of(count)
            + " Range over all cells, and the half-width "
            "of the widest 95 % bootstrap interval:\n" + "\n".join(parts))


def _width(rows):
    if rows.shape[1] < 2:
        return " (one replicate)"
    low, high = statistics.interval(statistics.bootstrap(rows, np.median))
    return f" (± {np.nanmax(high - low) / 2:.2f})"
