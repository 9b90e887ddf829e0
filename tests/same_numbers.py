"""Keeps the numbers of one build and holds those of another against them.

    python3 tests/same_numbers.py make PREFDYN FOLDER [--only NAME ...]
    python3 tests/same_numbers.py compare OLD NEW [--rounding NAME=TOLERANCE ...] [--except NAME:PATTERN ...]

`make` runs verify --quick, the sweeps of experiments/specs (about 200 points of each), simulate with every engine and
loss, and where the data are there ($PREFDYN_DATA, else ../shared/data) embed, scaled, finetune and misalign.
`compare` wants every dataset of every file equal byte for byte, and attributes but for time and place. --rounding
allows a relative difference in the files whose name begins with NAME; --except leaves datasets out. Exit code: 0 the
same, 1 different, 2 bad input.
"""

import argparse
import fnmatch
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import h5py
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("PREFDYN_DATA", ROOT / ".." / "shared" / "data"))
POINTS = 200  # of each sweep
PERSONAS = ("openness", "psychopathy", "risk-averse")
# What differs between two runs of one build, and what may between two builds of the same numbers.
VOLATILE = {"wall_seconds", "written", "host", "commit", "commit_dirty", "arithmetic", "threads", "flags", "compiler", "device",
            "command", "options", "build_type", "version", "arithmetic", "DIMENSION_LIST", "REFERENCE_LIST"}


class BadInput(Exception):
    pass


def run(program, *words, cwd=None):
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True, cwd=cwd)
    if done.returncode not in (0, 1):
        raise BadInput(f"{' '.join(map(str, words))}: exit code {done.returncode}\n{done.stderr}")
    return done


def names_of(program, option):
    """What `simulate --OPTION` takes, from the program's own help."""
    text = run(program, "docs", "options").stdout
    row = re.search(rf"^\| `--{option}` \| (.*?) \| ", text[text.index("## prefdyn simulate"):], re.M)
    return row[1].split(" \\| ")


def simulations(program, out):
    for engine in names_of(program, "engine"):
        for loss in names_of(program, "loss"):
            given = ["--loss", loss]
            if engine == "dense":
                given += ["--vocabulary", "7", "--reference-scale", "0.5"]
            done = subprocess.run(
                [program, "simulate", "--engine", engine, "--samples", "60", "--dimension", "12", "--steps", "40",
                 "--records", "9", "--eta", "0.2", "--held-out", "20", *given, "--out", out / f"{engine}-{loss}.h5"],
                capture_output=True, text=True)
            if done.returncode not in (0, 1, 2):
                raise BadInput(f"{engine} {loss}: {done.stderr}")
            if done.returncode == 2:  # a pair that is refused is a number too
                (out / f"{engine}-{loss}.txt").write_text(done.stderr)
    for method in ("sgd", "adam", "flow"):
        run(program, "simulate", "--method", method, "--samples", "80", "--dimension", "9", "--steps", "30",
            *(["--batch", "16", "--eta", "0.1"] if method != "flow" else []), "--out", out / f"{method}.h5")


