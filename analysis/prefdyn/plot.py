"""`python3 -m prefdyn.plot FILE.h5 --x KEY --y COLUMN`: any column of a run, a suite or a merged sweep."""

import argparse
import csv
import re
import sys
from dataclasses import dataclass
from math import lgamma

from prefdyn import needed

needed.or_exit("prefdyn.plot", "numpy", "h5py", "xarray", "matplotlib") if __name__ == "__main__" else None

import numpy as np  # noqa: E402

from prefdyn import style  # noqa: E402
from prefdyn.dataset import open as open_file  # noqa: E402
from prefdyn.program import Error, InputError  # noqa: E402

REPEATED = ("replicate", "run", "point")  # what values may be averaged over
STATISTICS = ("mean", "median")


@dataclass(frozen=True)
class Row:
    """One point of one curve, over n values."""

    series: object
    x: float
    y: float
    low: float
    high: float
    n: int


def draw(data, x, y, at=(), series=None, statistic="mean", log="", width=3.25, height=None):
    """A style.Plot of column y against key x; data is a Dataset of prefdyn.open or a path.

    at is {key: value}; series a key that makes a curve each; log holds x, y or both; width in inches. The title and
    the caption say what was averaged over how many values, and which seed they come from.
    """
    data = open_file(data) if isinstance(data, (str, bytes)) or hasattr(data, "__fspath__") else data
    at = dict(at)
    rows = table(data, x, y, at, series, statistic)
    style.apply()
    curves = _curves(rows)
    labels = [_series_label(curve[0].series) if series else None for curve in curves]
    columns = _columns(labels, width) if series else 1
    lines = -(-len(labels) // columns) if series else 1
    figure = style.new_figure(height or 0.75 * width + 0.15 * (lines - 1), width)
    axes = figure.subplots()
    for row_of, label, (colour, marker) in zip(curves, labels, _looks()):
        _draw_curve(axes, row_of, colour, marker, label)
    axes.set_xlabel(_label(data, x))
    axes.set_ylabel(_label(data, y))
    for which in log:
        style.log_axis(axes, which)
    if series is not None:
        axes.legend(title=series.replace("_", " "), fontsize=7.5, title_fontsize=7.5, loc="lower center", ncol=columns,
                    bbox_to_anchor=(0.5, 1), borderaxespad=0.2, columnspacing=1.2, handletextpad=0.4)
    title = f"{y} against {x}" + (f", {', '.join(f'{k} = {v}' for k, v in at.items())}" if at else "")
    return style.Plot(f"{y}_against_{x}", title, caption(data, rows, at, statistic), figure)


def table(data, x, y, at=(), series=None, statistic="mean"):
    """The numbers of the figure: a Row a point."""
    if statistic not in STATISTICS:
        raise InputError(f"statistic {statistic!r}", f"known: {', '.join(STATISTICS)}")
    for name in (x, y, *([series] if series else []), *dict(at)):
        _require(data, name)
    values, along = data[y], data[x]
    if values.dtype.kind not in "iuf":
        raise InputError(f"{y} holds text", "y is a column of numbers")
    if along.dtype.kind not in "iuf":
        raise InputError(f"{x} holds text", f"x is a key of numbers; --series {x} makes a curve of each")
    chosen = [_fits(data[key], wanted) for key, wanted in dict(at).items()]
    named = data[series] if series else along
    _require_all_told(values, [along, named], chosen)
    values, along, named, place, *chosen = _flat(values, along, named, _places(along), *chosen)
    known = np.isfinite(values.astype(float)) & np.isfinite(along.astype(float))
    for there in chosen:
        known &= there
    if not known.any():
        raise InputError(f"{y} has no finite value there")
    groups = {}
    for i in np.flatnonzero(known):
        groups.setdefault((named[i] if series else None, place[i]), []).append(i)
    rows = [Row(name, float(np.mean(along[found])), *_summary(values[found].astype(float), statistic), len(found))
            for (name, _), found in groups.items()]
    return sorted(rows, key=lambda row: (row.series if series else 0, row.x))


def _places(along):
    """What is one point of a curve: an x of its own, save for curves at times of their own, where it is the place."""
    if along.ndim < 2 or along.name == "step":
        return along
    return along.copy(data=np.broadcast_to(np.arange(along.shape[-1], dtype=float), along.shape))


def _flat(*arrays):
    """All over the axes of all."""
    import xarray
    return [np.asarray(each.values).ravel() for each in xarray.broadcast(*arrays)]


def _require(data, name):
    if name not in data.variables:
        import difflib
        near = difflib.get_close_matches(name, [str(v) for v in data.variables], 3)
        raise InputError(f"{data.attrs.get('source_file', 'the file')} has no column {name}",
                         f"did you mean {', '.join(near)}?" if near else
                         f"its columns: {', '.join(sorted(map(str, data.variables)))}")


def _fits(values, wanted):
    """Where a key has the value asked for."""
    found = np.asarray(values.values)
    if found.dtype.kind in "iuf":
        try:
            number = float(wanted)
        except (TypeError, ValueError) as error:
            raise InputError(f"{values.name} = {wanted}: not a number") from error
        fits = np.isclose(found.astype(float), number, rtol=1e-9, atol=0)
    else:
        fits = found.astype(str) == str(wanted)
    if not fits.any():
        raise InputError(f"no {values.name} = {wanted}", f"there are {_some(values)}")
    return values.copy(data=fits)


def _some(values):
    known = [each for each in np.unique(np.asarray(values.values).ravel()) if each == each]
    shown = known if len(known) <= 12 else [*known[:6], "...", *known[-3:]]
    return ", ".join(f"{each:g}" if isinstance(each, (int, float, np.number)) else str(each) for each in shown)


def _require_all_told(values, keys, chosen):
    """An axis that is neither shown nor repeated must have one value, else unlike things are averaged."""
    told = {dim for key in keys for dim in key.dims} | {each.dims[-1] for each in chosen}
    for dim in values.dims:
        if dim not in told and dim not in REPEATED and values.sizes[dim] > 1:
            way = "--at step=20 or --x step" if dim == "record" else f"--at {dim}=VALUE or --series {dim}"
            raise InputError(f"{values.name} has {values.sizes[dim]} values along {dim}", f"choose: {way}")


def _summary(values, statistic):
    """(centre, low, high): the mean with its 95 % interval by Student's t, or the median with the quartiles."""
    if statistic == "median":
        return tuple(np.quantile(values, (0.5, 0.25, 0.75)))
    centre, n = values.mean(), len(values)
    if n < 2:
        return centre, np.nan, np.nan
    half = _student_quantile(n - 1) * values.std(ddof=1) / np.sqrt(n)
    return centre, centre - half, centre + half


def _student_quantile(freedom, level=0.975):
    """t with P(T <= t) = level, by bisection on the integral of the density."""
    u, weight = np.polynomial.legendre.leggauss(200)
    scale = np.exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2)) / np.sqrt(freedom * np.pi)

    def below(t):
        x = 0.5 * t * (u + 1)
        return 0.5 + scale * 0.5 * t * np.sum(weight * (1 + x * x / freedom) ** (-(freedom + 1) / 2))

    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < level else (low, middle)
    return high


