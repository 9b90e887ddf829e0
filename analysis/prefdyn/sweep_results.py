"""Reading of merged sweeps, what `prefdyn merge` writes: docs/sweeps.md describes them."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import h5py
import numpy as np

from prefdyn.results import (ResultError, open_file, plain, read_axis, read_dataset, require_kind,
                              require_shape)

TITLE = "prefdyn sweep"
_FINISHED = 1  # point_status


@dataclass(frozen=True)
class Sweep:
    """A grid in memory, numeric axes ascending; a column is NaN where its point did not finish."""

    path: Path
    spec: dict  # key -> text, with _ for - as in the names of datasets
    axes: dict  # name -> values; the grid's dimensions in order, without `replicate`
    keys: dict  # key -> (axis, values): axes and the keys zipped with them
    data: dict  # column -> (*axes, replicate) or (*axes, replicate, record)

    def axis_of(self, key):
        """The axis along which a key changes, or None."""
        return self.keys[key][0] if key in self.keys else None

    def arranged(self, column, *shown):
        """A column as (others, *shown, replicate[, record]), all other axes made one."""
        return self._arrange(self.data[column], shown)

    def others(self, *shown):
        """What arranged's first dimension stands for, as {key: value} of each of its entries."""
        names = [name for name in self.axes if name not in shown]
        return [dict(zip(names, values)) for values in product(*(self.axes[n] for n in names))]

    def key_over(self, key, *shown):
        """A key's numbers as (others, *shown); None if neither axis nor spec say them."""
        sizes = [len(values) for values in self.axes.values()]
        if key in self.keys:
            axis, values = self.keys[key]
            place = list(self.axes).index(axis)
            values = np.reshape(values, [-1 if i == place else 1 for i in range(len(sizes))])
        else:
            values = _number(self.spec.get(key))
        return None if values is None else self._arrange(np.broadcast_to(values, sizes), shown)

    def _arrange(self, values, shown):
        places = [list(self.axes).index(name) for name in shown]
        others = [i for i in range(len(self.axes)) if i not in places]
        moved = np.moveaxis(values, others + places, range(len(self.axes)))
        return moved.reshape(-1, *moved.shape[len(others):])


def _number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def read(path, columns):
    """Reads and validates one merged grid; of the columns named, those it has."""
    return open_file(path, "what `prefdyn merge` writes",
                     lambda path, file: _read_open_file(path, file, columns))


def _read_open_file(path, file, columns):
    if plain(file.attrs.get("title", "")) != TITLE or "spec" not in file.attrs:
        raise ResultError(f"{path}: not a merged sweep; expected what `prefdyn merge` writes")
    spec = _spec(plain(file.attrs["spec"]))
    dims = _axes_of(path, file, "point_status")
    if dims[:1] == ["point"]:
        raise ResultError(f"{path}: a sweep of design {spec.get('design')} has no axes to draw "
                          "over; these figures read grids")
    if not dims or dims.pop() != "replicate" or "replicate" in dims:
        raise ResultError(f"{path}: point_status lacks its axis replicate, the last one")
    keys = {name: (axis, values) for name, axis, values in _keys(path, file, dims)}
    order = {axis: _ascending(keys[axis][1]) for axis in dims}
    status = _sorted(_column(path, file, "point_status", dims), dims, order)
    data = {}
    for name in columns:
        if name in file:
            values = _sorted(_column(path, file, name, dims), dims, order).astype(float)
            values[status != _FINISHED] = np.nan
            data[name] = values
    keys = {name: (axis, values[order[axis]]) for name, (axis, values) in keys.items()}
    return Sweep(path, spec, {axis: keys[axis][1] for axis in dims}, keys, data)


def _spec(text):
    pairs = (line.split(" = ", 1) for line in text.splitlines() if " = " in line)
    return {key.replace("-", "_"): value for key, value in pairs}


def _axes_of(path, file, name):
    read_dataset(path, file, name)
    names = [[scale.name for scale in dim.values()] for dim in file[name].dims]
    if not all(len(scales) == 1 and scales[0] for scales in names):
        raise ResultError(f"{path}: dataset {name} has a dimension without a name")
    return [scales[0].rpartition("/")[2] for scales in names]


def _keys(path, file, dims):
    """(name, axis, values) of the axes and of every dataset that lies along one of them alone."""
    for axis in dims:
        yield axis, axis, read_axis(path, file, axis)
    for name in sorted(set(file) - set(dims)):
        dataset = file[name]
        if isinstance(dataset, h5py.Dataset) and dataset.ndim == 1 and dataset.dims[0]:
            along = _axes_of(path, file, name)[0]
            if along in dims:
                values = read_axis(path, file, name)
                require_shape(path, name, values.shape, file[along].shape)
                yield name, along, values


def _ascending(values):
    numbers = values.dtype.kind in "iuf"
    return np.argsort(values, kind="stable") if numbers else np.arange(len(values))


def _column(path, file, name, dims):
    """Checks that a column lies on the grid, its replicates and perhaps its records."""
    values = read_dataset(path, file, name)
    require_kind(path, name, values, is_text=False)
    axes = [*dims, "replicate"] + ["record"] * (values.ndim == len(dims) + 2)
    require_shape(path, name, values.shape,
                  tuple(len(read_axis(path, file, axis)) for axis in axes))
    return values


def _sorted(values, dims, order):
    for place, axis in enumerate(dims):
        values = np.take(values, order[axis], axis=place)
    return values
