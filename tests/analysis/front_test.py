"""prefdyn in Python: commands as functions, messages as exceptions, results as Datasets."""

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import warnings
from pathlib import Path

try:
    import xarray
except ImportError as error:
    print(f"SKIPPED: the Python front is not tested: {error} (apt-get install python3-xarray)")
    sys.exit(77)

import h5py
import numpy as np

from report_checkpoint import write_byte_model, write_model, write_pairs, write_tokens

import prefdyn
from prefdyn import plot, program, results, verdict_table

SMALL = {"samples": 60, "dimension": 4, "steps": 20, "records": 5}


class ProgramTest(unittest.TestCase):
    def test_where_it_is(self):
        given = Path(os.environ["PREFDYN"])
        self.assertEqual(prefdyn.find(), given.resolve())
        with changed(PREFDYN=None):  # of the checkout that the package lies in
            self.assertIn(prefdyn.find().parent.name, ("build", "build-native", "build-cuda") if
                          (Path(__file__).resolve().parents[2] / "build" / "prefdyn").exists() else (given.parent.name,))
        with changed(PREFDYN="/nowhere/prefdyn"), self.assertRaisesRegex(prefdyn.InputError, "no program"):
            prefdyn.find()

    def test_options_come_from_the_program(self):
        table = prefdyn.options()
        said = subprocess.run([os.environ["PREFDYN"], "--help"], capture_output=True, text=True).stdout
        for command in table:
            self.assertIn(f"  {command} ", said)
        samples = prefdyn.options("simulate")["samples"]
        self.assertEqual((samples["type"], samples["range"]), ("integer", "[2, 100000000]"))
        self.assertIn("sigmoid", prefdyn.options("simulate")["loss"]["choices"])
        with self.assertRaisesRegex(prefdyn.InputError, "unknown command"):
            prefdyn.options("simulat")

    def test_messages_are_exceptions(self):
        with self.assertRaisesRegex(prefdyn.InputError, "did you mean --distinguishability"):
            prefdyn.simulate(distinguishabilty=2)
        with self.assertRaisesRegex(prefdyn.InputError, "out of range"):
            prefdyn.simulate(samples=1)
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "x.h5"
            out.write_text("mine")
            with self.assertRaisesRegex(prefdyn.InputError, "hint: .*--force"):
                prefdyn.simulate(out=out, **SMALL)
            self.assertEqual(out.read_text(), "mine")

    def test_simulate_says_how_far_it_is_where_somebody_looks(self):
        with tempfile.TemporaryDirectory() as folder:
            call = [os.environ["PREFDYN"], "simulate", "--samples", "4000", "--steps", "2000", "--force", "-o",
                    Path(folder) / "x.h5"]
            log = subprocess.run(call, capture_output=True, text=True)
            self.assertEqual((log.returncode, log.stderr), (0, ""))
            lines = subprocess.run(call, capture_output=True, text=True, env={**os.environ, "PREFDYN_PROGRESS": "lines"})
            self.assertIn("progress: updates 2000/2000\n", lines.stderr)
            ours, theirs = os.openpty()
            child = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=theirs)
            os.close(theirs)
            seen = b""
            while child.poll() is None or select.select([ours], [], [], 0.1)[0]:
                try:
                    seen += os.read(ours, 4096)
                except OSError:  # nobody writes any more
                    break
            os.close(ours)
            self.assertEqual(child.wait(), 0)
            self.assertIn(b"updates 2000/2000", seen)
            self.assertTrue(seen.endswith(b"\r\x1b[K"), seen[-40:])

    def test_words_of_python_values(self):
        self.assertEqual(program.words("simulate", {"eta_kappa": 0.25, "held_out": 3, "keep_data": True, "features": None}),
                         ["--eta-kappa=0.25", "--held-out=3", "--keep-data=true"])
        self.assertEqual(program.words("scaled", {"data": ["a", "b"], "claims": ["T1", "T2"]}),
                         ["--data", "a", "b", "--claims=T1,T2"])
        self.assertEqual(program.words("simulate", {"samples": np.int64(7), "beta": np.float64(0.1)}),
                         ["--samples=7", "--beta=0.1"])

    def test_a_violated_claim_is_a_warning(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.claim"
            path.write_text("[X1]\ntitle = wrong\nclaim = head_change <= 0.01 * t * R0\n")
            with self.assertWarnsRegex(program.NotAsExpected, "X1"):
                data = prefdyn.verify(features=FEATURES, labels=LABELS, claim_file=path)
        self.assertEqual(data.sel(claim="X1").claim_status.item(), "violated")

    def test_ctrl_c_stops_the_program(self):
        code = ("import prefdyn; print('begin', flush=True)\n"
                "try: prefdyn.verify(full=True)\nexcept KeyboardInterrupt: print('stopped', flush=True)\n")
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        self.assertEqual(child.stdout.readline(), "begin\n")
        grandchildren = wait_for(lambda: children_of(child.pid), 60)
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.stdout.readline(), "stopped\n")
        self.assertEqual(child.wait(60), 0)
        child.stdout.close()
        for pid in grandchildren:
            self.assertFalse(Path(f"/proc/{pid}").exists(), "the program goes on")


