"""docs/first_figure.ipynb, run from the first cell to the last: it must end in the figure."""

import base64
import os
import sys
import unittest
from pathlib import Path

try:
    import ipykernel  # noqa: F401
    import nbformat
    import xarray  # noqa: F401
    from nbclient import NotebookClient
except ImportError as error:
    print(f"SKIPPED: the notebook is not run: {error} (apt-get install python3-nbclient python3-ipykernel python3-xarray)")
    sys.exit(77)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "first_figure.ipynb"


class NotebookTest(unittest.TestCase):
    def test_it_runs_and_draws(self):
        page = nbformat.read(PAGE, as_version=4)
        for cell in page.cells:
            self.assertEqual(cell.get("outputs", []), [], "the page is kept without outputs")
        NotebookClient(page, timeout=300, kernel_name="python3").execute()
        outputs = [output for cell in page.cells for output in cell.get("outputs", [])]
        shown = [output["data"] for output in outputs if "data" in output]
        said = "".join(output.get("text", "") for output in outputs)
        self.assertIn(os.environ["PREFDYN"], shown[0]["text/plain"])
        pictures = [base64.b64decode(data["image/png"]) for data in shown if "image/png" in data]
        self.assertEqual(len(pictures), 1)
        self.assertTrue(pictures[0].startswith(b"\x89PNG") and len(pictures[0]) > 5000)
        self.assertIn("mean over n = 5", said.lower())
        self.assertNotIn("warning", said.lower())
        self.assertIn("holds", shown[-1]["text/plain"])
        lines = [line for cell in page.cells[:5] if cell.cell_type == "code" for line in cell.source.splitlines() if line]
        self.assertLess(len(lines), 10, "the figure takes fewer than ten lines")


if __name__ == "__main__":
    unittest.main()
