"""Output folders: everything is made in a scratch folder first and moved into place at the end."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_for(out, last=""):
    """A scratch folder inside `out`, whose files move up in order of name, `last` after all others;
    nothing moves if the body raises."""
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as name:
        yield Path(name)
        for path in sorted(Path(name).iterdir(), key=lambda path: (path.name == last, path.name)):
            os.replace(path, out / path.name)


def write_text(path, text):
    """A file that is whole or not there."""
    path = Path(path)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)
