"""Rate against distinguishability (T1): exponents with their intervals, and the noise floor."""

from dataclasses import dataclass

import numpy as np
from matplotlib.lines import Line2D

from prefdyn import style
from prefdyn import sweep_panels as panels
from prefdyn import sweep_statistics as statistics

AXES = "an axis distinguishability with two values above 0"
KEYS = ("distinguishability",)
COLUMNS = ("initial_rate_measured", "initial_rate_predicted", "zbar_norm", "noise_floor",
           "distinguishability_sample")
ANY = OPTIONAL = ()
ABOVE_FLOOR = 3.0  # from there on the floor adds at most 5 % to the sample's D


@dataclass(frozen=True)
class Series:
    """One value of the other axes, over the D > 0 that have a rate, at least two.

    wanted is D as asked for; rate and sample are root mean squares over replicates of R(0) and of
    the sample's D, resampled (RESAMPLES, D, 2) is both of them bootstrapped; E R(0)^2 by T1 is
    slope^2 (D^2 + floor^2). Every D has at least `replicates` of them. Exponents are (value, low,
    high).
    """

    keys: dict
    wanted: np.ndarray
    rate: np.ndarray
    sample: np.ndarray
    resampled: np.ndarray
    slope: float
    floor: np.ndarray
    replicates: int

    @property
    def predicted(self):
        return self.slope * np.sqrt(self.wanted ** 2 + self.floor ** 2)

    @property
    def fitted(self):
        return self.wanted >= ABOVE_FLOOR * self.floor

    def exponent(self):
        """Of R(0) against D, above the floor."""
        where = self.fitted
        return self._exponent(where, self.wanted[where], self.wanted[where])

    def expected_exponent(self):
        """The same fit to what T1 and the noise floor say."""
        return statistics.exponent(self.wanted[self.fitted], self.predicted[self.fitted])

    def exponent_of_sample(self):
        """Of R(0) against the sample's D, wherever D > 0."""
        return self._exponent(self.wanted > 0, self.sample, self.resampled[..., 1])

    def _exponent(self, where, x, x_resampled):
        value = statistics.exponent(x, self.rate[where])
        if self.replicates < 2:
            return value, np.nan, np.nan
        drawn = statistics.exponent(x_resampled, self.resampled[:, where, 0])
        return (value, *statistics.interval(drawn))


def all_series(sweep):
    """A Series for each value of the other axes that has two D > 0 or more."""
    axis = sweep.axis_of("distinguishability")
    wanted = sweep.key_over("distinguishability", axis)
    column = {name: sweep.arranged(name, axis) for name in COLUMNS}
    if sweep.spec.get("moments") == "sample":
        column["noise_floor"] = 0 * column["noise_floor"]  # D is exact in the sample
    out = []
    for i, keys in enumerate(sweep.others(axis)):
        known = np.isfinite(column["initial_rate_measured"][i]).any(axis=1) & (wanted[i] > 0)
        if known.sum() > 1:
            out.append(_series(keys, wanted[i][known],
                               {name: values[i][known] for name, values in column.items()}))
    return out


def _series(keys, wanted, column):
    """column[name] is (D, replicates)."""
    pair = column["initial_rate_measured"], column["distinguishability_sample"]
    square = np.stack(pair, axis=2) ** 2
    rate, sample = np.sqrt(statistics.over_replicates(np.nanmean, square, axis=1)).T
    slope = column["initial_rate_predicted"] / column["zbar_norm"] / 2  # balanced: zbar is D / 2
    floor = np.sqrt(statistics.over_replicates(np.nanmean, column["noise_floor"] ** 2))
    replicates = np.isfinite(square).all(axis=2).sum(axis=1).min()
    return Series(keys, wanted, rate, sample, np.sqrt(statistics.bootstrap(square)),
                  float(np.nanmedian(slope)), floor, int(replicates))


def draw(sweep):
    """Every other axis becomes a series; left against D, right against the sample's."""
    series = all_series(sweep)
    if not series:
        return None
    shown = style.spread(np.arange(len(series)), len(style.SERIES))
    figure = style.new_figure(3.9 + 0.17 * len(shown))
    left, right = figure.subplots(1, 2, sharey=True)
    for look, i in zip(style.SERIES, shown):
        _draw_series(left, right, series[i], *look)
    left.set_xlabel(panels.label("distinguishability"))
    right.set_xlabel(r"sample distinguishability $\hat D$  (feature units)")
    left.set_ylabel(r"initial rate $R(0)$  (1 / time)")
    for axes in (left, right):
        style.log_axis(axes, "x")
        style.log_axis(axes, "y")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), handletextpad=0.2,
                    title="fitted exponent [95 % interval]", title_fontsize=8.5)
    style.figure_legend(figure, _handles())
    return style.Plot("rate", "Initial rate against distinguishability (T1)",
                      _caption(series), figure)


def _draw_series(left, right, s, colour, marker):
    expected = "" if np.isnan(s.expected_exponent()) else f"; T1: {s.expected_exponent():.3f}"
    for axes, x, text in ((left, s.wanted, _range(s.exponent()) + expected),
                          (right, s.sample, _range(s.exponent_of_sample()))):
        axes.plot(x, s.slope * x, color=style.BLACK, linewidth=1, zorder=1)
        for mask, fill in ((~s.fitted, "white"), (s.fitted, colour)):
            axes.plot(x[mask], s.rate[mask], marker, color=colour, markerfacecolor=fill,
                      markeredgewidth=0.9, markersize=4)
        axes.plot([], [], marker, color=colour, label=_after(panels.setting(s.keys), text))
    left.plot(s.wanted, s.predicted, "--", color=colour, linewidth=0.9, zorder=1)
    if s.replicates > 1:
        left.vlines(s.wanted, *statistics.interval(s.resampled[..., 0]), color=colour, linewidth=1)


def _after(name, text):
    return f"{name}: {text}" if name else text


def _range(exponent):
    value, low, high = (f"{x:.3f}" for x in exponent)
    return "too few values to fit" if value == "nan" else value if low == "nan" else f"{value} [{low}, {high}]"


def _handles():
    return [Line2D([], [], color=style.BLACK, linewidth=1,
                   label=r"T1, balanced classes: $\beta D / (2\sqrt{2})$"),
            Line2D([], [], color=style.GREY, linestyle="--", linewidth=0.9,
                   label="T1 and the noise floor"),
            Line2D([], [], color=style.GREY, marker="o", linestyle="", markerfacecolor="white",
                   label=f"open: $D$ below {ABOVE_FLOOR:g} floors")]


def _caption(series):
    fits = [_after(panels.setting_in_text(s.keys), _fits(s)) for s in series]
    return ("Root mean squares over replicates, at least "
            f"{min(s.replicates for s in series)} a point; vertical lines (often within the "
            "markers): 95 % bootstrap intervals. Left: against the D asked for. "
            "Sampling noise gives every sample some D, the floor, so the exponent is fitted where "
            f"D is at least {ABOVE_FLOOR:g} floors; T1: the exponent that T1 and the floor say for "
            "the same values. Right: against the D of the sample, fitted to "
            f"all points.{panels.shown_of(len(series), len(style.SERIES))} Exponents with 95 % "
            "bootstrap intervals:\n" + "\n".join(fits))


def _fits(s):
    return (f"{_range(s.exponent())} against D over {s.fitted.sum()} values (T1 and the floor: "
            f"{s.expected_exponent():.3f}), {_range(s.exponent_of_sample())} against the sample's "
            f"D over {s.wanted.size}")
