"""The program itself: where it is, what it is asked, and what it says."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

_PROGRESS = re.compile(r"progress: (.*) (\d+)/(\d+)$")


class Error(Exception):
    """What the program said, and its hint."""

    def __init__(self, message, hint=""):
        super().__init__(f"{message}\nhint: {hint}" if hint else message)
        self.message, self.hint = message, hint


class InputError(Error):
    """Bad input: an unknown option, a value out of range, a file that cannot be read."""


class MachineError(Error):
    """The machine or the program failed: no memory, no room, a damaged file."""


class NotAsExpected(UserWarning):
    """A claim is violated or a negative control was not caught: the numbers are there all the same."""


def find():
    """The program's path: PREFDYN if set, else that of the checkout this package lies in, else the one on PATH."""
    given = os.environ.get("PREFDYN")
    if given:
        if shutil.which(given) is None:
            raise InputError(f"PREFDYN: {given} is no program that can be run")
        return Path(shutil.which(given)).resolve()
    root = Path(__file__).resolve().parents[2]
    for build in ("build", "build-native", "build-cuda"):
        path = root / build / "prefdyn"
        if (root / "CMakePresets.json").is_file() and os.access(path, os.X_OK):
            return path
    if found := shutil.which("prefdyn"):
        return Path(found).resolve()
    raise InputError("the program prefdyn is not here", "build it with ./verify.sh in the checkout, then set PREFDYN "
                     "to build/prefdyn there, or put it on PATH")


def options(command=None):
    """What the program may be asked, from the program: {command: {"summary", "options"}}, or the options of one
    command as {name: {"type", "range", "default", "unit", "help", ...}}."""
    table = _table(find())["commands"]
    if command is None:
        return table
    if command not in table:
        raise InputError(f"unknown command {command!r}", f"known: {', '.join(table)}")
    return {each["name"]: each for each in table[command]["options"]}


@lru_cache(maxsize=None)
def _table(path):
    done = subprocess.run([path, "docs", "options", "--json"], capture_output=True, text=True)
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        loaded = done.returncode != 127  # else a library is missing
        raise InputError(f"{path}: {done.stderr.strip() or 'prints no options'}", "this package and the program are of "
                         "different versions" if loaded else "install what the program needs here") from error


def words(command, values):
    """Python's keywords as the command line of a command: _ is -, True a flag, None left out, a list of texts one
    argument each."""
    known = options(command)
    out = []
    for key, value in values.items():
        name = key.replace("_", "-")
        if value is None:
            continue
        several = known.get(name, {}).get("type") == "texts"
        if isinstance(value, (list, tuple, set)):
            values_of = [str(each) for each in value]
            out += [f"--{name}", *values_of] if several else [f"--{name}={','.join(values_of)}"]
        else:
            out.append(f"--{name}={_text(value)}")
    return out


def _text(value):
    if isinstance(value, bool) or type(value).__name__ == "bool_":
        return "true" if value else "false"
    return repr(float(value)) if isinstance(value, float) else str(value)


def run(command, arguments, progress=True, cwd=None):
    """Runs one command; returns what it printed. Its messages become exceptions, a violated claim a warning.

    Ctrl-C asks the program to stop at a clean point and waits for that; KeyboardInterrupt follows.
    """
    call = [str(find()), command, *map(str, arguments)]
    environment = {**os.environ, "PREFDYN_PROGRESS": "lines"}
    child = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
                             env=environment, cwd=cwd, start_new_session=True)
    said = []
    listener = threading.Thread(target=_listen, args=(child.stderr, said, _Bar(progress)), daemon=True)
    listener.start()
    try:
        printed = child.stdout.read()
        code = child.wait()
    except KeyboardInterrupt:
        child.send_signal(signal.SIGINT)
        child.stdout.read()
        child.wait()
        raise
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        child.stdout.close()
        listener.join()
    return _judged(command, code, printed, said)


def _judged(command, code, printed, said):
    message, hint = _parts(said)
    if code == 130:
        raise KeyboardInterrupt(message)
    if code not in (0, 1):
        kind = InputError if code == 2 else MachineError
        raise kind(message or f"prefdyn {command} ended with exit code {code}", hint)
    if code == 1:
        wrong = [line for line in printed.splitlines() if line.startswith(("violated", "not caught", "NOT as"))]
        warnings.warn("; ".join(wrong) or f"prefdyn {command}: not as expected", NotAsExpected, stacklevel=4)
    for line in said if code == 0 else ():
        warnings.warn(line, stacklevel=4)
    return printed


def _parts(lines):
    """The message without the program's name, and the hint."""
    hints = [line[6:] for line in lines if line.startswith("hint: ")]
    rest = [line.removeprefix("prefdyn: ") for line in lines if not line.startswith("hint: ")]
    return "\n".join(rest), "\n".join(hints)


def _listen(stream, said, bar):
    with stream:
        for line in stream:
            line = line.rstrip("\n")
            if match := _PROGRESS.fullmatch(line):
                bar.show(match[1], int(match[2]), int(match[3]))
            elif line:
                said.append(line)
    bar.close()


class _Bar:
    """tqdm's bar where tqdm is installed and somebody looks: a notebook or a terminal."""

    def __init__(self, wanted):
        self.wanted, self.bar, self.label = wanted and _somebody_looks(), None, None

    def show(self, label, done, total):
        if not self.wanted:
            return
        if self.bar is None or label != self.label:
            self.close()
            self.bar, self.label = _new_bar(label, total), label
        if self.bar is not None:
            self.bar.update(done - self.bar.n)

    def close(self):
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def _somebody_looks():
    return "ipykernel" in sys.modules or sys.stderr.isatty()


def _new_bar(label, total):
    if find_spec("tqdm") is None:
        return None
    if "ipykernel" in sys.modules and find_spec("ipywidgets"):
        from tqdm.notebook import tqdm
    else:
        from tqdm import tqdm
    return tqdm(desc=label, total=total, leave=False)
