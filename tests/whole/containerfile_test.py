"""The image of Containerfile has the libraries that the program is linked with."""

import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASE = {"libc6", "libstdc++6", "libgcc-s1"}  # libstdc++6 comes with what needs it

release = Path("/etc/os-release").read_text() if Path("/etc/os-release").exists() else ""
if 'VERSION_ID="12"' not in release or "ID=debian" not in release or not shutil.which("readelf"):
    print("SKIPPED: Containerfile's libraries are not compared: this is not Debian 12 with binutils")
    sys.exit(77)


def package_of(library):
    """That a library of the system belongs to."""
    for place in ("/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu"):
        found = subprocess.run(["dpkg", "-S", f"{place}/{library}"], capture_output=True, text=True)
        if found.returncode == 0:
            return found.stdout.split(":")[0]
    return None


class ContainerfileTest(unittest.TestCase):
    def test_every_library_is_installed(self):
        last = (ROOT / "Containerfile").read_text().split("FROM debian:12\n")[-1]
        installed = set(re.findall(r"\blib[a-z0-9.+-]+", last))
        dynamic = subprocess.run(["readelf", "-d", os.environ["PREFDYN"]], capture_output=True, text=True, check=True)
        needed = re.findall(r"NEEDED.*\[(.+)\]", dynamic.stdout)
        self.assertGreater(len(needed), 5)
        for library in needed:
            package = package_of(library)
            self.assertIn(package, installed | BASE, f"{library} of package {package}")


if __name__ == "__main__":
    unittest.main()