def sweeps(program, out):
    for spec in sorted((ROOT / "experiments" / "specs").glob("*.ini")):
        said = run(program, "sweep", spec, "--dry-run", "--out", out / "none").stdout
        every = max(1, int(re.search(r": (\d+) points", said)[1]) // POINTS)
        with tempfile.TemporaryDirectory() as folder:
            run(program, "sweep", spec, "--out", pathlib.Path(folder) / "s", "--shard", f"1/{every}")
            run(program, "merge", pathlib.Path(folder) / "s", "-o", out / f"{spec.stem}.h5")


def on_a_model(program, out):
    model = DATA / "checkpoints" / "stories260K"
    if not model.exists():
        return print(f"SKIPPED: {model} is absent (set PREFDYN_DATA)")
    data = [DATA / "persona" / f"{name}.jsonl" for name in PERSONAS]
    common = ["--model", model, "--data", *data, "--bos"]
    run(program, "embed", *common, "--out", out / "embed.h5")
    run(program, "scaled", *common, "--steps", "60", "--out", out / "scaled.h5")
    for name, more in {"full": ["--lr", "1e-3"], "lora": ["--method", "lora", "--lr", "1e-2"]}.items():
        with tempfile.TemporaryDirectory() as folder:
            run(program, "finetune", "--model", model, "--data", data[0], "--bos", "--one-token", "--steps", "3",
                "--batch", "32", "--records", "3", *more, "--out", f"{folder}/f")
            os.rename(f"{folder}/f/run.h5", out / f"finetune-{name}.h5")


PARTS = {
    "verify": lambda program, out: run(program, "verify", "--quick", "--out", out / "verify.h5"),
    "simulate": simulations,
    "sweep": sweeps,
    "model": on_a_model,
}


def make(program, folder, only):
    for name, part in PARTS.items():
        if only and name not in only:
            continue
        out = pathlib.Path(folder) / name
        out.mkdir(parents=True, exist_ok=False)
        part(str(pathlib.Path(program).resolve()), out)
        print(f"{name}: {len(list(out.iterdir()))} files")


def objects_of(path):
    """Datasets and attributes of a file as name -> array, without what is volatile."""
    out = {}
    with h5py.File(path) as f:
        def take(name, item):
            for key, value in item.attrs.items():
                if key not in VOLATILE:
                    out[f"{name}@{key}"] = np.asarray(value)
            if isinstance(item, h5py.Dataset):
                out[name] = item[()]
        take("", f)
        f.visititems(take)
    return out


def difference(old, new):
    """Largest relative difference; infinite if shape, kind or the places of NaN differ."""
    a, b = np.asarray(old), np.asarray(new)
    if a.shape != b.shape or a.dtype.kind != b.dtype.kind or a.dtype.kind != "f":
        return np.inf
    nan = np.isnan(a)
    if (nan != np.isnan(b)).any():
        return np.inf
    a, b = a[~nan].astype(float), b[~nan].astype(float)
    scale = np.abs(a).max() if a.size else 0.0
    return 0.0 if (a == b).all() else float(np.abs(a - b).max() / scale) if scale > 0 else np.inf


def compare(old_folder, new_folder, rounding, excepted):
    old, new = pathlib.Path(old_folder), pathlib.Path(new_folder)
    files = sorted(p.relative_to(old) for p in old.rglob("*") if p.is_file())
    if not files:
        raise BadInput(f"{old}: no files")
    different = compared = 0
    for file in files:
        name = str(file)
        if not (new / file).exists():
            print(f"{name}: missing")
            different += 1
            continue
        if file.suffix != ".h5":
            compared += 1
            if (old / file).read_bytes() != (new / file).read_bytes():
                print(f"{name}: another text")
                different += 1
            continue
        before, after = objects_of(old / file), objects_of(new / file)
        tolerance = max((t for n, t in rounding if name.startswith(n)), default=0.0)
        for key in sorted(before.keys() | after.keys()):
            if any(name.startswith(n) and fnmatch.fnmatch(key, p) for n, p in excepted):
                continue
            compared += 1
            if key not in before or key not in after:
                print(f"{name}: {key} is {'new' if key in after else 'gone'}")
                different += 1
            elif (np.asarray(before[key]).dtype != np.asarray(after[key]).dtype
                  or np.asarray(before[key]).tobytes() != np.asarray(after[key]).tobytes()
                  and list(map(str, np.ravel(before[key]))) != list(map(str, np.ravel(after[key])))):
                gap = difference(before[key], after[key])
                if not gap <= tolerance:
                    print(f"{name}: {key} differs, {gap:.3g} of its largest value")
                    different += 1
    print(f"{compared} datasets, attributes and texts of {len(files)} files compared, {different} different")
    return 1 if different else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    maker = commands.add_parser("make")
    maker.add_argument("program")
    maker.add_argument("folder")
    maker.add_argument("--only", nargs="*", default=[])
    comparer = commands.add_parser("compare")
    comparer.add_argument("old")
    comparer.add_argument("new")
    comparer.add_argument("--rounding", nargs="*", default=[])
    comparer.add_argument("--except", dest="excepted", nargs="*", default=[])
    given = parser.parse_args()
    try:
        if given.command == "make":
            return make(given.program, given.folder, given.only)
        rounding = [(name, float(value)) for name, _, value in (r.partition("=") for r in given.rounding)]
        excepted = [(name, pattern) for name, _, pattern in (e.partition(":") for e in given.excepted)]
        return compare(given.old, given.new, rounding, excepted)
    except BadInput as error:
        print(f"same_numbers: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
