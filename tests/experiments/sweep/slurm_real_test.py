"""The script of `prefdyn slurm` on a real Slurm; PREFDYN names the program. Exit code 77: no Slurm
here, nothing was tested."""

import os
import re
import signal
import subprocess
import sys
import unittest
from pathlib import Path

import h5py
from slurm_support import CannotStart, Cluster, wait_until

SPEC = """\
distinguishability = 0.5, 1, 2, 4
samples = 200
dimension = 64
steps = {steps}
records = 4
replicates = {replicates}
claims = T1
"""
SHARD = 1000  # points, about eight seconds of one core
PREFDYN = os.environ["PREFDYN"]
cluster = None


def prefdyn(*arguments):
    return subprocess.run([PREFDYN, *map(str, arguments)], capture_output=True, text=True)


def datasets(path):
    """Name, type and bytes of everything in a merged file, but for who made its segments."""
    with h5py.File(path) as file:
        return {name: (data.dtype.str, data.shape, data.asstr()[()].tolist()
                       if h5py.check_string_dtype(data.dtype) else data[()].tobytes())
                for name, data in file.items() if not name.startswith("segment")}


def catches(process, number):
    """Whether it has a handler for the signal yet; one that is gone has none."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False
    return int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16) >> (number - 1) & 1


class Sweep:
    """A sweep and its script, in a folder of a name that needs care."""

    def __init__(self, name, **numbers):
        self.folder = cluster.folder / "it's $HOME" / name
        self.folder.mkdir(parents=True)
        self.out = self.folder / "out put"
        self.spec = self.folder / "s p e c.ini"
        self.spec.write_text(SPEC.format(**numbers))

    def submit(self, **options):
        """The id of the job."""
        given = (word for name, value in options.items() for word in (f"--{name}", value))
        script = prefdyn("slurm", self.spec, "--out", self.out, *given)
        assert script.returncode == 0, script.stderr
        (self.folder / "job.sbatch").write_text(script.stdout)
        return self.resubmit()

    def resubmit(self):
        done = cluster.call("sbatch", "--parsable", "job.sbatch", cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def wait_for_segment(self, shard):
        wait_until(lambda: [*self.out.glob(f"segments/{shard}-*.h5")], f"shard {shard} publishes")

    def worker(self, shard):
        """The id of its process, once there is one."""
        def find():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    words = path.read_bytes().decode(errors="replace").split("\0")
                except OSError:  # gone
                    continue
                if words[0] == PREFDYN and str(self.out) in words and shard in words:
                    return int(path.parent.name)
            return None
        return wait_until(find, f"the worker of shard {shard} starts")

    def log(self, task):
        return (self.folder / f"prefdyn-{task}.log").read_text()

    def counts(self, task):
        """Of every run of a task that said so: points finished before, and now."""
        found = re.findall(r"(\d+) finished before, (\d+) now", self.log(task))
        return [tuple(map(int, pair)) for pair in found]


class SlurmTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Slurm looks at time limits twice a minute: this one waits while the others run.
        cls.endless = Sweep("endless", steps=500, replicates=100000)
        cls.endless_task = cls.endless.submit(time="00:01:00", warn=50) + "_1"

    def check_goes_on(self, sweep, task):
        """It was stopped once, lost nothing of what it had finished, and did the rest."""
        first, second = sweep.counts(task)
        self.assertEqual(first[0], 0)
        self.assertGreater(first[1], 0)
        self.assertEqual(second, (first[1], SHARD - first[1]))
        self.assertEqual(sweep.log(task).count("interrupted: "), 1)
        self.assertNotIn("slurm_script: line", sweep.log(task), "bash complains of the script")

    def test_an_array_that_is_requeued_killed_and_warned_merges_into_what_one_run_gives(self):
        sweep = Sweep("array", steps=500, replicates=SHARD)
        job = sweep.submit(array=4, time="00:10:00", cpus=1, merge=sweep.folder / "by a job.h5")
        requeued, killed, warned, quiet = (f"{job}_{k}" for k in (1, 2, 3, 4))
        sweep.wait_for_segment(1)
        self.assertEqual(cluster.call("scontrol", "requeue", requeued).returncode, 0)
        sweep.wait_for_segment(2)
        os.kill(sweep.worker("2/4"), signal.SIGKILL)
        sweep.wait_for_segment(3)
        signalled = cluster.call("scancel", "--batch", "--signal=USR1", warned)
        self.assertEqual(signalled.returncode, 0)

        for task in (requeued, warned):
            end = cluster.wait_for_end(task)
            self.assertEqual((end["JobState"], end["Restarts"]), ("COMPLETED", "1"))
            self.check_goes_on(sweep, task)
        end = cluster.wait_for_end(killed)
        self.assertEqual((end["JobState"], end["ExitCode"]), ("FAILED", "137:0"))
        self.assertEqual(cluster.wait_for_end(quiet)["Restarts"], "0")
        self.assertEqual(sweep.counts(quiet), [(0, SHARD)])
        status = prefdyn("status", sweep.out).stdout
        self.assertNotIn(" 0 missing", status)
        self.assertIn(" missing", status)

        again = sweep.resubmit()
        for k in (1, 2, 3, 4):
            self.assertEqual(cluster.wait_for_end(f"{again}_{k}")["JobState"], "COMPLETED")
            (before, now), = sweep.counts(f"{again}_{k}")
            self.assertEqual(before + now, SHARD)
            self.assertGreater(before, 0)
            self.assertEqual(now > 0, k == 2)
        self.check_same_as_one_run(sweep)
        wait_until((sweep.folder / "by a job.h5").exists, "the job that merges")

    def check_same_as_one_run(self, sweep):
        merged, local, one = (sweep.folder / name for name in ("merged.h5", "local", "one.h5"))
        for call in (("merge", sweep.out, "-o", merged), ("sweep", sweep.spec, "--out", local),
                     ("merge", local, "-o", one)):
            done = prefdyn(*call)
            self.assertEqual(done.returncode, 0, done.stderr)
        have, want = datasets(merged), datasets(one)
        self.assertIn("initial_rate_measured", want)
        self.assertEqual(have.keys(), want.keys())
        for name in want:
            self.assertEqual(have[name], want[name], name)

    def test_near_its_time_limit_a_task_requeues_itself_and_cancelled_it_stays_cancelled(self):
        task = self.endless_task
        wait_until(lambda: (job := cluster.job(task))["Restarts"] != "0"
                   and job["JobState"] == "RUNNING", "the task restarts")
        worker = self.endless.worker("1/1")
        wait_until(lambda: catches(worker, signal.SIGTERM), "the worker listens to signals")
        self.assertEqual(cluster.call("scancel", task).returncode, 0)
        end = cluster.wait_for_end(task)
        self.assertEqual(end["JobState"], "CANCELLED")
        runs = self.endless.counts(task)
        # The one that is cancelled may end before it has said how far it came.
        self.assertIn(len(runs) - int(end["Restarts"]), (0, 1))
        self.assertGreater(runs[0][1], 0)
        for earlier, later in zip(runs, runs[1:]):
            self.assertEqual(later[0], sum(earlier))

    def test_a_time_too_short_for_one_point_is_said_and_not_tried_again(self):
        sweep = Sweep("slow", steps=10**8, replicates=1)
        task = sweep.submit() + "_1"
        wait_until((sweep.out / "spec.ini").exists, "the worker starts")
        cluster.call("scancel", "--batch", "--signal=USR1", task)
        end = cluster.wait_for_end(task)
        self.assertEqual((end["JobState"], end["ExitCode"], end["Restarts"]),
                         ("FAILED", "130:0", "0"))
        self.assertIn("not requeued: this time was too short for one point", sweep.log(task))

    def test_bad_input_is_refused_by_the_program_and_the_rest_by_sbatch(self):
        spec = Sweep("bad", steps=1, replicates=1).spec
        out = spec.parent / "out"
        for (path, folder, *more), words in (
                ((spec, out, "--array", 0), "--array = '0' is out of range"),
                ((spec, out, "--cpus", 0), "--cpus = '0' is out of range"),
                ((spec.parent / "none.ini", out), "none.ini: no such file"),
                ((spec.parent, out), "is a folder"),
                ((spec, ""), "--out is empty"),
                ((spec, out, "--time", "tomorrow"), "is no time as sbatch takes it"),
                ((spec, out, "--time", "2", "--warn", 120), "is not below --time 2")):
            done = prefdyn("slurm", path, "--out", folder, *more)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(words, done.stderr)
        for option, value, words in (("--array", 100000, "Invalid job array specification"),
                                     ("--partition", "none", "invalid partition")):
            script = spec.parent / "bad.sbatch"
            script.write_text(prefdyn("slurm", spec, "--out", out, option, value).stdout)
            done = cluster.call("sbatch", script)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with Cluster() as cluster:
            unittest.main(verbosity=2)
    except CannotStart as reason:
        print(f"SKIPPED: the Slurm script is not tested: {reason}")
        sys.exit(77)
