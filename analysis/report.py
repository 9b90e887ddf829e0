"""`python3 -m analysis.report FILE.h5 ... -o FOLDER`: a self-contained report.html and figures."""

import argparse
import base64
import html
import sys
from itertools import repeat

import matplotlib

matplotlib.use("Agg")

from analysis import (figures, finetune_panels, finetune_results, publish, results,  # noqa: E402
                      style, tables, verdict)

CSS = """body{font:15px/1.5 sans-serif;max-width:62em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:1em 0;font-size:13px}th{background:#f3f3f3}
td,th{border-bottom:1px solid #ccc;padding:.25em .6em;text-align:left;vertical-align:top}
figure{margin:1.5em 0}img{max-width:100%}figcaption{font-size:13px;max-width:60em}
p.good,p.open{padding:.5em 1em;border-left:6px solid #009e73}p.open{border-color:#e69f00}
.bad{background:#b34700;color:#fff;font-weight:bold;padding:.5em 1em}
td math{display:block math;width:fit-content;margin:.2em 0}
pre{font-size:12px;white-space:pre-wrap}"""


def read(path):
    return finetune_results.read(path) if finetune_results.is_one(path) else results.read(
        path, figures.GROUPS)


def section(data, folder, prefix):
    """HTML of one result file; its figures are written to `folder`."""
    if isinstance(data, finetune_results.Runs):
        return _runs_section(data, folder, prefix)
    line = verdict.headline(data)
    title = html.escape(f"{data.attributes.get('title', 'prefdyn')}: {data.path.name}")
    parts = [f"<h1>{title}</h1>", f"<p class={line.mood}>{html.escape(line.text)}</p>",
             tables.violations(data), "<h2>Verdicts</h2>", tables.verdicts(data),
             tables.tightness_by_time(data)]
    parts += [_figure(plot, folder, prefix) for plot in figures.draw_all(data)]
    parts += [tables.not_applicable(data), tables.controls(data), tables.cases(data)]
    parts.append(_provenance(data))
    return "\n".join(part for part in parts if part)


def _runs_section(data, folder, prefix):
    stopped = [why for why in data["run_stopped"] if why]
    line = (f"{len(stopped)} of {len(data['run'])} runs stopped: {stopped[0]}" if stopped else
            f"{len(data['run'])} runs, every one completed")
    title = html.escape(f"{data.attributes['title']}: {data.path.name}")
    parts = [f"<h1>{title}</h1>", f"<p class={'open' if stopped else 'good'}>{html.escape(line)}</p>",
             tables.training_runs(data)]
    parts += [_figure(plot, folder, prefix) for plot in finetune_panels.draw_all(data)]
    return "\n".join([*parts, _provenance(data)])


def _provenance(data):
    facts = "\n".join(f"{key}: {value}" for key, value in sorted(data.attributes.items()))
    return ("<details><summary>Provenance and options</summary>"
            f"<pre>{html.escape(facts)}</pre></details>")


def _figure(plot, folder, prefix):
    png = style.save(plot.figure, folder, prefix + plot.name)["png"]
    image = base64.b64encode(png.read_bytes()).decode()
    return (f"<figure><img alt='{html.escape(plot.title, quote=True)}' "
            f"src='data:image/png;base64,{image}'><figcaption><b>{html.escape(plot.title)}.</b> "
            f"{html.escape(plot.caption)}</figcaption></figure>")


def _prefixes(stems):
    """What figure names start with: nothing for one file, else the stem, numbered if it recurs."""
    if len(stems) == 1:
        return [""]
    return [f"{stem}-{stems[:i].count(stem) + 1}-" if stems.count(stem) > 1 else f"{stem}-"
            for i, stem in enumerate(stems)]


def write(paths, out):
    """Reads every file first, draws into a folder inside `out`, then moves everything up."""
    inputs = [read(path) for path in paths]
    prefixes = _prefixes([data.path.stem for data in inputs])
    with publish.scratch_for(out, last="report.html") as scratch:
        body = "\n".join(section(*each) for each in zip(inputs, repeat(scratch), prefixes))
        page = ("<!doctype html><html lang=en><meta charset=utf-8><title>prefdyn report</title>"
                f"<style>{CSS}</style><body>{body}</body></html>\n")
        (scratch / "report.html").write_text(page, encoding="utf-8")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="analysis.report", description=__doc__)
    parser.add_argument("files", nargs="+", help="result files of prefdyn verify, simulate, scaled, finetune, misalign")
    parser.add_argument("-o", "--out", default="results",
                        help="folder of report.html and the figures")
    options = parser.parse_args(arguments)
    try:
        write(options.files, options.out)
    except (results.ResultError, OSError) as error:
        print(f"prefdyn report: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
