"""Result files as xarray Datasets: names of axes, coordinates, units and long names as the file says them."""

from pathlib import Path

import h5py
import numpy as np

from prefdyn.needed import require
from prefdyn.program import InputError

_open = open


def open(path):  # noqa: A001  the name that a user looks for
    """Everything in a file that prefdyn wrote, in memory: a Dataset, or of a file of features one a behaviour.

    Text is str. Coordinates are the axes, what a file says of the points of its curves (`time`, `step`), what
    names runs, and in a merged sweep every key that lies along an axis.
    """
    require("xarray")
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        with h5py.File(path, "r") as file:
            groups = [name for name in file if isinstance(file[name], h5py.Group)]
            if groups:
                return {name: _dataset(file[name], path) for name in groups}
            return _dataset(file, path)
    except (OSError, RuntimeError) as error:
        raise InputError(f"{path}: not a readable HDF5 file: {error}") from error


def _dataset(group, path):
    import xarray
    names = [name for name in group if isinstance(group[name], h5py.Dataset)]
    variables = {name: _variable(group[name]) for name in names}
    attributes = {key: _plain(value) for key, value in group.attrs.items()}
    out = xarray.Dataset(variables, attrs={**attributes, "source_file": str(path)})
    return out.set_coords([name for name in _coordinates(group, names) if name in out.variables])


def _variable(dataset):
    values = dataset[()]
    if h5py.check_string_dtype(dataset.dtype) is not None:
        values = np.asarray(dataset.asstr()[()], dtype=str if dataset.size else "<U1")
    attributes = {}
    if "units" in dataset.attrs:
        attributes["units"] = _plain(dataset.attrs["units"])
    if "description" in dataset.attrs:
        attributes["long_name"] = _plain(dataset.attrs["description"])
    return _axes(dataset), values, attributes


def _axes(dataset):
    """Names of the dimensions; an axis without a scale gets a name of its own."""
    own = dataset.name.rsplit("/", 1)[-1]
    if h5py.h5ds.is_scale(dataset.id):
        return (own,)
    return tuple(dim[0].name.rsplit("/", 1)[-1] if len(dim) else f"{own}_axis_{k}"
                 for k, dim in enumerate(dataset.dims))


def _coordinates(group, names):
    out = {"time", "step"} & set(names)
    for name in names:
        out.update(_plain(group[name].attrs.get("coordinates", "")).split())
    if _plain(group.attrs.get("title", "")) == "prefdyn sweep":
        axes = set(_axes(group["point_status"])) if "point_status" in group else set()
        out |= {name for name in names if group[name].ndim == 1 and _axes(group[name])[0] in axes}
    return out | {name for name in ("run_name", "run_suite", "run_id") if name in names and group[name].ndim == 1}


def _plain(value):
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return value.item() if isinstance(value, np.generic) else value
