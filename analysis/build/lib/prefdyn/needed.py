"""Packages that may be missing: says what to install where a traceback would come."""

import sys
from importlib import import_module

_DEBIAN = {"h5py": "python3-h5py", "numpy": "python3-numpy", "matplotlib": "python3-matplotlib",
           "xarray": "python3-xarray", "pyarrow": None, "jinja2": "python3-jinja2",
           "zstandard": "python3-zstandard"}


class Missing(Exception):
    """Packages that are not there, and how to get them."""


def require(*names):
    """Raises Missing, with the commands that install them, if any package is not there."""
    missing = [name for name in names if not _is_there(name)]
    if not missing:
        return
    ways = [f"{sys.executable} -m pip install {' '.join(missing)}"]
    debian = [_DEBIAN.get(name) for name in missing]
    if all(debian) and sys.executable.startswith("/usr/bin/"):
        ways.insert(0, f"apt-get install {' '.join(debian)}")
    raise Missing(f"{sys.executable} has no {', '.join(missing)}; install: {', or: '.join(ways)}")


def or_exit(program, *names):
    """For commands: ends with exit code 2 and one message."""
    try:
        require(*names)
    except Missing as error:
        sys.exit(_said(program, error))


def _said(program, error):
    print(f"{program}: {error}", file=sys.stderr)
    return 2


def _is_there(name):
    try:
        import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return False
    return True
