"""Reading of training runs, what `prefdyn finetune` and `prefdyn misalign` write."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from prefdyn import results
from prefdyn.results import Group, ResultError

TITLES = ("prefdyn finetune", "prefdyn misalign")
_PART_RECORD = """step loss eval_loss rewards_margins rewards_accuracies eval_rewards_accuracies
    outputs_accuracies logps_chosen logps_rejected distinguishability distinguishability_debiased
    weight_change"""
RUNS = Group(
    numbers={
        ("run",): "run_seed",
        ("run", "update"): "update_loss update_grad_norm",
        ("part",): "part_run initial_slope_head_t1",
        ("part", "record"): _PART_RECORD,
        ("part", "place"): "initial_slope",
        ("part", "prompt"): "label",
        ("part", "prompt", "axis"): "projection_before projection_after",
    },
    text={("run",): "run_method run_start run_labels run_stopped", ("part",): "part_behaviour"},
)
CLAIMS = Group(
    numbers={
        ("claim",): """claim_holds claim_violated claim_undecided claim_vacuous claim_not_applicable claim_fitted
            claim_controls claim_caught claim_tightness_min claim_tightness_median claim_tightness_max""",
        ("part", "claim"): "verdict_status verdict_witness_step verdict_slack",
    },
    text={("claim",): "claim_title claim_statement claim_status claim_mathml", ("part", "claim"): "verdict_reason"},
)


@dataclass(frozen=True)
class Runs:
    """One file of training runs in memory; rows of `part` are behaviours within runs."""

    path: Path
    attributes: dict
    data: dict = field(repr=False)

    def __getitem__(self, name):
        return self.data[name]

    def __contains__(self, name):
        return name in self.data

    def size(self, axis):
        return len(self.data[axis]) if axis in self.data else 0

    @property
    def parts(self):
        return range(len(self["part"]))

    def of_run(self, name, part):
        """A column over runs, for the run of a part."""
        return self[name][self["part_run"][part]]

    def parts_in(self, run):
        return np.flatnonzero(self["part_run"] == run)

    def curve(self, part, column):
        """(step, value) of a part's records."""
        there = np.isfinite(self["step"][part])
        return self["step"][part][there], self[column][part][there]

    def last(self, column):
        """(part): the value at each part's last record."""
        count = np.isfinite(self["step"]).sum(axis=1)
        return self[column][np.arange(len(count)), count - 1]


def is_one(path):
    """Whether the file says that it is one of these; False for what cannot be opened."""
    try:
        return results.open_file(path, "", lambda _, file: results.plain(
            file.attrs.get("title", "")) in TITLES)
    except ResultError:
        return False


def read(path):
    return results.open_file(path, "what `prefdyn finetune` writes", _read_open_file)


def _read_open_file(path, file):
    attributes = {name: results.plain(value) for name, value in file.attrs.items()}
    if attributes.get("title") not in TITLES:
        raise ResultError(f"{path}: not a file of training runs; expected what `prefdyn finetune` "
                          "or `prefdyn misalign` writes")
    data = {}
    for group in (RUNS, CLAIMS) if "claim" in file else (RUNS,):
        results.read_group(path, file, group, data)
    if len(data["part"]) == 0 or len(data["record"]) == 0:
        raise ResultError(f"{path}: holds no run")
    runs = data["part_run"]
    if runs.min() < 0 or runs.max() >= len(data["run"]):
        raise ResultError(f"{path}: part_run points outside the axis of runs")
    return Runs(path, attributes, data)
