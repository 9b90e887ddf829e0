"""A conda environment on the PATH that has some of the libraries is left out whole; what is missing is named in one go."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def configure(folder, *more, **environment):
    return subprocess.run(["cmake", "-S", ROOT, "-B", folder, "-DBUILD_TESTING=OFF", "-DPREFDYN_CUDA=OFF", *more],
                          capture_output=True, text=True, env={**os.environ, **environment})


class CondaTest(unittest.TestCase):
    def test_half_an_environment_is_left_out(self):
        with tempfile.TemporaryDirectory() as folder:
            conda = Path(folder) / "conda"
            for name in ("bin", "include", "lib"):
                (conda / name).mkdir(parents=True)
            (conda / "include" / "nlopt.hpp").write_text("#error wrong\n")
            (conda / "lib" / "libnlopt.so").write_text("")
            done = configure(Path(folder) / "build", CONDA_PREFIX=str(conda), PATH=f"{conda}/bin:{os.environ['PATH']}")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"{conda} is left out: it has no eigen3/Eigen/Core, ", done.stdout)
            cache = (Path(folder) / "build" / "CMakeCache.txt").read_text()
            self.assertIn("NLOPT_LIBRARY:FILEPATH=", cache)
            self.assertNotIn(f"={conda}", cache)

    def test_everything_that_is_missing_is_named_at_once(self):
        with tempfile.TemporaryDirectory() as folder:
            done = configure(folder, "-DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON", "-DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON",
                             "-DXXHASH_INCLUDE_DIR=XXHASH_INCLUDE_DIR-NOTFOUND", "-DCMAKE_IGNORE_PATH=/usr/include")
        self.assertNotEqual(done.returncode, 0)
        said = " ".join(done.stderr.split())
        self.assertRegex(said, "not found: .*XXHASH_INCLUDE_DIR.*, Eigen3, Boost.*; README.md")


if __name__ == "__main__":
    unittest.main()