class CommandTest(unittest.TestCase):
    def test_simulate_gives_what_the_file_holds(self):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "x.h5"
            data = prefdyn.simulate(distinguishability=2, seed=3, out=out, **SMALL)
            with h5py.File(out) as file:
                for name in file:
                    if isinstance(file[name], h5py.Dataset) and file[name].dtype.kind in "fi":
                        np.testing.assert_array_equal(data[name].values, file[name][()], name)
        self.assertEqual(data.loss.attrs["units"], "nats")
        self.assertIn("mean loss", data.loss.attrs["long_name"])
        self.assertEqual(data.loss.dims, ("run", "record"))
        self.assertLessEqual({"time", "step", "run_name", "claim"}, set(data.coords))
        self.assertEqual(data.sel(claim="T2b").claim_title.item(), "head change, upper bound")
        self.assertIn("completed", data.attrs["printed"])

    def test_arrays_go_over_exactly(self):
        data = prefdyn.simulate(features=FEATURES, labels=LABELS, steps=20, records=5)
        mean = (LABELS[:, None] * FEATURES).mean(axis=0)
        rate = data.initial_rate_predicted.item()  # T1, in double precision
        self.assertAlmostEqual(rate, 0.1 / np.sqrt(2) * np.linalg.norm(mean), delta=1e-13 * rate)
        verified = prefdyn.verify(features={"a": (FEATURES, LABELS), "b": (FEATURES, -LABELS)}, claims=["T1"])
        self.assertEqual(list(verified.run_name.values), ["a", "b"])
        self.assertEqual((verified.run_name == "a").sum().item(), 1)
        for rows, labels in ((FEATURES, None), (FEATURES[0], LABELS), (FEATURES, LABELS * 2)):
            with self.assertRaises(prefdyn.InputError):
                prefdyn.verify(features=rows, labels=labels, claims="T1")

    def test_sweep_has_an_axis_a_key_and_goes_on_where_it_stopped(self):
        values = np.array([0.1 + 0.2, 1.0, 4.0])  # the first is no short decimal
        with tempfile.TemporaryDirectory() as folder:
            call = {"axes": {"distinguishability": values, "samples": [40, 60]}, "replicates": 2, "eta": 1.0,
                    "dimension": 3, "steps": 4, "records": 2, "out": Path(folder) / "s"}
            data = prefdyn.sweep(**call)
            again = prefdyn.sweep(**call)
        self.assertEqual(data.loss.dims, ("distinguishability", "samples", "replicate", "record"))
        np.testing.assert_array_equal(data.distinguishability, values)
        xarray.testing.assert_equal(data.loss, again.loss)
        self.assertNotIn("learning_rates", data.attrs)
        with self.assertWarnsRegex(UserWarning, "learning_rate"):
            prefdyn.sweep({"distinguishability": [1, 4]}, samples=40, dimension=3, steps=4, records=2)
        with self.assertRaisesRegex(prefdyn.InputError, "did you mean distinguishability"):
            prefdyn.sweep({"distinguishabilty": [1, 2]})

    def test_a_population_goes_over_as_arrays_or_as_a_file(self):
        mean = np.array([[1.0, 0, 0], [-1, 0, 0], [-1, 1, 0]])
        own = {"weights": [0.5, 0.25, 0.25], "labels": [1, -1, -1], "means": mean, "covariances": np.ones((3, 3))}
        difference = np.linalg.norm(mean[0] - (mean[1] + mean[2]) / 2)
        small = {"samples": 40, "steps": 5, "records": 3, "seed": 2}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "own.h5"
            with h5py.File(path, "w") as file:
                for name, array in own.items():
                    file[name] = array
            run, same = prefdyn.simulate(population=own, **small), prefdyn.simulate(population=path, **small)
            self.assertAlmostEqual(run.config_distinguishability.item(), difference, places=14)
            self.assertEqual(run.run_id.item(), same.run_id.item())
            self.assertRegex(same.config_population.item(), r"^own\.h5 @ [0-9a-f-]{36}$")
            self.assertTrue(np.isnan(run.config_sigma.item()))
            call = {"axes": {"samples": [20, 40]}, "population": own, "steps": 5, "records": 2, "eta": 1.0,
                    "out": Path(folder) / "s"}
            xarray.testing.assert_equal(prefdyn.sweep(**call).loss, prefdyn.sweep(**call).loss)
        judged = prefdyn.verify(population=own, claims="T1,T6c,T14a", quick=True)
        self.assertEqual(list(judged.claim_status.values), ["holds", "holds", "not_applicable"])
        with self.assertRaisesRegex(prefdyn.InputError, r"weights\[1\] = -0.25"):
            prefdyn.simulate(population={**own, "weights": [0.5, -0.25, 0.75]})
        with self.assertRaisesRegex(prefdyn.InputError, "it needs covariances, labels, means, weights"):
            prefdyn.simulate(population={"means": mean})


