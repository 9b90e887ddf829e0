"""Plants the faults of faults.ini, one at a time, and reports which of them the tests that the list
names or else `prefdyn verify --quick` catch.

    python3 tests/mutation/run.py [--only ID ...] [--jobs N] [--work FOLDER]
    python3 tests/mutation/run.py --build build    # in this tree, in its own build, file by file put back
    python3 tests/mutation/run.py --figures    # those of figure_faults.ini, by tests/analysis/figure_data_test.py
    python3 tests/mutation/run.py --check      # every fragment still occurs exactly once; builds nothing

--figures compiles nothing: files for the figures are written by the program PREFDYN, build/prefdyn if unset,
or lie in PREFDYN_FILES, where figure_data_test.py --write has left them.

Works on private copies of the source, one a job. Exit code: 0 every fault caught or explained, 1 one was
neither, 2 the list of faults does not fit the source or does not compile.
"""

import argparse
import collections
import configparser
import os
import pathlib
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PARTS = ("CMakeLists.txt", "cmake", "sim", "theory", "experiments", "bench", "tests", "analysis", "docs", "README.md")
FIGURE_PARTS = ("analysis", "tests/analysis")
FIGURE_TESTS = {  # of figure_data_test.py, those that draw what a file of analysis/ is for; else DRAW
    "tables": "TableTest", "sweep": "FigureTest.test_sweeps", "finetune": "FigureTest.test_training_runs",
    "run": "FigureTest.test_run", "behaviour": "FigureTest.test_features", "last": "FigureTest.test_scaled",
    "scaled": "FigureTest"}
DRAW = ("FigureTest.test_verify", "FigureTest.test_features", "FigureTest.test_what_is_wrong")
LIMIT = 300  # seconds of one verification, which takes about ten: a faulty loop may never end
KEYS = {"file", "from", "to", "what"}
MORE_KEYS = {"explained", "tests"}  # why a fault may survive; the tests, by ctest's names, that are asked first

Fault = collections.namedtuple("Fault", "id file old new what explained tests")
Result = collections.namedtuple("Result", "fault outcome by seconds")


class ListError(Exception):
    """A list of faults does not fit the source."""


def read_faults(path):
    parser = configparser.ConfigParser(delimiters=("=",), comment_prefixes=("#",), interpolation=None)
    parser.read(path, encoding="utf-8")
    faults = []
    for name in parser.sections():
        entry = dict(parser[name])
        if not KEYS <= set(entry) <= KEYS | MORE_KEYS:
            raise ListError(f"{path.name}: [{name}] has {sorted(entry)}, needs {sorted(KEYS)}")
        faults.append(Fault(name, entry["file"], entry["from"], entry["to"], entry["what"],
                            entry.get("explained", ""), entry.get("tests", "").split()))
    return faults


def planted(fault, text):
    count = text.count(fault.old)
    if count != 1:
        raise ListError(f"[{fault.id}]: `{fault.old}` occurs {count} times in {fault.file}, must be once")
    if fault.old == fault.new:
        raise ListError(f"[{fault.id}]: changes nothing")
    return text.replace(fault.old, fault.new)


def check(faults):
    for fault in faults:
        planted(fault, (ROOT / fault.file).read_text(encoding="utf-8"))
        for name in fault.tests:
            if not any((ROOT / "tests" / f"{name}{end}").exists() for end in (".cpp", ".py")):
                raise ListError(f"[{fault.id}]: there is no test {name}")


