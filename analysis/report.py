"""`python3 -m analysis.report FILE.h5 ... -o FOLDER`: one self-contained report.html and its figures."""

import argparse
import base64
import html
import os
import sys
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from analysis import figures, results, style, verdict  # noqa: E402

CSS = """body{font:15px/1.5 sans-serif;max-width:62em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:1em 0;font-size:13px}td,th{border-bottom:1px solid #ccc;padding:.25em .6em;
text-align:left;vertical-align:top}img{max-width:100%}.good{border-left:6px solid #009e73;padding:.5em 1em}
.bad{background:#d55e00;color:#fff;font-weight:bold;padding:.5em 1em}pre{font-size:12px;white-space:pre-wrap}"""
CLAIM_COLUMNS = ("claim", "claim_statement", "claim_status", "claim_holds", "claim_violated",
                 "claim_not_applicable", "claim_fitted", "claim_tightness_min",
                 "claim_tightness_median", "claim_tightness_max", "claim_caught", "claim_controls")
CONTROL_COLUMNS = ("control_claim", "control_name", "control_fault", "control_status")
COVERAGE_COLUMNS = ("coverage_claim", "coverage_setting", "coverage_delta", "coverage_status",
                    "coverage_cases", "coverage_failures", "coverage_p_value", "coverage_constant")


def cell(value):
    """A table cell: violations carry a warning sign and a colour."""
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    mark = " class=bad" if text == "violated" else ""
    return f"<td{mark}>{html.escape(text)}</td>"


def table(data, columns):
    """One row an entry of the named datasets, columns headed by their names."""
    head = "".join(f"<th>{html.escape(name.split('_', 1)[-1].replace('_', ' '))}</th>" for name in columns)
    rows = zip(*(data[name].tolist() for name in columns))
    return f"<table><tr>{head}</tr>" + "".join(
        f"<tr>{''.join(map(cell, row))}</tr>" for row in rows) + "</table>"


def section(data, folder, prefix):
    """HTML of one result file; its figures are written to `folder`."""
    line = verdict.headline(data)
    parts = [f"<h1>{html.escape(str(data.attributes.get('title', data.stem)))}: {html.escape(data.path.name)}</h1>",
             f"<p class={'good' if line.good else 'bad'}>{html.escape(line.text)}</p>",
             "<h2>Verdicts</h2>", table(data, CLAIM_COLUMNS)]
    for plot in figures.draw_all(data):
        png = style.save(plot.figure, folder, prefix + plot.name)["png"]
        image = base64.b64encode(png.read_bytes()).decode()
        parts.append(f"<figure><img alt='{html.escape(plot.name)}' src='data:image/png;base64,{image}'>"
                     f"<figcaption><b>{html.escape(plot.title)}.</b> {html.escape(plot.caption)}</figcaption></figure>")
    if "control" in data:
        parts += ["<h2>Negative controls: each must come back violated</h2>", table(data, CONTROL_COLUMNS)]
    if "coverage" in data:
        parts += ["<h2>Coverage</h2>", table(data, COVERAGE_COLUMNS)]
    facts = "\n".join(f"{key}: {value}" for key, value in sorted(data.attributes.items()))
    parts.append(f"<details><summary>Provenance and options</summary><pre>{html.escape(facts)}</pre></details>")
    return "\n".join(parts)


def write(paths, out):
    """Reads every file first, draws into a folder beside `out`, then moves everything in."""
    inputs = [results.read(path) for path in paths]
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        body = "\n".join(section(data, Path(scratch), f"{data.stem}-" if len(inputs) > 1 else "")
                         for data in inputs)
        page = (f"<!doctype html><html lang=en><meta charset=utf-8><title>prefdyn report</title>"
                f"<style>{CSS}</style><body>{body}</body></html>")
        (Path(scratch) / "report.html").write_text(page, encoding="utf-8")
        for path in sorted(Path(scratch).iterdir()):
            os.replace(path, out / path.name)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="analysis.report", description=__doc__)
    parser.add_argument("files", nargs="+", help="result files of prefdyn verify or simulate")
    parser.add_argument("-o", "--out", default="results", help="folder of report.html and the figures")
    options = parser.parse_args(arguments)
    try:
        write(options.files, options.out)
    except (results.ResultError, OSError) as error:
        print(f"prefdyn report: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
