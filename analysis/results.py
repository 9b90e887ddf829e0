"""Reading of result files: `prefdyn docs file-format` describes every dataset named here."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

FORMAT_VERSION = 1
STATUSES = ("holds", "violated", "not_applicable", "fitted")  # verdict_status is the index
OPTIONAL_AXES = ("coverage", "control", "fixed_step")

# axes -> datasets the report reads; all of them must be there where their axes are
FIELDS = {
    ("run",): """run_name run_suite stop_reason config_method config_beta config_distinguishability
        run_samples run_dimension p_plus distinguishability_sample distinguishability_debiased
        noise_floor kappa initial_rate_predicted initial_rate_measured""",
    ("run", "record"): """step time loss eval_loss head_change rewards_accuracies rewards_ties
        outputs_accuracies outputs_ties eval_rewards_accuracies eval_rewards_ties
        rewards_margins bound_T2b bound_T3b""",
    ("run", "record", "quantile"): "margin_quantiles",
    ("claim",): """claim_title claim_statement claim_status claim_holds claim_violated
        claim_not_applicable claim_fitted claim_controls claim_caught
        claim_tightness_min claim_tightness_median claim_tightness_max""",
    ("run", "claim"): """verdict_status verdict_reason verdict_witness_step verdict_slack
        verdict_tightness_min verdict_tightness_max""",
    ("coverage",): """coverage_claim coverage_setting coverage_status coverage_reason coverage_cases
        coverage_failures coverage_delta coverage_p_value coverage_constant
        coverage_tightness_max""",
    ("control",): "control_claim control_name control_fault control_status control_caught",
    ("run", "fixed_step"): "loss_at_fixed_step",
    ("fixed_step",): "spearman_loss_distinguishability",
}


class ResultError(Exception):
    """A file that cannot be reported on; says which file and what is wrong with it."""


@dataclass(frozen=True)
class Results:
    """One result file in memory: root attributes and the datasets of FIELDS with their axes."""

    path: Path
    attributes: dict
    data: dict

    def __getitem__(self, name):
        return self.data[name]

    def __contains__(self, name):
        return name in self.data

    @property
    def stem(self):
        return self.path.stem

    def size(self, axis):
        return len(self.data[axis]) if axis in self.data else 0

    def suite(self, name):
        """Mask of the runs of one suite."""
        return self.data["run_suite"] == name

    def claim_index(self, claim):
        """Column of a claim in the (run, claim) datasets, or None."""
        found = np.flatnonzero(self.data["claim"] == claim)
        return int(found[0]) if found.size else None


def read(path):
    """Reads and validates one result file."""
    path = Path(path)
    if not path.is_file():
        raise ResultError(f"{path}: no such file")
    if not h5py.is_hdf5(path):
        raise ResultError(f"{path}: not an HDF5 file; expected what `prefdyn verify --out` writes")
    try:
        with h5py.File(path, "r") as file:
            return _read_open_file(path, file)
    except OSError as error:
        raise ResultError(f"{path}: damaged HDF5 file ({error}); write it again") from error


def _read_open_file(path, file):
    attributes = {name: _plain(value) for name, value in file.attrs.items()}
    version = attributes.get("format_version")
    if version != FORMAT_VERSION:
        found = "none" if version is None else version
        raise ResultError(f"{path}: format_version is {found}, this report reads {FORMAT_VERSION}")
    data = {}
    for axes, names in FIELDS.items():
        if any(axis in OPTIONAL_AXES and axis not in file for axis in axes):
            continue
        for name in (*axes, *names.split()):
            data.setdefault(name, _dataset(path, file, name))
        for name in names.split():
            _require_shape(path, name, data[name].shape, tuple(len(data[axis]) for axis in axes))
    _require_known_statuses(path, data)
    return Results(path, attributes, data)


def _plain(value):
    """Attribute as str, int or float."""
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return value.item() if isinstance(value, np.generic) else value


def _dataset(path, file, name):
    if not isinstance(file.get(name), h5py.Dataset):
        raise ResultError(f"{path}: dataset {name} is missing; was this written by prefdyn?")
    dataset = file[name]
    text = h5py.check_string_dtype(dataset.dtype) is not None
    return dataset.asstr()[()] if text else dataset[()]


def _require_shape(path, name, shape, expected):
    if shape != expected:
        raise ResultError(f"{path}: dataset {name} has shape {shape}, its axes have {expected}")


def _require_known_statuses(path, data):
    for name in ("claim_status", "coverage_status", "control_status"):
        for status in set(data.get(name, ())) - set(STATUSES):
            raise ResultError(f"{path}: {name} holds {status!r}, known are {', '.join(STATUSES)}")
    codes = data["verdict_status"]
    if codes.size and not (codes.min() >= 0 and codes.max() < len(STATUSES)):
        raise ResultError(f"{path}: verdict_status holds a code outside 0 to {len(STATUSES) - 1}")
