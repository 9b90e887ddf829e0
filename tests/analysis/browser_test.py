"""The report in a real browser: no sideways scroll on a telephone, no error, tables that filter and sort."""

import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from report_support import FILES, prefdyn, run_report, set_up_folder, tear_down

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if BROWSER is None:
    print("SKIPPED: the report is looked at in no browser (apt-get install chromium)")
    sys.exit(77)

tearDownModule = tear_down
# The page in a frame as wide as a telephone; what is found stands in the body in the end.
FRAME = """<!doctype html><meta charset=utf-8><body><iframe style="width:390px;height:800px;border:0" srcdoc="{page}"></iframe>
<script>
const frame=document.querySelector("iframe"),found={{errors:[]}};
frame.addEventListener("load",()=>{{
const inner=frame.contentDocument,table=[...inner.querySelectorAll("table")].find(t=>t.rows.length>12);
found.width=inner.documentElement.scrollWidth;found.view=frame.contentWindow.innerWidth;
found.pictures=[...inner.images].filter(each=>!each.naturalWidth).length;
const box=inner.querySelector("input[type=search]"),shown=()=>[...table.rows].slice(1).filter(r=>!r.hidden);
found.rows=shown().length;box.value="T2";box.dispatchEvent(new frame.contentWindow.Event("input"));
found.filtered=shown().map(r=>r.cells[0].textContent);
box.value="";box.dispatchEvent(new frame.contentWindow.Event("input"));
const column=[...table.rows[0].cells].findIndex(c=>c.textContent==="Holds");
table.rows[0].cells[column].click();found.up=shown().map(r=>+r.cells[column].textContent);
table.rows[0].cells[column].click();found.down=shown().map(r=>+r.cells[column].textContent);
const style=frame.contentWindow.getComputedStyle(inner.body);found.page=style.backgroundColor;found.ink=style.color;
document.body.innerHTML="<pre id=found></pre>";document.body.firstChild.textContent=JSON.stringify(found);}});
</script>"""


def setUpModule():
    folder = set_up_folder()
    FILES["run"] = folder / "run.h5"
    prefdyn("simulate", "--distinguishability", "2", "--dimension", "8", "--samples", "100", "--held-out", "50",
            "--out", FILES["run"])
    done = run_report(FILES["run"], "-o", folder / "report")
    assert done.returncode == 0, done.stderr
    FILES["page"] = folder / "report" / "report.html"


def looked_at(*options):
    """What FRAME finds, and what the browser's console says."""
    page = FILES["page"].read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.html"
        path.write_text(FRAME.format(page=html.escape(page, quote=True)), encoding="utf-8")
        done = subprocess.run([BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
                               f"--user-data-dir={folder}/profile", "--virtual-time-budget=5000", *options, "--dump-dom",
                               path.as_uri()], capture_output=True, text=True, timeout=240)
    found = re.search("<pre id=\"found\">(.*?)</pre>", done.stdout, re.S)
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(html.unescape(found[1])), [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def brightness(colour):
    return sum(map(int, re.findall(r"\d+", colour)[:3]))


class BrowserTest(unittest.TestCase):
    def test_on_a_telephone(self):
        found, console = looked_at()
        self.assertEqual(console, [])
        self.assertEqual(found["view"], 390)
        self.assertLessEqual(found["width"], 390, "the page scrolls sideways")
        self.assertEqual(found["pictures"], 0, "a picture is not shown")
        self.assertTrue({"T2a", "T2b"} <= set(found["filtered"]))
        self.assertLess(len(found["filtered"]), found["rows"])
        self.assertEqual(found["up"], sorted(found["up"]))
        self.assertEqual(found["down"], sorted(found["down"], reverse=True))
        self.assertGreater(len(set(found["up"])), 1)
        self.assertGreater(brightness(found["page"]), brightness(found["ink"]))

    def test_in_the_dark(self):
        found, console = looked_at("--blink-settings=preferredColorScheme=0")
        self.assertEqual(console, [])
        self.assertLess(brightness(found["page"]), brightness(found["ink"]))


if __name__ == "__main__":
    unittest.main()