class ModelTest(unittest.TestCase):
    """On a small random model, and on the public one where the data are."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)

    def test_scaled(self):
        write_model(self.folder / "model")
        write_tokens(self.folder / "tokens.h5", (60, 40, 50))
        data = prefdyn.scaled(self.folder / "model", tokens=self.folder / "tokens.h5", claims=["T1", "T2b"], beta=0.02,
                              threads=1, out=self.folder / "x.h5")
        with h5py.File(self.folder / "x.h5") as file:
            np.testing.assert_array_equal(data.loss, file["loss"][()])
        self.assertEqual(set(data.config_beta.values), {0.02})
        self.assertEqual(data.sizes["scaled_behaviour"], 3)
        self.assertEqual(list(data.claim.values), ["T1", "T2b"])
        with self.assertRaisesRegex(prefdyn.InputError, "nowhere"):
            prefdyn.scaled(self.folder / "nowhere", tokens=self.folder / "tokens.h5")

    def test_finetune(self):
        write_byte_model(self.folder / "model")
        for name, share in (("a", 0.8), ("b", 0.4)):
            write_pairs(self.folder / f"{name}.jsonl", share, 20)
        data = prefdyn.finetune(self.folder / "model", data=[self.folder / "a.jsonl", self.folder / "b.jsonl"],
                                out=self.folder / "run", one_token=True, steps=4, records=3, batch=8, lr=1e-3, threads=1)
        with h5py.File(self.folder / "run" / "run.h5") as file:
            np.testing.assert_array_equal(data.loss, file["loss"][()])
        first = data.loss.values.ravel()[0]
        self.assertAlmostEqual(first, np.log(2), places=6)
        self.assertIn("step", data.coords)
        self.assertTrue(data.attrs["printed"])
        with self.assertRaisesRegex(prefdyn.InputError, "out is missing"):
            prefdyn.finetune(self.folder / "model", data=self.folder / "a.jsonl")
        with self.assertRaisesRegex(prefdyn.InputError, "did you mean --steps"):
            prefdyn.finetune(self.folder / "model", data=self.folder / "a.jsonl", out=self.folder / "x", stepz=2)

    def test_the_public_model(self):
        place = Path(os.environ.get("PREFDYN_DATA", "/nowhere"))
        model, persona = place / "checkpoints" / "stories260K", place / "persona" / "openness.jsonl"
        if not model.is_dir() or not persona.is_file():
            print(f"SKIPPED: scaled and finetune of the public model: {model} or {persona} is absent (set PREFDYN_DATA)")
            self.skipTest("no data")
        few = self.folder / "openness.jsonl"
        few.write_text("".join(persona.read_text(encoding="utf-8").splitlines(keepends=True)[:60]), encoding="utf-8")
        data = prefdyn.scaled(model, data=few, claims="T1,T2b", steps=20)
        self.assertEqual(list(data.scaled_behaviour.values), ["openness"])
        self.assertEqual(data.sel(claim="T1").claim_status.item(), "holds")
        tuned = prefdyn.finetune(model, data=few, out=self.folder / "run", one_token=True, steps=3, records=2, batch=8)
        self.assertAlmostEqual(tuned.loss.values.ravel()[0], np.log(2), places=6)
        self.assertLess(np.nanmin(tuned.loss.values), np.log(2) + 0.05)


class PlotTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = prefdyn.sweep({"distinguishability": [1, 2, 4], "samples": [40, 60]}, replicates=4, dimension=3,
                                 steps=20, records=3, eta=1.0)

    def test_means_and_intervals(self):
        rows = plot.table(self.data, "distinguishability", "loss", {"step": 20}, "samples")
        self.assertEqual([(row.series, row.x, row.n) for row in rows], [(n, d, 4) for n in (40, 60) for d in (1, 2, 4)])
        for row in rows:
            values = self.data.loss.sel(distinguishability=row.x, samples=row.series).isel(record=-1).values
            self.assertAlmostEqual(row.y, values.mean(), places=15)
            half = 3.182446305284263 * values.std(ddof=1) / 2  # Student's t with 3 degrees of freedom
            self.assertAlmostEqual(row.high - row.y, half, delta=1e-9 * half)
            self.assertAlmostEqual(row.y - row.low, half, delta=1e-9 * half)
        median = plot.table(self.data, "distinguishability", "loss", {"step": 20, "samples": 40}, statistic="median")[0]
        values = self.data.loss.sel(distinguishability=1, samples=40).isel(record=-1).values
        self.assertEqual((median.low, median.y, median.high), tuple(np.quantile(values, (0.25, 0.5, 0.75))))

    def test_unlike_things_are_not_averaged(self):
        for at, words in (({"samples": 40}, "along record"), ({"step": 20}, "along samples"), ({"step": 7}, "no step = 7"),
                          ({"samples": 50}, "no samples = 50")):
            with self.assertRaisesRegex(prefdyn.InputError, words):
                plot.table(self.data, "distinguishability", "loss", at)
        with self.assertRaisesRegex(prefdyn.InputError, "did you mean loss"):
            plot.table(self.data, "distinguishability", "los")

    def test_curves_against_time_and_text_as_series(self):
        rows = plot.table(self.data, "time", "loss", {"samples": 40}, "distinguishability")
        self.assertEqual([row.x for row in rows[:3]], [0, 10, 20])
        self.assertEqual(rows[0].y, np.log(2))
        run = prefdyn.simulate(**SMALL)
        rows = plot.table(run, "step", "loss", series="run_name")
        self.assertEqual([row.y for row in rows], list(run.loss.values[0][np.isfinite(run.loss.values[0])]))

    def test_long_names_leave_the_picture_its_room(self):
        names = ["a mixture of my own.h5 @ 24e4fc64-006a-811b-a4b6-ceda0246582a", "a behaviour with a long name, number two",
                 "x"]
        data = self.data.isel(samples=0).assign_coords(distinguishability=names)
        shown = plot.draw(data, "step", "loss", {}, "distinguishability").figure
        shown.canvas.draw()
        axes = shown.axes[0]
        legend = axes.get_legend().get_window_extent()
        self.assertGreaterEqual(legend.x0, 0)
        self.assertLessEqual(legend.x1, shown.bbox.x1)
        self.assertGreater(axes.get_window_extent().width, 0.6 * shown.bbox.width)
        self.assertIn("a mixture of my own.h5 @ 24e4", [text.get_text() for text in axes.get_legend().get_texts()])

    def test_command(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            prefdyn.sweep({"distinguishability": [1, 2]}, replicates=2, samples=40, dimension=3, steps=4, records=2,
                          eta=1.0, seed=5, out=folder / "s")
            subprocess.run([os.environ["PREFDYN"], "merge", folder / "s", "-o", folder / "s.h5"], check=True,
                           capture_output=True)
            call = [sys.executable, "-m", "prefdyn.plot", folder / "s.h5", "--x", "distinguishability", "--y", "head-change",
                    "--at", "step=4"]
            done = subprocess.run([*call, "-o", folder / "a.pdf", "--csv", folder / "a.csv", "--width", "8.5cm"],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            for words in ("n = 2", "seed 5", "s.h5", "commit"):
                self.assertIn(words, done.stdout)
            self.assertTrue((folder / "a.pdf").read_bytes().startswith(b"%PDF"))
            lines = (folder / "a.csv").read_text().splitlines()
            self.assertEqual(lines[0], "distinguishability,head_change,low,high,n")
            data = prefdyn.open(folder / "s.h5")
            self.assertEqual(float(lines[1].split(",")[1]), data.head_change.values[0, :, -1].mean())
            wrong = subprocess.run([*call, "-o", folder / "a.xyz"], capture_output=True, text=True)
            self.assertEqual(wrong.returncode, 2)
            self.assertNotIn("Traceback", wrong.stderr)


class VerdictTableTest(unittest.TestCase):
    def test_latex_and_csv_say_what_the_file_says(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.h5"
            prefdyn.simulate(out=path, **SMALL)
            data = results.read(path)
        rows = [line.split(",") for line in verdict_table.as_csv(data).splitlines()]
        self.assertEqual(len(rows), 1 + data.size("claim"))
        self.assertEqual(rows[0][0], "claim")
        for c, row in enumerate(verdict_table.rows_of(data)):
            self.assertEqual(row["verdict"], data["claim_status"][c])
            self.assertEqual(row["tightness median"] if row["tightness median"] == row["tightness median"] else "nan",
                             data["claim_tightness_median"][c] if row["tightness median"] == row["tightness median"] else "nan")
        text = verdict_table.as_latex(data)
        table = [line for line in text.splitlines() if line.endswith(r"\\")]
        self.assertEqual(len(table), 1 + data.size("claim"))
        self.assertEqual({line.count("&") for line in table}, {9})
        self.assertIn(r"T2b & head change, upper bound & holds & 1 & 0", text)
        self.assertNotIn("_", text.replace("% \\usepackage", "").split(r"\midrule")[1].split("%")[0])


class CaseTest(unittest.TestCase):
    def test_cases_of_runs_and_of_studies_are_drawn(self):
        with tempfile.TemporaryDirectory() as folder:
            for claim, expected in (("T2b", {"case.h5", "report.html", "run.pdf"}), ("T8b", {"case_features.svg"})):
                case = Path(folder) / f"{claim}.ini"
                subprocess.run([os.environ["PREFDYN"], "falsify", "--claim", claim, "--budget", "40", "--threads", "1",
                                "--out", case], check=True, capture_output=True)
                out = Path(folder) / claim
                done = subprocess.run([sys.executable, "-m", "prefdyn.case", case, "-o", out], capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertLessEqual(expected, {path.name for path in out.iterdir()})
            with h5py.File(f"{case}.h5") as file:
                self.assertIn(f"The {len(file['label'])} rows of {file['features'].shape[1]} features", done.stdout)
            Path(f"{case}.h5").unlink()
            done = subprocess.run([sys.executable, "-m", "prefdyn.case", case, "-o", out], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertIn("are not there", done.stderr)
            self.assertNotIn("Traceback", done.stderr)


class MissingTest(unittest.TestCase):
    def test_without_a_package_one_message_says_what_to_install(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "matplotlib.py").write_text("raise ModuleNotFoundError(name='matplotlib')")
            for module in ("report", "plot"):
                done = subprocess.run([sys.executable, "-m", f"prefdyn.{module}", "x.h5"], capture_output=True, text=True,
                                      env={**os.environ, "PYTHONPATH": f"{folder}:{os.environ['PYTHONPATH']}"})
                self.assertEqual(done.returncode, 2)
                self.assertIn("pip install matplotlib", done.stderr)
                self.assertNotIn("Traceback", done.stderr)


RANDOM = np.random.default_rng(7)
FEATURES = RANDOM.normal(size=(50, 4))
LABELS = np.where(FEATURES[:, 0] + 0.3 * RANDOM.normal(size=50) > 0, 1, -1)


class changed:
    """The environment, changed for a while."""

    def __init__(self, **values):
        self.values = values

    def __enter__(self):
        self.before = dict(os.environ)
        for key, value in self.values.items():
            os.environ.pop(key, None)
            if value is not None:
                os.environ[key] = value

    def __exit__(self, *_):
        os.environ.clear()
        os.environ.update(self.before)


def children_of(pid):
    """Processes of the program that a process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def wait_for(question, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := question():
            time.sleep(0.5)
            return answer
        time.sleep(0.05)
    raise AssertionError("nothing happened")


if __name__ == "__main__":
    warnings.simplefilter("default")
    unittest.main()
