"""Reading of result files: `prefdyn docs file-format` describes every dataset named here."""

from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

FORMAT_VERSIONS = (4, 5)  # 4: texts of fixed length
# verdict_status is the index
STATUSES = ("holds", "violated", "not_applicable", "fitted", "undecided", "vacuous")


@dataclass(frozen=True)
class Group:
    """Datasets that a file has all or none of, as axes -> names.

    With `claim`, a file that lists that claim must have them; without, they may always be absent.
    """

    numbers: dict = field(default_factory=dict)
    text: dict = field(default_factory=dict)
    claim: str = ""

    def datasets(self):
        """(name, axes, is text) of each dataset."""
        return [(name, axes, kind is self.text) for kind in (self.numbers, self.text)
                for axes, names in kind.items() for name in names.split()]


# What every result file has.
COMMON = Group(
    numbers={
        ("run",): """config_beta config_distinguishability run_samples run_dimension p_plus
            distinguishability_sample distinguishability_debiased noise_floor kappa
            initial_rate_predicted initial_rate_measured""",
        ("run", "record"): """step time loss eval_loss head_change rewards_accuracies rewards_ties
            outputs_accuracies outputs_ties eval_rewards_accuracies eval_rewards_ties
            rewards_margins""",
        ("run", "record", "quantile"): "margin_quantiles",
        ("claim",): """claim_holds claim_violated claim_undecided claim_vacuous
            claim_not_applicable claim_fitted claim_controls claim_caught claim_tightness_min claim_tightness_median claim_tightness_max""",
        ("run", "claim"): """verdict_status verdict_witness_step verdict_slack
            verdict_tightness_max""",
    },
    text={
        ("run",): "run_name run_suite stop_reason config_method",
        ("claim",): "claim_title claim_statement claim_status",
        ("run", "claim"): "verdict_reason",
    },
)
CASES = Group(
    numbers={("case",): """case_cases case_failures case_delta case_p_value case_power
        case_constant case_slack case_tightness_max"""},
    text={("case",): "case_study case_claim case_setting case_status case_reason"},
)
CONTROLS = Group(
    numbers={("control",): "control_caught"},
    text={("control",): "control_claim control_name control_fault control_data control_status"},
)


MATHML = Group(text={("claim",): "claim_mathml"})
BY_TIME = Group(numbers={("claim", "kappa_time"): "claim_tightness_at", ("claim",): "claim_tightness_end"})


class ResultError(Exception):
    """A file that cannot be reported on; says which file and what is wrong with it."""


@dataclass(frozen=True)
class Results:
    """One result file in memory: root attributes, and the datasets read with their axes."""

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


def read(path, groups=()):
    """Reads and validates one result file: what every file has, and which of the groups it has."""
    return open_file(path, "what `prefdyn verify --out` writes",
                     lambda path, file: _read_open_file(path, file, groups))


def open_file(path, expected, read_open_file):
    """read_open_file(path, file) with every error of the file as a ResultError."""
    path = Path(path)
    if not path.is_file():
        raise ResultError(f"{path}: no such file")
    if not h5py.is_hdf5(path):
        raise ResultError(f"{path}: not an HDF5 file; expected {expected}")
    try:
        with h5py.File(path, "r") as file:
            return read_open_file(path, file)
    except (OSError, RuntimeError, UnicodeDecodeError) as error:
        raise ResultError(f"{path}: damaged HDF5 file ({error}); write it again") from error


def _read_open_file(path, file, groups):
    attributes = {name: plain(value) for name, value in file.attrs.items()}
    version = attributes.get("format_version")
    if version not in FORMAT_VERSIONS:
        found = "none" if version is None else version
        raise ResultError(f"{path}: format_version is {found}, this report reads "
                          f"{', '.join(map(str, FORMAT_VERSIONS))}")
    data = {}
    read_group(path, file, COMMON, data)
    for group in (CASES, CONTROLS, MATHML, BY_TIME, *groups):
        if _is_there(file, group, data):
            read_group(path, file, group, data)
    _require_known_statuses(path, data)
    return Results(path, attributes, data)


def plain(value):
    """Attribute as str, int or float."""
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return value.item() if isinstance(value, np.generic) else value


def _is_there(file, group, data):
    return group.claim in data["claim"] or any(name in file for name, _, _ in group.datasets())


def read_group(path, file, group, data):
    for name, axes, is_text in group.datasets():
        for axis in axes:
            data.setdefault(axis, read_axis(path, file, axis))
        data[name] = read_dataset(path, file, name)
        require_kind(path, name, data[name], is_text)
        require_shape(path, name, data[name].shape, tuple(len(data[axis]) for axis in axes))


def read_axis(path, file, name):
    values = read_dataset(path, file, name)
    if values.ndim != 1:
        raise ResultError(f"{path}: axis {name} has shape {values.shape}, expected one dimension")
    return values


def read_dataset(path, file, name):
    if not isinstance(file.get(name), h5py.Dataset):
        raise ResultError(f"{path}: dataset {name} is missing; was this written by prefdyn?")
    dataset = file[name]
    if h5py.check_string_dtype(dataset.dtype) is not None:
        return np.asarray(dataset.asstr()[()], dtype=object)
    return np.asarray(dataset[()])


def require_kind(path, name, values, is_text):
    if is_text != (values.dtype.kind == "O") or not is_text and values.dtype.kind not in "iuf":
        raise ResultError(f"{path}: dataset {name} holds {values.dtype}, "
                          f"expected {'text' if is_text else 'numbers'}")


def require_shape(path, name, shape, expected):
    if shape != expected:
        raise ResultError(f"{path}: dataset {name} has shape {shape}, its axes have {expected}")


def _require_known_statuses(path, data):
    for name in ("claim_status", "case_status", "control_status"):
        for status in sorted(set(data.get(name, ())) - set(STATUSES)):
            raise ResultError(f"{path}: {name} holds {status!r}, known are {', '.join(STATUSES)}")
    codes = data["verdict_status"]
    if codes.size and not (codes.min() >= 0 and codes.max() < len(STATUSES)):
        raise ResultError(f"{path}: verdict_status holds a code outside 0 to {len(STATUSES) - 1}")
