"""`python3 -m prefdyn.verdict_table FILE.h5 [--format latex | csv] [-o OUT]`: the verdicts of a file as a table."""

import argparse
import csv
import io
import math
import sys

from prefdyn import needed, publish

if __name__ == "__main__":
    needed.or_exit("prefdyn.verdict_table", "numpy", "h5py")

from prefdyn import results  # noqa: E402

COLUMNS = (("claim", "claim"), ("title", "claim_title"), ("verdict", "claim_status"), ("holds", "claim_holds"),
           ("violated", "claim_violated"), ("undecided", "claim_undecided"), ("vacuous", "claim_vacuous"),
           ("not applicable", "claim_not_applicable"), ("fitted", "claim_fitted"),
           ("tightness min", "claim_tightness_min"), ("tightness median", "claim_tightness_median"),
           ("tightness max", "claim_tightness_max"), ("controls", "claim_controls"), ("caught", "claim_caught"))
_SHORT = ("claim", "title", "verdict", "holds", "violated", "undecided", "vacuous", "not applicable", "tightness median",
          "caught", "controls")
_ESCAPED = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
            "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def rows_of(data):
    """A dict a claim, in the order of the file."""
    return [{name: data[column][c] for name, column in COLUMNS} for c in range(data.size("claim"))]


def as_csv(data):
    """Every number in full."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([name for name, _ in COLUMNS])
    for row in rows_of(data):
        writer.writerow([_exact(value) for value in row.values()])
    return out.getvalue()


def as_latex(data):
    """A tabular for the package booktabs, with a caption that says runs, seed and commit."""
    head = ["Claim", "", "Verdict", "holds", "viol.", "und.", "vac.", "n/a", "tightness", "controls"]
    lines = [r"% \usepackage{booktabs}", r"\begin{tabular}{lllrrrrrrr}", r"\toprule", " & ".join(head) + r" \\", r"\midrule"]
    for row in rows_of(data):
        cells = [_shown(row[name]) for name in _SHORT[:-2]] + [f"{row['caught']}/{row['controls']}"]
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", "% " + caption(data)]) + "\n"


def caption(data):
    """Where the numbers come from."""
    facts = {key: data.attributes.get(key) for key in ("title", "commit", "written")}
    options = dict(line.split(" = ", 1) for line in data.attributes.get("options", "").splitlines() if " = " in line)
    seed = options.get("seed", "").split("  #")[0]
    return (f"{facts['title']}: {data.size('run')} runs, seed {seed or 'unknown'}, commit {facts['commit']}, "
            f"{facts['written']}. Tightness: median over runs, 1 is tight. Controls: planted faults caught.")


def _exact(value):
    if isinstance(value, float) or hasattr(value, "dtype") and value.dtype.kind == "f":
        return "" if math.isnan(value) else repr(float(value))
    return str(value)


def _shown(value):
    if isinstance(value, float) or hasattr(value, "dtype") and value.dtype.kind == "f":
        return "--" if math.isnan(value) else f"{value:.3g}"
    return "".join(_ESCAPED.get(each, each) for each in str(value).replace("_", " "))


FORMATS = {"latex": as_latex, "csv": as_csv}


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="prefdyn.verdict_table", description=__doc__)
    parser.add_argument("file", help="what verify, simulate or scaled wrote")
    parser.add_argument("--format", choices=FORMATS, help="by the ending of --out (.tex, .csv), else latex")
    parser.add_argument("-o", "--out", help="a file; else the table is printed")
    o = parser.parse_args(arguments)
    try:
        by_ending = "csv" if o.out and o.out.endswith(".csv") else "latex"
        text = FORMATS[o.format or by_ending](results.read(o.file))
        if o.out:
            publish.write_text(o.out, text)
        else:
            print(text, end="")
    except (results.ResultError, OSError) as error:
        print(f"prefdyn.verdict_table: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
