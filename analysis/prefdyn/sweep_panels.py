"""What the figures of sweeps share: maps over two axes, one column for each other setting."""

import numpy as np

from prefdyn import style

UNKNOWN = "#d0d0d0"
MOST_COLUMNS = 3
CONTOUR_WIDTH = 1.6
SYMBOLS = {"distinguishability": "$D$", "dimension": "$d$", "samples": "$n$", "delta": r"$\delta$",
           "sigma": r"$\sigma$", "beta": r"$\beta$", "weight": "weight of behaviour 1",
           "norm_ratio": r"$\Vert\delta_1\Vert/\Vert\delta_2\Vert$"}
LABELS = {"distinguishability": "distinguishability $D$  (feature units)",
          "dimension": "feature dimension $d$", "samples": "samples $n$",
          "delta": r"allowed failure probability $\delta$", "steps": "steps  (updates)",
          "angle": "angle between mean differences  (degrees)",
          "norm_ratio": r"ratio of mean differences $\Vert\delta_1\Vert/\Vert\delta_2\Vert$"}


def label(key, lines=1):
    """Name, symbol and unit of a key; the unit on a line of its own where space is short."""
    text = LABELS.get(key, key.replace("_", " "))
    return text.replace("  (", "\n(") if lines > 1 else text


def setting(keys):
    """`D = 2, steps = 20` of one entry of Sweep.others."""
    return ", ".join(f"{SYMBOLS.get(key, key.replace('_', ' '))} = {number(value)}"
                     for key, value in keys.items())


def setting_in_text(keys):
    return ", ".join(f"{key.replace('_', ' ')} {number(value)}" for key, value in keys.items())


def number(value):
    return value if isinstance(value, str) else f"{value:.{max(2, len(str(int(abs(value)))))}g}"


def shown_of(count, most=MOST_COLUMNS):
    """What a caption says where settings were left out."""
    return "" if count <= most else f" Shown: {most} of the {count} other settings, evenly spread."


def draw_map(axes, values, rows, cols, colours, limits):
    """values is (rows, cols), rows upwards; a cell without a number is grey."""
    colours = colours.copy()
    colours.set_bad(UNKNOWN)
    image = axes.imshow(np.ma.masked_invalid(values), origin="lower", aspect="auto", cmap=colours,
                        vmin=limits[0], vmax=limits[1], interpolation="nearest")
    axes.grid(False)
    _ticks(axes.yaxis, rows, 8)
    _ticks(axes.xaxis, cols, 15 // axes.get_subplotspec().get_gridspec().ncols)
    return image


def _ticks(axis, values, most):
    step = -(-len(values) // most)
    places = np.arange(0, len(values), step)
    axis.set_ticks(places, [number(values[i]) for i in places])
    axis.set_tick_params(length=2)


def contour(axes, values, level):
    """The line where values (rows, cols) pass a level; none where there is too little to say."""
    known = values[np.isfinite(values)]
    if min(values.shape) > 1 and known.size and known.min() < level < known.max():
        for colour, width in (("white", 3.2), (style.BLACK, CONTOUR_WIDTH)):  # seen on any colour
            axes.contour(np.ma.masked_invalid(values), levels=[level], colors=colour,
                         linewidths=width)


def write_in_cells(axes, texts, values, limits):
    """A text a cell, white on the dark end of the colours."""
    size = np.clip(45 / max(texts.shape), 4.8, 6.5)
    middle = limits[0] + 0.55 * (limits[1] - limits[0])
    for (row, col), text in np.ndenumerate(texts):
        dark = np.isfinite(values[row, col]) and values[row, col] < middle
        axes.text(col, row, text, ha="center", va="center", fontsize=size,
                  color="white" if dark else style.BLACK)


def grid_of_panels(rows, cols, height):
    """A figure with rows x cols panels on common axes; labels of ticks at its left and bottom."""
    figure = style.new_figure(height)
    return figure, figure.subplots(rows, cols, squeeze=False, sharex=True, sharey="row")