class Worker:
    """One copy of the source with its build."""

    parts = PARTS

    def __init__(self, folder, jobs, tested=False):
        self.folder, self.build, self.tested = folder, folder / "build", tested
        self.threads = max(1, (os.cpu_count() or 1) // jobs)
        # Copies share what a compiler cache knows, where there is one.
        self.env = {**os.environ, "OMP_NUM_THREADS": str(self.threads), "CCACHE_BASEDIR": str(folder)}
        for part in self.parts:
            source, copy = ROOT / part, folder / part
            copy.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, copy)

    def call(self, *command, limit=None):
        return subprocess.run(command, cwd=self.folder, env=self.env, timeout=limit, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)

    def configure(self):
        done = self.call("cmake", "-S", ".", "-B", "build", "-DCMAKE_BUILD_TYPE=Release",
                         f"-DBUILD_TESTING={'ON' if self.tested else 'OFF'}", "-DPREFDYN_CUDA=OFF")
        if done.returncode:
            raise ListError(done.stdout)

    def compile(self, tests=()):
        targets = ["prefdyn_cli", *(["prefdyn_tests"] if any(not t.startswith("analysis/") for t in tests) else [])]
        return self.call("cmake", "--build", self.build, "--target", *targets, "-j", str(self.threads))

    def first_failed(self, tests):
        """The first of the tests that fails; None if all pass."""
        for name in tests:
            done = self.call("ctest", "--test-dir", self.build, "-R", f"^{name}$", "--no-tests=error", limit=LIMIT)
            if done.returncode:
                return name
        return None

    def verify(self):
        """(exit code or None if it never ended, output)."""
        try:
            done = self.call(self.build / "prefdyn", "verify", "--quick", "--force", "--out",
                             self.build / "verify.h5", limit=LIMIT)
        except subprocess.TimeoutExpired:
            return None, ""
        return done.returncode, done.stdout

    def start(self):
        self.configure()
        if (done := self.compile()).returncode:
            raise ListError("the source does not compile:\n" + done.stdout[-4000:])
        if (code := self.verify())[0] != 0:
            raise ListError("verify fails without any fault:\n" + code[1][-4000:])

    def judge(self, fault):
        start = time.monotonic()
        path = self.folder / fault.file
        text = path.read_text(encoding="utf-8")
        path.write_text(planted(fault, text), encoding="utf-8")
        try:
            done = self.compile(fault.tests)
            if done.returncode:
                return Result(fault, "does not compile", first_error(done.stdout), time.monotonic() - start)
            if name := self.first_failed(fault.tests):
                return Result(fault, "caught", name, time.monotonic() - start)
            code, output = self.verify()
        finally:
            path.write_text(text, encoding="utf-8")
        outcome = {0: "survived", 1: "caught", None: "never ends"}.get(code, "crashed")
        return Result(fault, outcome, self.witnesses(output) if code in (0, 1) else output[-200:].strip(),
                      time.monotonic() - start)

    @staticmethod
    def witnesses(output):
        """Claims violated or never applied, then controls not caught, as `T1, T2a; control T3a 'bound x 0.9'`."""
        claims = dict.fromkeys(re.findall(r"^(?:violated|never applied): (\S+)", output, re.MULTILINE))
        controls = re.findall(r"^not caught: (\S+), control ('[^']*(?:'\(0\)[^']*)?')", output, re.MULTILINE)
        return "; ".join(filter(None, [", ".join(claims), *(f"control {c} {name}" for c, name in controls)]))


class TreeWorker(Worker):
    """This tree and a build of it that is there already; a stopped run leaves its last fault in the source."""

    build_of_tree = None

    def __init__(self, _folder, _jobs, tested=False):
        self.folder, self.build, self.tested = ROOT, self.build_of_tree, tested
        self.threads = os.cpu_count() or 1
        self.env = dict(os.environ)

    def configure(self):
        if not (self.build / "CMakeCache.txt").exists():
            raise ListError(f"--build {self.build}: no configured build")


class FigureWorker(Worker):
    """One copy of what draws; nothing is compiled, the judge is the test of what figures show."""

    parts = FIGURE_PARTS

    def __init__(self, folder, jobs, tested=False):
        super().__init__(folder, jobs, tested)
        self.tests = None
        self.files = pathlib.Path(os.environ.get("PREFDYN_FILES", folder / "files"))
        self.env.update(PYTHONPATH=str(folder / "analysis"), PYTHONDONTWRITEBYTECODE="1", PREFDYN_FILES=str(self.files))
        self.env.setdefault("PREFDYN", str(ROOT / "build" / "prefdyn"))

    def configure(self):
        if self.files.exists():
            return
        self.files.mkdir()
        done = self.test("--write", str(self.files))
        if done.returncode:
            raise ListError(done.stdout[-4000:])

    def test(self, *arguments):
        return self.call(sys.executable, "tests/analysis/figure_data_test.py", *arguments, limit=LIMIT)

    def compile(self, tests=()):
        return self.call("true")

    def judge(self, fault):
        self.tests = FIGURE_TESTS.get(re.split("[._]", pathlib.Path(fault.file).name)[0])
        return super().judge(fault)

    def verify(self):
        done = self.test(*([self.tests] if self.tests else DRAW))
        return done.returncode, done.stdout

    @staticmethod
    def witnesses(output):
        return ", ".join(dict.fromkeys(re.findall(r"^(?:FAIL|ERROR): .*?\[(.*)\]$", output, re.MULTILINE)))


