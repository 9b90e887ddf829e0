"""Every figure and every table, held against the columns of the file it was drawn from.

The columns are read with h5py and the expectations computed with plain loops, never with the modules
that draw. Before that every real column is scaled by factors of its own: columns that agree in a
file (a measured rate and the predicted one) would hide that one is drawn in place of the other.
"""

import os
import sys
import unittest
import zlib
from pathlib import Path

import h5py
import numpy as np
import shown_answers  # noqa: F401
import shown_runs  # noqa: F401
import shown_sequels  # noqa: F401
import shown_studies  # noqa: F401
import shown_tables
import shown_training  # noqa: F401
from panel_checks import check_panels, colour_bars, shown
from report_checkpoint import write_byte_model, write_pairs
from report_support import (FILES, SIZES, claim_column, edited, page_of, prefdyn, replace,
                            scaled, set_up_folder, tear_down, write_features)
from shown_columns import SHOWN, columns

from prefdyn import (claim_figures, figures, finetune_panels, finetune_results, results,
                      scaled_figures, sweep_report, sweep_results, tables)

KEPT = {"p_plus", "step", "priority_flow", "priority_behaviours", "scaled_label", "label"}
BEHAVIOURS = {"behaviours", "behaviour_rates", "loss_at_fixed_steps", "loss_curves"}
SCALED = {"projections", "last_layer_curves", "flipped_labels", "twin_tightness"}
TRAINED = ("agreeableness", "desire-for-power", "neuroticism", "openness")
TRAINING = "--one-token --beta 0.3 --lr 3e-3 --batch 8 --threads 1 --steps 12 --records 5".split()
SWEEPS = {
    "heads": """distinguishability = 4, 0.5, 1, 8
        dimension = 16, 4
        delta = 0.05, 0.4
        samples = 60
        eta-kappa = 0.5
        steps = 3
        records = 2
        replicates = 12
        claims = T1, T2b, T3b, T4, T5g, T5m""",
    "pairs": """experiment = priority
        angle = 60, 0, 120
        norm-ratio = 0.25, 1, 4
        longest = 4
        samples = 60
        dimension = 4
        steps = 40
        records = 5
        replicates = 4""",
}


def write_files(folder):
    """Small files of every kind."""
    write_features(folder / "behaviours.hdf5")
    prefdyn("verify", "--quick", "--replicates", "1000", "--out", folder / "verify.h5")
    prefdyn("verify", "--embeddings", folder / "behaviours.hdf5", "--claims", "T1,T2b,T3c,T5,T8b,T9",
            "--replicates", "1000", "--out", folder / "features.h5")
    prefdyn("simulate", "--distinguishability", "2", "--dimension", "8", "--samples", "100",
            "--held-out", "50", "--out", folder / "run.h5")
    scaled(folder / "scaled.h5", SIZES)
    write_trained(folder)
    for name, text in SWEEPS.items():
        spec = folder / f"{name}.ini"
        spec.write_text("".join(f"{each.strip()}\n" for each in text.splitlines()))
        prefdyn("sweep", spec, "--out", folder / name)
        prefdyn("merge", folder / name, "-o", folder / f"{name}.h5")


def write_trained(folder):
    model = folder / "model"
    write_byte_model(model)
    data = [folder / f"{name}.jsonl" for name in TRAINED]
    for k, path in enumerate(data):
        write_pairs(path, 0.1 + k / 4, SIZES[k])
    for name, more in (("apart", ("--arrange", "apart")),
                       ("together", ("--arrange", "pairs", "--pairs", 3, "--method", "lora",
                                     "--rank", 2)),
                       ("flip", ("--arrange", "apart", "--flip", "--held-out", 0))):
        prefdyn("finetune", "--model", model, "--data", *data, *TRAINING, "--out",
                folder / f"run-{name}", *more)
        (folder / f"run-{name}" / "run.h5").rename(folder / f"{name}.h5")
    prefdyn("misalign", "--base", model, "--aligned", folder / "run-apart" / TRAINED[3], "--data",
            data[3], *TRAINING, "--seeds", 2, "--out", folder / "misalign.h5")


def setUpModule():
    """PREFDYN_FILES names a folder of files that write_files has left there, if any."""
    folder = set_up_folder()
    there = os.environ.get("PREFDYN_FILES")
    if not there:
        write_files(folder)
    for path in sorted(Path(there or folder).glob("*.h5")):
        FILES[path.stem] = folder / f"{path.stem}-told-apart.h5"
        FILES[path.stem].write_bytes(path.read_bytes())
        tell_apart(FILES[path.stem])


tearDownModule = tear_down


def tell_apart(path):
    """Scales every real number of every column by a factor of its own; intervals keep their order."""
    with h5py.File(path, "r+") as file:
        for name, data in file.items():
            axis = data.attrs.get("CLASS") == b"DIMENSION_SCALE"
            if axis or data.dtype.kind != "f" or name in KEPT or name.startswith("config_"):
                continue
            random = np.random.default_rng(zlib.crc32(name.encode()))
            with np.errstate(invalid="ignore"):
                data[...] = data[...] * random.uniform(0.8, 1.2, size=data.shape)
        for name in list(file):
            ends = [f"{name}_low", name, f"{name}_high"]
            if all(end in file for end in ends):
                values = np.sort([file[end][...] for end in ends], axis=0)
                for end, value in zip(ends, values):
                    file[end][...] = np.where(np.isnan(values).any(axis=0), file[end][...], value)