def caption(data, rows, at, statistic):
    """What the points are, over how many values, from which file and seed."""
    counts = sorted({row.n for row in rows})
    n = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    what = ("single values" if counts == [1] else f"mean over n = {n}, bars: 95 % interval of the mean (Student's t)"
            if statistic == "mean" else f"median over n = {n}, bars: quartiles")
    parts = [what[0].upper() + what[1:]]
    if at:
        parts.append(", ".join(f"{key} = {value}" for key, value in at.items()))
    seed = seed_of(data.attrs)
    if seed:
        parts.append(f"seed {seed}")
    source, commit = data.attrs.get("source_file", ""), data.attrs.get("commit", "")
    parts += list(filter(None, (source.rsplit("/", 1)[-1], commit and f"commit {commit[:12]}")))
    note = data.attrs.get("learning_rates")
    return ". ".join(parts) + "." + (f" Note: {note}." if note else "")


def seed_of(attributes):
    """The seed that a run's options or a sweep's spec name."""
    text = f"{attributes.get('spec', '')}\n{attributes.get('options', '')}"
    found = re.search(r"^seed = (\d+)", text, re.MULTILINE)
    return found[1] if found else ""


def _curves(rows):
    names = list(dict.fromkeys(row.series for row in rows))
    return [[row for row in rows if row.series == name] for name in names]


