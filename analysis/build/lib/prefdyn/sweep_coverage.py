"""Coverage of T5: how often the mean of a sample stays within a bound that may fail with
probability delta."""

import numpy as np
from matplotlib.patches import Patch

from prefdyn import style
from prefdyn import sweep_panels as panels
from prefdyn import sweep_statistics as statistics

CLAIMS = {"T5g": "T5g, Gaussian", "T5m": "T5m, finite covariance"}
AXES = "any two axes"
KEYS = COLUMNS = OPTIONAL = ()
ANY = tuple(f"{claim}_tightness" for claim in CLAIMS)
DEFAULT_DELTA = 0.05  # of the option delta, where the spec does not say
LIMITS = (0.0, 1.0)


class Coverage:
    """Counts of one claim in the cells (others, rows, cols) of a sweep."""

    def __init__(self, tightness, delta):
        self.delta = delta
        self.trials = np.isfinite(tightness).sum(axis=-1)
        self.misses = (tightness > 1).sum(axis=-1)
        self.share = 1 - _ratio(self.misses, self.trials)
        self.needed = np.vectorize(statistics.needed_quantile, signature="(r),()->()")(
            tightness, 1 - delta)
        bounds = np.vectorize(statistics.clopper_pearson)(self.misses, self.trials)
        self.low, self.high = np.asarray(bounds)  # of the probability of a miss

    def broken(self):
        """Cells that miss more often than delta beyond chance."""
        return self.low > self.delta

    def kept(self):
        """Cells that miss less often than delta beyond chance."""
        return self.high < self.delta


def _ratio(a, b):
    return np.divide(a, b, out=np.full(np.shape(a), np.nan), where=b > 0)


def draw(sweep):
    """The two longest axes make the map, each other setting a column; below, misses over delta."""
    if len(sweep.axes) < 2:
        return None
    rows, axis = _map_axes(sweep)
    delta = sweep.key_over("delta", rows, axis)
    cover = {claim: sweep.arranged(f"{claim}_tightness", rows, axis) for claim in CLAIMS
             if f"{claim}_tightness" in sweep.data}
    cover = {claim: Coverage(t, np.broadcast_to(DEFAULT_DELTA, t.shape[:-1]) if delta is None
                             else delta) for claim, t in cover.items()}
    if not any(c.trials.any() for c in cover.values()):
        return None
    settings = [panels.setting(keys) for keys in sweep.others(rows, axis)]
    broken = any(c.broken().any() for c in cover.values())
    title = f"The mean of a sample misses T5 {'more' if broken else 'no more'} often than allowed"
    return style.Plot("coverage", title, _caption(cover, len(settings)),
                      _figure(sweep, rows, axis, cover, settings))


def _map_axes(sweep):
    """The two longest axes as (rows, columns); delta is best read from left to right."""
    first, second = sorted(sweep.axes, key=lambda name: -len(sweep.axes[name]))[:2]
    return (second, first) if first == sweep.axis_of("delta") else (first, second)


def _figure(sweep, rows, axis, cover, settings):
    shown = style.spread(np.arange(len(settings)), panels.MOST_COLUMNS)
    figure, grid = panels.grid_of_panels(len(cover) + 1, len(shown), 2.2 * (len(cover) + 1))
    for line, (claim, c) in zip(grid, cover.items()):
        for axes, i in zip(line, shown):
            image = _panel(axes, c, i, sweep.axes[rows], sweep.axes[axis])
        line[0].set_ylabel(f"{CLAIMS[claim]}\n{panels.label(rows, lines=2)}")
    for axes, top, i in zip(grid[-1], grid[0], shown):
        top.set_title(settings[i])
        _draw_misses(axes, cover, i)
    grid[-1][0].set_ylabel("misses / $\\delta$,\nworst row above")
    figure.supxlabel(panels.label(axis), fontsize=9)
    figure.colorbar(image, ax=grid[:-1], aspect=30, pad=0.02, extend=_extend(cover),
                    label="part of the bound that is needed:\n"
                    r"$1-\delta$ quantile of measured / bound")
    handles, _ = grid[-1][0].get_legend_handles_labels()
    style.figure_legend(figure, [Patch(alpha=0, label="numbers: coverage in %"), *handles])
    return figure


def _extend(cover):
    """Whether the colour of a bound that is too small is explained."""
    over = any((c.needed > LIMITS[1]).any() for c in cover.values())
    return "max" if over else "neither"


def _panel(axes, cover, i, rows, cols):
    colours = style.SEQUENTIAL.copy()
    colours.set_over(style.VERMILLION)
    image = panels.draw_map(axes, cover.needed[i], rows, cols, colours, LIMITS)
    texts = np.vectorize(lambda share: "" if np.isnan(share) else f"{100 * share:.1f}")
    panels.write_in_cells(axes, texts(cover.share[i]), cover.needed[i], LIMITS)
    return image


def _draw_misses(axes, cover, i):
    """For each column of the map the row that misses most, with its exact interval."""
    for place, (claim, c) in enumerate(cover.items()):
        share = _ratio(c.misses[i], c.trials[i]) / c.delta[i]
        cols = np.flatnonzero(np.isfinite(share).any(axis=0))
        worst = np.nanargmax(share[:, cols], axis=0) if cols.size else cols
        middle = share[worst, cols]
        around = [middle - (c.low[i] / c.delta[i])[worst, cols],
                  (c.high[i] / c.delta[i])[worst, cols] - middle]
        colour, marker = style.SERIES[place]
        axes.errorbar(cols + 0.16 * (2 * place - 1), middle, around, fmt=marker, color=colour,
                      capsize=2, label=f"{claim}, exact interval")
    axes.axhline(1, color=style.BLACK, linestyle="--", linewidth=0.9,
                 label=r"allowed: misses = $\delta$")
    axes.set_ylim(bottom=-0.03)


def _caption(cover, count):
    parts = [f"{claim}: coverage {100 * np.nanmin(c.share):.1f} to "
             f"{100 * np.nanmax(c.share):.1f} %, above 1 − δ beyond chance in {c.kept().sum()} of "
             f"{(c.trials > 0).sum()} cells, below it beyond chance in {c.broken().sum()}; "
             f"{np.nanmin(c.needed):.2f} to {np.nanmax(c.needed):.2f} of the bound needed"
             for claim, c in cover.items() if c.trials.any()]
    replicates = max(c.trials.max() for c in cover.values())
    return (f"Numbers in the cells: share of {replicates} replicates within the bound, in %. "
            "Colour: what the bound could be multiplied by and still cover 1 − δ of them. "
            "Bottom: replicates outside the bound, as a part of the δ allowed, in the row that "
            "has most; bars: Clopper–Pearson intervals at 95 %, each on its own."
            + panels.shown_of(count) + "\n" + "\n".join(parts))
