"""`python3 -m prefdyn.sweep_report FILE.h5 -o FOLDER`: the figures a merged sweep has the data of."""

import argparse
import sys

import matplotlib

matplotlib.use("Agg")

from prefdyn import (publish, results, style, sweep_coverage, sweep_priority,  # noqa: E402
                      sweep_rate, sweep_results, sweep_tightness)

FAMILIES = {"rate": sweep_rate, "tightness": sweep_tightness, "coverage": sweep_coverage,
            "priority": sweep_priority}
COLUMNS = sorted({name for family in FAMILIES.values()
                  for name in (*family.COLUMNS, *family.ANY, *family.OPTIONAL)})


def draw_all(sweep):
    """The style.Plot of every family that the sweep has the axes and datasets of."""
    style.apply()
    plots = [family.draw(sweep) for family in FAMILIES.values() if _has(sweep, family)]
    plots = [plot for plot in plots if plot is not None]
    if not plots:
        raise results.ResultError(f"{sweep.path}: nothing to draw over the axes "
                                  f"{', '.join(sweep.axes) or 'replicate'}; a figure needs\n"
                                  + "\n".join(map(_needs, FAMILIES)))
    return plots


def _has(sweep, family):
    return (all(map(sweep.axis_of, family.KEYS))
            and all(name in sweep.data for name in family.COLUMNS)
            and (not family.ANY or any(name in sweep.data for name in family.ANY)))


def _needs(name):
    family = FAMILIES[name]
    datasets = ", ".join(family.COLUMNS) or "any of " + ", ".join(family.ANY)
    return f"  {name}: {family.AXES}; {datasets}"


def write(path, out):
    """Reads and draws everything first, then moves it into `out`. Returns the text written."""
    plots = draw_all(sweep_results.read(path, COLUMNS))
    text = "\n\n".join(f"{plot.name}: {plot.title}.\n{plot.caption}" for plot in plots) + "\n"
    with publish.scratch_for(out) as scratch:
        for plot in plots:
            style.save(plot.figure, scratch, plot.name)
        (scratch / "sweep.txt").write_text(text, encoding="utf-8")
    return text


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="prefdyn.sweep_report", description=__doc__)
    parser.add_argument("file", help="a merged sweep: prefdyn merge OUT -o FILE.h5")
    parser.add_argument("-o", "--out", default="results",
                        help="folder of the figures and of sweep.txt, their captions")
    options = parser.parse_args(arguments)
    try:
        print(write(options.file, options.out), end="")
    except (results.ResultError, OSError) as error:
        print(f"prefdyn sweep figures: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
