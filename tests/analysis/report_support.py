"""Result files that the built program writes, their reports, and how tests look at them."""

import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
from report_checkpoint import write_model, write_tokens

from prefdyn import report

BEHAVIOURS = {"tightness", "behaviours", "behaviour_rates", "loss_at_fixed_steps", "loss_curves"}
PAIRS = {"priority_pairs", "priority_pair_order"}
SCALED = {"projections", "last_layer_curves", "flipped_labels", "twin_tightness"}
FIGURES = {
    "verify": {"tightness", "coverage", "initial_rate", "head_change", "priority_margins",
               "misalignment_curves", "misalignment_causes", "misalignment_models", "rlhf_optima",
               "rlhf_convergence", "rlhf_broken", "loss_verdicts", "displacement",
               "probability_masses", "squeezing_panels", "influence_remainder",
               "influence_bounds"},
    "features": BEHAVIOURS | PAIRS | {"misalignment_curves", "misalignment_causes",
                                      "misalignment_models"},
    "scaled": BEHAVIOURS | PAIRS | SCALED | {"rank_correlations", "last_layer_pairs"},
    "run": {"tightness", "run"},
}
scratch = None
FILES, REPORTS = {}, {}


def set_up():
    """A quick suite, small behaviours with some claims only, a small language model, one run."""
    folder = set_up_folder()
    FILES.update({name: folder / f"{name}.h5" for name in FIGURES})
    write_features(folder / "behaviours.h5")
    prefdyn("verify", "--quick", "--replicates", "1000", "--out", FILES["verify"])
    prefdyn("verify", "--embeddings", folder / "behaviours.h5", "--claims", "T1,T2b,T3c,T5,T8b,T9",
            "--replicates", "1000", "--out", FILES["features"])
    prefdyn("simulate", "--distinguishability", "2", "--dimension", "8", "--samples", "100",
            "--held-out", "50", "--out", FILES["run"])
    scaled(FILES["scaled"], SIZES)
    for name, path in FILES.items():
        REPORTS[name] = folder / f"report-{name}"
        done = run_report(path, "-o", REPORTS[name])
        assert done.returncode == 0, done.stderr


def set_up_folder():
    global scratch
    scratch = tempfile.TemporaryDirectory()
    return Path(scratch.name)


def tear_down():
    scratch.cleanup()


def new_folder():
    return Path(tempfile.mkdtemp(dir=scratch.name))


def write_features(path):
    """Four behaviours whose classes lie further and further apart."""
    random = np.random.default_rng(5)
    with h5py.File(path, "w") as file:
        for k in range(4):
            label = np.repeat([1, -1], 20)
            features = random.normal(size=(40, 6))
            features[:, 0] += 0.5 * k * label
            group = file.create_group(f"desire-to-be-more-intelligent-{k}")
            group["features"], group["label"] = features, label


SIZES = (30, 40, 50, 36)  # rows of the behaviours


def scaled(path, sizes, *more):
    """`prefdyn scaled` on a small random model."""
    folder = new_folder()
    write_model(folder / "model")
    write_tokens(folder / "tokens.h5", sizes)
    prefdyn("scaled", "--model", folder / "model", "--tokens", folder / "tokens.h5", "--out", path,
            "--split", "stratified", "--claims", "T1,T2b,T3b,T5p,T6b,T8b", "--threads", "1", *more)


def prefdyn(*arguments, code=0):
    done = subprocess.run([os.environ["PREFDYN"], *map(str, arguments)], capture_output=True,
                          text=True)
    assert done.returncode == code, done.stdout + done.stderr


def run_report(*arguments, **environment):
    """As a user calls it."""
    return subprocess.run([sys.executable, "-m", "prefdyn.report", *map(str, arguments)],
                          capture_output=True, text=True, env={**os.environ, **environment})


def edited(name, edit):
    """A copy of a result file after edit(open file)."""
    path = new_folder() / "edited.h5"
    shutil.copy(FILES[name], path)
    with h5py.File(path, "r+") as file:
        edit(file)
    return path


def replace(file, name, values, **options):
    del file[name]
    file.create_dataset(name, data=values, **options)


def claim_column(file, claim):
    return list(file["claim"].asstr()[:]).index(claim)


def page_of(path):
    """report.html of one file."""
    out = new_folder()
    assert report.main([str(path), "-o", str(out)]) == 0
    return (out / "report.html").read_text(encoding="utf-8"), out


def rows_of(page, title):
    """Cells of the table under a heading."""
    part = page.split(f"<h2>{title}</h2>")[1].split("</table>")[0]
    return [[html.unescape(re.sub("</?a[^>]*>|<span.*?</span>", "", cell)) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
            for row in part.split("<tr>")[2:]]


def picture(folder, name):
    return (folder / f"{name}.png").read_bytes()
