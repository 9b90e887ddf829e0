"""`python3 -m prefdyn.case CASE.ini -o FOLDER`: what `prefdyn falsify` found, in figures.

The case of a claim about runs is run again by the program, and its report drawn. Where the search chose the rows, they
are drawn too: on their two principal axes, by label and behaviour.
"""

import argparse
import sys
from pathlib import Path

from prefdyn import needed

if __name__ == "__main__":
    needed.or_exit("prefdyn.case", "numpy", "h5py", "matplotlib")

import h5py  # noqa: E402
import numpy as np  # noqa: E402

from prefdyn import program, publish, report, results, style  # noqa: E402

_LABELS = ((1, style.BLUE, "first answer chosen"), (-1, style.VERMILLION, "second"))


def rows_of(case):
    """(features, label, behaviour) that the search left beside the case, or None."""
    for line in Path(case).read_text(encoding="utf-8").splitlines():
        key, _, value = line.removeprefix("# ").replace(": ", " = ", 1).partition(" = ")
        if key == "features":
            place = next((p for p in (Path(value), Path(case).parent / Path(value).name) if p.is_file()), None)
            if place is None:
                raise program.InputError(f"{case}: its rows {value} are not there")
            with h5py.File(place) as file:
                label = file["label"][()]
                behaviour = file["behaviour"][()] if "behaviour" in file else np.zeros(len(label), int)
                return file["features"][()], label, behaviour
    return None


def draw_rows(features, label, behaviour):
    """A style.Plot of rows on their two principal axes, their own mean in the middle."""
    style.apply()
    centred = features - features.mean(axis=0)
    _, spread, axes_of = np.linalg.svd(centred, full_matrices=False)
    places = np.pad(centred @ axes_of[:2].T, ((0, 0), (0, max(0, 2 - len(axes_of)))))
    share = spread ** 2 / max((spread ** 2).sum(), np.finfo(float).tiny)
    figure = style.new_figure(3.6, 4.6)
    axes = figure.subplots()
    for kind in np.unique(behaviour):
        marker = style.SERIES[int(kind) % len(style.SERIES)][1]
        for sign, colour, name in _LABELS:
            mask = (behaviour == kind) & (label == sign)
            words = name if len(np.unique(behaviour)) == 1 else f"behaviour {int(kind) + 1}, {name}"
            axes.plot(places[mask, 0], places[mask, 1], marker, color=colour, markersize=4, alpha=0.7, label=words)
    for which, k in (("x", 0), ("y", 1)):
        part = share[k] if k < len(share) else 0
        axes.set(**{f"{which}label": f"principal axis {k + 1}  ({100 * part:.0f} % of the variance)"})
    axes.legend(fontsize=7.5)
    caption = (f"The {len(label)} rows of {features.shape[1]} features that the search found, on their own first two "
               f"principal axes; {int((label == 1).sum())} have label +1.")
    return style.Plot("case_features", "The dataset that comes nearest to breaking the claim", caption, figure)


def write(case, out):
    """Draws what there is; returns the names of what was written."""
    text = Path(case).read_text(encoding="utf-8")
    rows = rows_of(case)
    study = "\nreplay = " in f"\n{text}"
    if study and rows is None:
        raise program.InputError(f"{case}: a case of a study without rows of its own", "prefdyn falsify --config says what "
                                 "it is")
    Path(out).mkdir(parents=True, exist_ok=True)
    names = []
    if not study:
        result = Path(out) / "case.h5"
        program.run("simulate", ["--config", case, "--out", result, "--force"], progress=False)
        report.write([result], out)
        names += ["case.h5", "report.html"]
    if rows is not None:
        with publish.scratch_for(out) as scratch:
            plot = draw_rows(*rows)
            style.save(plot.figure, scratch, plot.name)
        names += [f"{plot.name}.{kind}" for kind in style.FORMATS]
        print(plot.caption)
    return names


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="prefdyn.case", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", help="what falsify wrote: results/falsify_CLAIM.ini")
    parser.add_argument("-o", "--out", default="case", help="folder of the figures")
    options = parser.parse_args(arguments)
    try:
        names = write(options.case, options.out)
    except (program.Error, results.ResultError, OSError, KeyError, UnicodeDecodeError) as error:
        print(f"prefdyn.case: {error}", file=sys.stderr)
        return 2
    print(f"wrote {', '.join(names)} in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
