"""`python3 -m prefdyn.report FILE.h5 ... -o FOLDER`: a self-contained report.html and figures."""

import argparse
import base64
import html
import sys
from itertools import repeat
from pathlib import Path

from prefdyn import needed

if __name__ == "__main__":
    needed.or_exit("prefdyn report", "numpy", "h5py", "matplotlib")

import matplotlib  # noqa: E402

matplotlib.use("Agg")

from prefdyn import (figures, finetune_panels, finetune_results, page, publish, results,  # noqa: E402
                     style, tables, verdict)

def read(path):
    return finetune_results.read(path) if finetune_results.is_one(path) else results.read(
        path, figures.GROUPS)


def section(data, folder, prefix):
    """HTML of one result file; its figures are written to `folder`."""
    if isinstance(data, finetune_results.Runs):
        return _runs_section(data, folder, prefix)
    line = verdict.headline(data)
    title = html.escape(f"{data.attributes.get('title', 'prefdyn')}: {data.path.name}")
    parts = [f"<h1>{title}</h1>", _from(data), f"<p class={line.mood}>{html.escape(line.text)}</p>",
             tables.violations(data), "<h2>Verdicts</h2>", tables.verdicts(data),
             tables.tightness_by_time(data)]
    parts += [_figure(plot, folder, prefix) for plot in figures.draw_all(data)]
    parts += [tables.not_applicable(data), tables.controls(data), tables.cases(data)]
    parts.append(_provenance(data))
    return "\n".join(part for part in parts if part)


def _runs_section(data, folder, prefix):
    stopped = [why for why in data["run_stopped"] if why]
    line = (f"{len(stopped)} of {len(data['run'])} runs stopped: {stopped[0]}" if stopped else
            f"{verdict.count(len(data['run']), 'run')}, every one completed")
    title = html.escape(f"{data.attributes['title']}: {data.path.name}")
    judged = "claim" in data
    violated = verdict.violated_claims(data) if judged else []
    if violated:
        line += f"; VIOLATED: {', '.join(violated)}"
    mood = "bad" if violated else "open" if stopped else "good"
    parts = [f"<h1>{title}</h1>", _from(data), f"<p class={mood}>{html.escape(line)}</p>"]
    if judged:
        parts += [tables.part_violations(data), "<h2>Verdicts</h2>", tables.verdicts(data)]
    parts.append(tables.training_runs(data))
    parts += [_figure(plot, folder, prefix) for plot in finetune_panels.draw_all(data)]
    return "\n".join([*parts, _provenance(data)])


def _from(data):
    """Which program made it, and when."""
    facts = data.attributes
    commit = f"commit {facts.get('commit', 'unknown')[:12]}" + (" with changes" if facts.get("commit_dirty") == "true" else "")
    return f"<p class=from>{html.escape(', '.join((commit, facts.get('written', 'undated'))))}</p>"


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


def write(paths, out, force=False):
    """Reads every file first, draws into a folder inside `out`, then moves everything up. A page that is not an older
    report on the same files stays where it is unless forced."""
    inputs = [read(path) for path in paths]
    files = [data.path.name for data in inputs]
    older = Path(out) / "report.html"
    if older.exists() and not force and (problem := page.own(older, files)):
        raise results.ResultError(f"{older}: {problem}; choose another folder with -o, or replace it with --force")
    prefixes = _prefixes([data.path.stem for data in inputs])
    with publish.scratch_for(out, last="report.html") as scratch:
        sections = [section(*each) for each in zip(inputs, repeat(scratch), prefixes)]
        (scratch / "report.html").write_text(page.whole(sections, files, out), encoding="utf-8")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="prefdyn.report", description=__doc__)
    parser.add_argument("files", nargs="+", help="result files of prefdyn verify, simulate, scaled, finetune, misalign")
    parser.add_argument("-o", "--out", default="results", help="folder of report.html and the figures")
    parser.add_argument("--force", action="store_true", help="replace a page that is not an older report on the same files")
    options = parser.parse_args(arguments)
    try:
        write(options.files, options.out, options.force)
    except (results.ResultError, OSError) as error:
        print(f"prefdyn report: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
