"""Phase diagram of priority (T8): which of two behaviours leads, and where a lead is lost."""

import matplotlib
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.lines import Line2D

from prefdyn import style
from prefdyn import sweep_panels as panels
from prefdyn import sweep_statistics as statistics

AXES = "axes angle and norm_ratio"
KEYS = ("angle", "norm_ratio")
COLUMNS = ("margin_1", "margin_2", "level_1", "level_2", "crossing", "lead_time")
ANY = OPTIONAL = ()
LIMITS = (0.0, 1.0)
DIVERGING = ListedColormap(matplotlib.colormaps["PuOr_r"](np.linspace(0.15, 0.85, 256)))


class Phases:
    """Who leads in the cells (others, norm ratios, angles) of a sweep."""

    def __init__(self, sweep):
        axes = sweep.axis_of("norm_ratio"), sweep.axis_of("angle")
        lead = _last(sweep.arranged("margin_1", *axes) - sweep.arranged("margin_2", *axes))
        self.known = np.isfinite(lead)
        self.first = np.where(self.known, lead > 0, np.nan)  # 1: behaviour 1 ahead at the end
        level = [sweep.arranged(f"level_{k}", *axes) for k in (1, 2)]
        self.gap = np.where(self.known, level[0] - level[1], np.nan)
        crossing, until = (sweep.arranged(name, *axes) for name in ("crossing", "lead_time"))
        self.lost = np.where(self.known, np.isfinite(crossing), np.nan)
        self.crossing_over_proved = crossing / np.abs(until)

    def agreement(self):
        """(points where the higher level leads at the end, points)."""
        agree = (self.first == 1) == (self.gap > 0)
        return int(agree[self.known].sum()), int(self.known.sum())


def _last(curve):
    """The last number along the last axis; records beyond a run's own are NaN."""
    known = np.isfinite(curve)
    last = curve.shape[-1] - 1 - known[..., ::-1].argmax(axis=-1)
    return np.take_along_axis(curve, last[..., None], axis=-1)[..., 0]


def draw(sweep):
    """Shares of replicates: above, behaviour 1 leads at the end; below, a lead is lost."""
    ratios, angles = sweep.axis_of("norm_ratio"), sweep.axis_of("angle")
    phases = Phases(sweep)
    if ratios == angles or not phases.known.any():
        return None
    settings = [panels.setting(keys) for keys in sweep.others(ratios, angles)]
    return style.Plot("priority", "Which of two behaviours leads (T8)",
                      _caption(phases, len(settings)),
                      _figure(sweep, ratios, angles, phases, settings))


def _figure(sweep, ratios, angles, phases, settings):
    shown = style.spread(np.arange(len(settings)), panels.MOST_COLUMNS)
    figure, grid = panels.grid_of_panels(2, len(shown), 5.2)
    looks = ((phases.first, DIVERGING, "behaviour 1 leads at the end\n"),
             (phases.lost, style.SEQUENTIAL, "the lead is lost\n"))
    for line, (values, colours, name) in zip(grid, looks):
        share = statistics.over_replicates(np.nanmean, values)
        for axes, i in zip(line, shown):
            image = panels.draw_map(axes, share[i], sweep.axes[ratios], sweep.axes[angles],
                                    colours, LIMITS)
            gap = statistics.over_replicates(np.nanmean, phases.gap[i])
            panels.contour(axes, gap, 0)
        figure.colorbar(image, ax=line, aspect=20, pad=0.02, label=name + "(share of replicates)")
    for axes, i in zip(grid[0], shown):
        axes.set_title(settings[i])
    figure.supxlabel(panels.label("angle"), fontsize=9)
    figure.supylabel(panels.label("norm_ratio"), fontsize=9)
    style.figure_legend(figure, [
        Line2D([], [], color=style.BLACK, linewidth=panels.CONTOUR_WIDTH,
               label="predicted boundary: $P_1 = P_2$, mean over replicates")])
    return figure


def _caption(phases, count):
    agree, points = phases.agreement()
    low, high = statistics.clopper_pearson(agree, points)
    return ("Two behaviours trained together. Above: share of replicates in which the mean reward "
            "margin of behaviour 1 is ahead at the last record. Below: share in which the "
            "behaviour of higher priority level P is caught up at some record; T8b: not before "
            f"t*. Grey: no finished replicate.{panels.shown_of(count)}\nThe behaviour of higher P "
            f"leads at the end in {agree} of {points} points, {100 * agree / points:.2f} % "
            f"[{100 * low:.2f}, {100 * high:.2f}]." + _lost(phases))


def _lost(phases):
    count = int(np.nansum(phases.lost))
    if count == 0:
        return " No lead is lost."
    where = phases.lost == 1
    gap = np.abs(phases.gap)
    return (f" {count} leads are lost: |P_1 − P_2| has median {np.median(gap[where]):.2f} there "
            f"and {np.nanmedian(gap):.2f} feature units over all points; the earliest is lost at "
            f"{np.nanmin(phases.crossing_over_proved):.1f} t*.")