def spoiled(file):
    """Violations, missed controls and bounds beyond the axis, none of which the program writes."""
    for claim, row, step in (("T2b", 0, 17), ("T4a", 3, 2), ("T1", 1, 5)):
        column = claim_column(file, claim)
        file["verdict_status"][row, column] = 1
        file["verdict_witness_step"][row, column] = step
        file["verdict_reason"][row, column] = f"{claim} exceeded"
    for name, claim, value in (("max", "T2b", np.inf), ("max", "T3b", 40.0), ("min", "T1", 1e-7),
                               ("median", "T4a", 3e-6), ("min", "T4a", 0.0)):
        file[f"claim_tightness_{name}"][claim_column(file, claim)] = value
    for row in (0, 4):
        file["case_status"][row], file["case_reason"][row] = "violated", f"too many in {row}"
    file["control_caught"][1] = 0
    file["claim_caught"][2] -= 1


def without_runs(file):
    """As where every claim is one that a study judges: axes of runs and records of length 0."""
    axes = {name: [next(iter(dim.keys()), name) for dim in data.dims] for name, data in file.items()}
    for name, own in axes.items():
        if {"run", "record"} & set(own):
            shape = [0 if axis in ("run", "record") else size
                     for axis, size in zip(own, file[name].shape)]
            replace(file, name, None, shape=shape, dtype=file[name].dtype)


class FigureTest(unittest.TestCase):
    """What the expectations of shown_*.py list."""

    def check(self, kind, drawn, path=None, without=()):
        f = columns(path or FILES[kind])
        # `tightness` and `coverage` are also figures of sweeps
        drawn = {f"sweep_{p.name}" if ("heads", f"sweep_{p.name}") in SHOWN and kind in SWEEPS
                 else p.name: p for p in drawn}
        self.assertEqual(set(drawn), {name for of, name in SHOWN if of == kind}
                         - set(without))
        for name, plot in drawn.items():
            with self.subTest(f"{kind}: {name}"):
                expected = SHOWN[kind, name](f)
                more = expected.pop() if isinstance(expected[-1], dict) else {}
                check_panels(self, plot, expected)
                for words in more.get("caption", ()):
                    self.assertIn(words, plot.caption)
                for have, words in zip(colour_bars(plot.figure), more.get("bar", ()), strict=True):
                    self.assertIn(words, have)
                images = [image for axes in shown(plot.figure) for image in axes.images]
                for have, limits in zip(images, more.get("limits", ())):
                    np.testing.assert_allclose(have.get_clim(), limits)

    def check_results(self, kind):
        self.check(kind, figures.draw_all(results.read(FILES[kind], figures.GROUPS)))

    def test_verify(self):
        self.check_results("verify")

    def test_features(self):
        self.check_results("features")

    def test_run(self):
        self.check_results("run")

    def test_scaled(self):
        self.check_results("scaled")

    def test_a_twin_that_lacks_a_claim(self):
        def drop(file):
            file["verdict_status"][file["run_suite"][:] == b"Gaussian twin", 1] = 2
        path = edited("scaled", drop)
        data = results.read(path, figures.GROUPS)
        self.check("scaled", [scaled_figures.twin_tightness(data)], path,
                   {name for _, name in SHOWN} - {"twin_tightness"})

    def test_what_is_wrong(self):
        path = edited("verify", spoiled)
        data = results.read(path, figures.GROUPS)
        without = {name for _, name in SHOWN} - {"tightness", "coverage"}
        self.check("verify", [draw(data) for draw in claim_figures.FIGURES], path, without)

    def test_no_run(self):
        for kind, of_runs in (("run", {"run"}), ("features", BEHAVIOURS),
                              ("scaled", BEHAVIOURS | SCALED)):
            path = edited(kind, without_runs)
            self.check(kind, figures.draw_all(results.read(path, figures.GROUPS)), path, of_runs)

    def test_page_of_no_run(self):
        page, _ = page_of(edited("features", without_runs))
        self.assertIn("on 0 runs", page)

    def test_sweeps(self):
        for kind in SWEEPS:
            self.check(kind, sweep_report.draw_all(sweep_results.read(FILES[kind], sweep_report.COLUMNS)))

    def test_training_runs(self):
        for kind in ("apart", "together", "flip", "misalign"):
            self.check(kind, finetune_panels.draw_all(finetune_results.read(FILES[kind])))


class TableTest(unittest.TestCase):
    """What shown_tables.py says, cell by cell."""

    def check(self, name, data, path):
        with self.subTest(f"{path.name}: {name}"):
            head, rows = getattr(shown_tables, name)(columns(path))
            have = shown_tables.cells(getattr(tables, name)(data))
            self.assertEqual(have, (head, rows) if rows else ([], []))
            return len(rows)

    def test_results(self):
        for path in (FILES["verify"], FILES["features"], edited("verify", without_runs),
                     edited("verify", spoiled)):
            data = results.read(path)
            count = {name: self.check(name, data, path) for name in
                     ("verdicts", "violations", "not_applicable", "controls", "cases", "tightness_by_time")}
        self.assertEqual(count["violations"], 5)

    def test_training_runs(self):
        for kind in ("apart", "together", "misalign"):
            self.check("training_runs", finetune_results.read(FILES[kind]), FILES[kind])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        set_up_folder()
        write_files(Path(sys.argv[2]))
        tear_down()
    else:
        unittest.main()