def _looks():
    for line in range(100):
        yield style.SERIES[line % len(style.SERIES)]


def _draw_curve(axes, rows, colour, marker, label):
    xs, ys = [row.x for row in rows], np.array([row.y for row in rows])
    low, high = (np.array([getattr(row, end) for row in rows]) for end in ("low", "high"))
    if len(rows) > 40:
        axes.plot(xs, ys, color=colour, label=label)
        axes.fill_between(xs, low, high, color=colour, alpha=0.2, linewidth=0)
        return
    bars = np.nan_to_num(np.vstack([ys - low, high - ys]))
    axes.errorbar(xs, ys, yerr=bars if bars.any() else None, color=colour, marker=marker, markersize=4, capsize=2,
                  linewidth=1.2, label=label)


def _series_label(value):
    if isinstance(value, (int, float, np.number)):
        return f"{value:g}"
    return style.shortened(re.sub(r" @ ([0-9a-f]{4})[0-9a-f-]{32}$", r" @ \1", str(value)), 30)


def _columns(labels, width):
    """Of a legend over a figure so many inches wide: a letter of 7.5 points takes 0.06 inches, a mark 0.5."""
    longest = max(map(len, labels))
    return min(max(int((width - 0.2) / (0.06 * longest + 0.5)), 1), 4)


def _label(data, name):
    unit = data[name].attrs.get("units", "")
    unit = "" if unit == name else unit
    return name.replace("_", " ") + (f" ({unit})" if unit else "")


def write_csv(rows, path, x, y, series):
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow([*([series] if series else []), x, y, "low", "high", "n"])
        for row in rows:
            out.writerow([*([row.series] if series else []), *(repr(float(v)) for v in (row.x, row.y, row.low, row.high)), row.n])


def _pair(text):
    key, equals, value = text.partition("=")
    if not equals or not key or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key.replace("-", "_"), value


def _inches(text):
    found = re.fullmatch(r"([0-9.]+) *(in|cm|mm|pt)?", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no length such as 3.25in or 8.5cm")
    return float(found[1]) / {"in": 1, None: 1, "cm": 2.54, "mm": 25.4, "pt": 72}[found[2]]


def _key(text):
    return text.replace("-", "_")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="prefdyn.plot", description=__doc__)
    parser.add_argument("file", help="what simulate, verify, scaled, finetune or merge wrote")
    parser.add_argument("--x", required=True, type=_key, help="key or column along the axis: distinguishability, step, time ...")
    parser.add_argument("--y", required=True, type=_key, help="column: loss, head_change, T2b_tightness ...")
    parser.add_argument("--at", action="append", type=_pair, default=[], metavar="KEY=VALUE",
                        help="only there: --at step=20 --at samples=100; may be given several times")
    parser.add_argument("--series", type=_key, help="a curve for each value of this key")
    parser.add_argument("--statistic", choices=STATISTICS, default="mean",
                        help="over replicates: mean with 95 %% interval, or median with quartiles")
    parser.add_argument("--log", choices=("x", "y", "xy"), default="", help="logarithmic axes")
    parser.add_argument("--width", type=_inches, default=3.25, help="3.25in is a column of most journals")
    parser.add_argument("--height", type=_inches, help="three quarters of the width by default")
    parser.add_argument("--csv", help="the numbers of the figure as a table")
    parser.add_argument("-o", "--out", default="plot.pdf", help="PDF, SVG or PNG by the ending")
    o = parser.parse_args(arguments)
    kind = o.out.rsplit(".", 1)[-1].lower()
    try:
        if kind not in style.FORMATS:
            raise InputError(f"{o.out}: ends in none of .pdf, .svg, .png")
        data = open_file(o.file)
        if isinstance(data, dict):
            raise InputError(f"{o.file}: holds features, nothing to plot")
        plot = draw(data, o.x, o.y, dict(o.at), o.series, o.statistic, o.log, o.width, o.height)
        plot.save(o.out)
        if o.csv:
            write_csv(table(data, o.x, o.y, dict(o.at), o.series, o.statistic), o.csv, o.x, o.y, o.series)
    except (Error, OSError) as error:
        print(f"prefdyn.plot: {error}", file=sys.stderr)
        return 2
    print(plot.caption)
    return 0


if __name__ == "__main__":
    sys.exit(main())
