"""Result files as other programs see them: h5py, xarray with both engines, R's ncdf4 and Octave's netcdf."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np

FOLDER = tempfile.TemporaryDirectory()
RUN, SWEEP, FEATURES = (Path(FOLDER.name) / f"{name}.h5" for name in ("run", "sweep", "features"))


def setUpModule():
    def call(*arguments):
        done = subprocess.run([os.environ["PREFDYN"], *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    call("simulate", "--samples", "60", "--dimension", "4", "--steps", "20", "--records", "5", "--out", RUN)
    spec = Path(FOLDER.name) / "s.ini"
    spec.write_text("distinguishability = 1, 2\nloss = sigmoid, hinge\nsamples = 40\ndimension = 3\nsteps = 4\n"
                    "records = 3\neta = 1\nreplicates = 2\n")
    call("sweep", spec, "--out", Path(FOLDER.name) / "s")
    call("merge", Path(FOLDER.name) / "s", "-o", SWEEP)


def tearDownModule():
    FOLDER.cleanup()


def skipped(test, what):
    print(f"SKIPPED: {what}")
    test.skipTest(what)


class H5pyTest(unittest.TestCase):
    def test_texts_have_any_length_and_axes_have_names(self):
        for path in (RUN, SWEEP):
            with h5py.File(path) as file:
                for name, data in file.items():
                    text = h5py.check_string_dtype(data.dtype)
                    if text is not None:
                        self.assertEqual((text.encoding, text.length), ("utf-8", None), name)
                    for k, dim in enumerate(data.dims):
                        self.assertTrue(h5py.h5ds.is_scale(data.id) or len(dim) == 1, f"{name}, axis {k} has no name")
                self.assertEqual(file.attrs["format_version"], 5)

    def test_curves_name_their_coordinates(self):
        for path in (RUN, SWEEP):
            with h5py.File(path) as file:
                self.assertEqual(file["loss"].attrs["coordinates"].decode(), "time step")
                for name in ("time", "step", "kappa"):
                    self.assertNotIn("coordinates", file[name].attrs)


class XarrayTest(unittest.TestCase):
    def check(self, engine):
        try:
            import xarray
            __import__({"h5netcdf": "h5netcdf", "netcdf4": "netCDF4"}[engine])
        except ImportError as error:
            skipped(self, f"xarray with {engine}: {error} (apt-get install python3-xarray python3-h5netcdf python3-netcdf4)")
        with xarray.open_dataset(RUN, engine=engine) as data:
            self.assertEqual((data.run_suite == "simulate").sum().item(), 1)
            self.assertEqual(data.sel(claim="T2b").claim_title.item(), "head change, upper bound")
            self.assertEqual((data.loss.attrs["units"], data.attrs["title"]), ("nats", "prefdyn simulate"))
            self.assertLessEqual({"time", "step"}, set(data.loss.coords))
            with h5py.File(RUN) as file:
                np.testing.assert_array_equal(data.loss.values, file["loss"][()])
                np.testing.assert_array_equal(data.loss.time.values, file["time"][()])
        with xarray.open_dataset(SWEEP, engine=engine) as data:
            self.assertEqual(data.loss.dims, ("distinguishability", "loss", "replicate", "record") if "config_loss" not in
                             data.variables else ("distinguishability", "config_loss", "replicate", "record"))

    def test_h5netcdf(self):
        self.check("h5netcdf")

    def test_netcdf4(self):
        self.check("netcdf4")


class OtherLanguages(unittest.TestCase):
    def run_script(self, command, script, what):
        if shutil.which(command[0]) is None:
            skipped(self, what)
        path = Path(FOLDER.name) / "script"
        path.write_text(script)
        done = subprocess.run([*command, path], capture_output=True, text=True)
        if "there is no package" in done.stderr or "package netcdf is not installed" in done.stderr + done.stdout:
            skipped(self, what)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with h5py.File(RUN) as file:
            loss, claims = file["loss"][0], [text.decode() for text in file["claim"][()]]
        words = done.stdout.split()
        self.assertEqual(words[0], str(len(claims)))
        self.assertEqual(float(words[1]), loss[-1])
        self.assertEqual(words[2:4], ["5", "1"], "the last axis of the file is the first there")
        self.assertEqual(words[4], "nats")
        return words[5:], claims

    def test_r(self):
        words, claims = self.run_script(["Rscript"], f"""library(ncdf4)
f <- nc_open("{RUN}")
claim <- ncvar_get(f, "claim"); loss <- ncvar_get(f, "loss", collapse_degen = FALSE)
cat(length(claim), format(loss[length(loss)], digits = 17), dim(loss),
    ncatt_get(f, "loss", "units")$value, claim)
""", "R's ncdf4 (apt-get install r-cran-ncdf4)")
        self.assertEqual(words, claims)

    def test_octave(self):
        """Numbers and attributes; its package netcdf 1.0.16 reads no variable of texts."""
        self.run_script(["octave-cli", "--quiet", "--no-gui"], f"""pkg load netcdf
holds = ncread("{RUN}", "claim_holds"); loss = ncread("{RUN}", "loss");
printf("%d %.17g %d %d %s", numel(holds), loss(end), size(loss), ncreadatt("{RUN}", "loss", "units"))
""", "Octave's netcdf (apt-get install octave-netcdf)")


if __name__ == "__main__":
    unittest.main()
