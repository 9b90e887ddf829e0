"""The program's commands as functions: options are keywords, arrays go over as files, results come back as Datasets."""

import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from prefdyn import program
from prefdyn.dataset import open as open_file


def simulate(features=None, labels=None, progress=True, **options):
    """One head on one dataset, sampled or given, judged by every claim about it.

    features is (n, d) and labels (n) in {-1, +1}, or a path. population is what to sample instead, a path or a dict of
    arrays: weights (C), labels (C), means (C, d), covariances (C, d, d) or (C, d). `out=` keeps the file.
    """
    return _to_file("simulate", options, progress, features, labels, "features")


def verify(features=None, labels=None, claims=None, progress=True, **options):
    """Claims against runs, studies and negative controls; on `features` if given.

    features is (n, d) with labels (n) in {-1, +1}, a dict of behaviours {name: (features, labels)}, or a path. claims
    is a list of ids or "T1,T2"; population as in `simulate`. `out=` keeps the file.
    """
    return _to_file("verify", {"claims": claims, **options}, progress, features, labels, "embeddings")


def scaled(model, data=None, progress=True, **options):
    """The paper's experiments on a language model: `prefdyn scaled`."""
    return _to_file("scaled", {"model": model, "data": data, **options}, progress)


def finetune(model, data=None, out=None, progress=True, **options):
    """Trains a language model into the folder `out`; returns what was recorded (out/run.h5)."""
    if out is None:
        raise program.InputError("finetune: out is missing", "name the folder for results and model")
    printed = program.run("finetune", program.words("finetune", {"model": model, "data": data, "out": out, **options}),
                          progress)
    return _with_words(open_file(Path(out) / "run.h5"), printed)


def sweep(axes, replicates=1, out=None, progress=True, threads=None, **fixed):
    """A grid of points as one Dataset with an axis a key, then `replicate`.

    axes is {key: values}; other keywords hold at every point, population as in `simulate`. With `out=` the folder of the sweep is kept, and the
    same call goes on where it stopped.
    """
    with _folder(out) as folder:
        path = folder.parent / f"{folder.name}.ini" if out else folder / "spec.ini"
        target = folder if out else folder / "points"
        folder.parent.mkdir(parents=True, exist_ok=True)
        fixed["population"] = _population(path.with_suffix(".population"), fixed.get("population"))
        spec = {**{key.replace("_", "-"): _listed(key, values) for key, values in axes.items()},
                **{key.replace("_", "-"): program._text(value) for key, value in fixed.items() if value is not None},
                "replicates": str(replicates)}
        path.write_text("".join(f"{key} = {value}\n" for key, value in spec.items()), encoding="utf-8")
        program.run("sweep", program.words("sweep", {"spec": path, "out": target, "threads": threads}), progress)
        with tempfile.TemporaryDirectory() as scratch:
            merged = Path(scratch) / "sweep.h5"
            printed = program.run("merge", program.words("merge", {"folder": target, "out": merged}), False)
            data = _with_words(open_file(merged), printed)
            del data.attrs["source_file"]  # gone with the scratch folder
            if note := data.attrs.get("learning_rates"):
                warnings.warn(note, stacklevel=2)
            return data


def _to_file(command, options, progress, features=None, labels=None, name=None):
    with tempfile.TemporaryDirectory() as scratch:
        given = _given(Path(scratch), name, features, labels)
        options = {**options, "population": _population(Path(scratch) / "population", options.get("population"))}
        kept = options.pop("out", None)
        out = kept or Path(scratch) / "result.h5"
        printed = program.run(command, program.words(command, {**given, **options, "out": out}), progress)
        data = _with_words(open_file(out), printed)
        if kept is None:
            del data.attrs["source_file"]
        return data


def _with_words(data, printed):
    """What the program printed goes along as the attribute `printed`."""
    data.attrs["printed"] = printed
    return data


def _given(folder, name, features, labels):
    """Features and labels as options that name files."""
    if features is None:
        return {"labels": labels}
    if isinstance(features, (str, Path)):
        return {name: features, "labels": labels}
    if isinstance(features, dict):
        path = folder / "features.h5"
        with h5py.File(path, "w") as file:
            for behaviour, (rows, label) in features.items():
                group = file.create_group(behaviour)
                group["features"], group["label"] = _rows(rows), _labels(label)
        return {name: path}
    if labels is None:
        raise program.InputError("labels are missing", "features (n, d) need labels (n) in {-1, +1}")
    np.save(folder / "features.npy", _rows(features))
    np.save(folder / "labels.npy", _labels(labels))
    return {name: folder / "features.npy", "labels": folder / "labels.npy"}


def _population(folder, value):
    """A path as it is; arrays as a folder of .npy files."""
    if not isinstance(value, dict):
        return value
    names = {"weights", "labels", "means", "covariances"}
    if set(value) != names:
        raise program.InputError(f"population: has {', '.join(sorted(value))}", f"it needs {', '.join(sorted(names))}")
    folder.mkdir(exist_ok=True)
    for name, array in value.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(array, dtype=np.float64))
    return folder


def _rows(features):
    rows = np.ascontiguousarray(features)
    if rows.ndim != 2 or rows.dtype.kind not in "iuf":
        raise program.InputError(f"features: {rows.dtype} of shape {rows.shape}", "numbers of shape (n, d) are needed")
    return rows.astype(np.float64)


def _labels(labels):
    """As 64-bit integers: -1 and +1; True and False are +1 and -1."""
    out = np.asarray(labels)
    if out.dtype == bool:
        out = np.where(out, 1, -1)
    if out.ndim != 1 or not np.isin(out, (-1, 1)).all():
        raise program.InputError("labels: not a vector of -1 and +1")
    return out.astype(np.int64)


def _listed(key, values):
    out = [program._text(value) for value in np.asarray(values).ravel().tolist()]
    if not out:
        raise program.InputError(f"sweep: {key} has no values")
    return ", ".join(out)


@contextmanager
def _folder(out):
    if out is not None:
        yield Path(out)
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield Path(scratch)