def first_error(output):
    return next((line for line in output.splitlines() if " error: " in line), "?")


def in_minutes(seconds):
    return f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"


class Report:
    """Collects results of all workers and says how far they are."""

    def __init__(self, faults):
        self.faults, self.total = faults, len(faults)
        self.results, self.lock, self.start = [], threading.Lock(), time.monotonic()

    def add(self, result):
        with self.lock:
            self.results.append(result)
            known = " (explained)" if result.outcome == "survived" and result.fault.explained else ""
            print(f"{result.fault.id:32} {result.outcome + known:20} {result.by[:150]}", flush=True)
            self.progress()

    def progress(self):
        if not sys.stderr.isatty():
            return
        done = len(self.results)
        left = (time.monotonic() - self.start) * (self.total - done) / done if done else 0.0
        print(f"{done}/{self.total} faults, {in_minutes(left)} left ", end="\r", file=sys.stderr, flush=True)

    def summary(self):
        """Prints the summary, returns the exit code."""
        counts = collections.Counter(r.outcome for r in self.results)
        print(f"\n{len(self.results)} faults: " + ", ".join(f"{n} {what}" for what, n in counts.most_common()))
        for r in self.results:
            if r.outcome != "caught":
                reason = f"; explained: {r.fault.explained}" if r.fault.explained else ""
                print(f"{r.outcome}: {r.fault.id}, {r.fault.file}: {r.fault.what}{reason}")
        if counts["does not compile"]:
            return 2
        return 1 if any(r.outcome != "caught" and not r.fault.explained for r in self.results) else 0


def work_off(kind, todo, folder, jobs, report, errors):
    try:
        worker = kind(folder, jobs, any(fault.tests for fault in report.faults))
        worker.start()
        while True:
            report.add(worker.judge(todo.get_nowait()))
    except queue.Empty:
        pass
    except Exception as error:  # told by the main thread
        errors.append(error)


def run(kind, faults, jobs, folder):
    todo = queue.Queue()
    for fault in sorted(faults, key=lambda f: f.file):  # one file's faults in a row: fewer compilations
        todo.put(fault)
    report, errors = Report(faults), []
    threads = [threading.Thread(target=work_off, args=(kind, todo, folder / str(k), jobs, report, errors))
               for k in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return report.summary()


def selected(faults, only):
    known = {fault.id for fault in faults}
    for name in only:
        if name not in known:
            raise ListError(f"--only {name}: no such fault; known: {', '.join(sorted(known))}")
    return [fault for fault in faults if not only or fault.id in only]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", action="store_true", help="faults in figures and tables; needs a built program")
    parser.add_argument("--check", action="store_true", help="only check that the faults fit the source")
    parser.add_argument("--only", nargs="+", default=[], metavar="ID", help="these faults")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="copies worked on at a time")
    parser.add_argument("--build", type=pathlib.Path, help="plant in this tree, whose build this is")
    parser.add_argument("--work", type=pathlib.Path, help="folder of the copies, kept; default: a temporary one")
    return parser.parse_args()


def main():
    arguments = parse()
    try:
        lists = {kind: read_faults(HERE / name) for kind, name in
                 ((Worker, "faults.ini"), (FigureWorker, "figure_faults.ini"))}
        if arguments.check:
            for faults in lists.values():
                check(faults)
            print(f"{len(lists[Worker])} faults fit the source, and {len(lists[FigureWorker])} in figures")
            return 0
        kind = FigureWorker if arguments.figures else TreeWorker if arguments.build else Worker
        TreeWorker.build_of_tree = arguments.build and arguments.build.resolve()
        faults = selected(lists[FigureWorker if arguments.figures else Worker], arguments.only)
        check(faults)
        with tempfile.TemporaryDirectory(prefix="prefdyn-mutation-") as temporary:
            jobs = 1 if arguments.build else max(1, min(arguments.jobs, len(faults)))
            return run(kind, faults, jobs, arguments.work or pathlib.Path(temporary))
    except (ListError, configparser.Error, OSError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
