"""The report on files the built program writes; PREFDYN names it, PYTHONPATH is the source."""

import html
import io
import re
import shutil
import unittest
import xml.etree.ElementTree as xml
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import matplotlib.image
import numpy as np
from picture_checks import PictureChecks, draw, visible_texts
from report_support import (FIGURES, FILES, REPORTS, claim_column, edited, new_folder, page_of,
                            picture, replace, rows_of, run_report, set_up, tear_down)

from prefdyn import figures, report, results, tables, verdict

setUpModule = set_up
tearDownModule = tear_down


class PageTest(unittest.TestCase):
    def test_names_every_claim_and_the_verdict(self):
        for name, folder in REPORTS.items():
            page = (folder / "report.html").read_text(encoding="utf-8")
            data = results.read(FILES[name], figures.GROUPS)
            self.assertIn(html.escape(verdict.headline(data).text), page)
            self.assertIn("<p class=good>No violation: ", page)
            self.assertEqual([row[0] for row in rows_of(page, "Verdicts")], list(data["claim"]))
        self.assertEqual(len(results.read(FILES["features"])["claim"]), 16)

    def test_is_self_contained(self):
        for folder in REPORTS.values():
            page = (folder / "report.html").read_text(encoding="utf-8")
            for reference in re.findall(r"(?:src|href)\s*=\s*['\"]?([^'\"> ]{0,20})", page):
                self.assertTrue(reference.startswith(("data:image/png", "#")), reference)
            for outside in ("http:", "https:", "<script ", "<link", "@import", "url("):
                self.assertNotIn(outside, page)
            self.assertEqual(page.count("<img"), len(list(folder.glob("*.png"))))

    def test_same_input_gives_the_same_bytes(self):
        for name, folder in REPORTS.items():
            again = new_folder()
            self.assertEqual(run_report(FILES[name], "-o", again, PYTHONHASHSEED="7").returncode, 0)
            self.assertEqual({p.name for p in again.iterdir()}, {p.name for p in folder.iterdir()})
            for path in again.iterdir():
                self.assertEqual(path.read_bytes(), (folder / path.name).read_bytes(), path.name)

    def test_reasons_add_up_to_what_is_not_applicable(self):
        for name in ("verify", "features"):
            data = results.read(FILES[name])
            counted = dict.fromkeys(data["claim"], 0)
            listed = rows_of(tables.not_applicable(data), "Not applicable, and why")
            for claims, reason, often in listed:
                self.assertNotEqual(reason, "")
                for claim in claims.split(", "):
                    counted[claim] += int(often.split()[0])
            for c, claim in enumerate(data["claim"]):
                own = [i for i in range(data.size("case")) if data["case_claim"][i] == claim]
                judged = any(data["case_status"][i] != "not_applicable" for i in own)
                unmet = np.sum(data["verdict_status"][:, c] == 2)
                # Runs say nothing of a claim that only a study judges, once one has.
                expected = 0 if judged and unmet == data.size("run") else unmet
                for i in range(data.size("case")):
                    expected += (data["case_claim"][i] == claim
                                 and data["case_status"][i] == "not_applicable")
                self.assertEqual(counted[claim], expected, claim)

    def test_reasons_that_differ_in_numbers_share_a_row(self):
        def edit(file):
            column = claim_column(file, "T2b")
            file["verdict_status"][:3, column] = 2
            for run, reason in enumerate(("eta = 1.5 > 1", "eta = 2e-3 > 1", "no T2b at all")):
                file["verdict_reason"][run, column] = reason
        page = tables.not_applicable(results.read(edited("features", edit)))
        rows = rows_of(page, "Not applicable, and why")
        self.assertIn(["T2b", "eta = 1.5 > 1 (and 1 other value)", "2 runs"], rows)
        self.assertIn(["T2b", "no T2b at all", "1 run"], rows)

    def test_figures_come_in_the_order_of_the_theory(self):
        for name, first in (("verify", ("Initial update rate", "The head change", "How tight")),
                            ("features", ("Distinguishability of each", "More distinguishable"))):
            page = (REPORTS[name] / "report.html").read_text(encoding="utf-8")
            for title, shown in zip(first, re.findall("<figcaption><span>Figure [0-9]+.</span> <b>([^<]*)", page)):
                self.assertTrue(shown.startswith(title), shown)

    def test_long_tables_are_folded_unless_something_is_wrong(self):
        page = (REPORTS["verify"] / "report.html").read_text(encoding="utf-8")
        rows = len(rows_of(page, "Studies"))
        self.assertIn(f"<h2>Studies</h2><details><summary>{rows} rows</summary>", page)
        page, _ = page_of(edited("verify", lambda f: f["control_caught"].write_direct(
            np.zeros(f["control_caught"].shape))))
        self.assertIn("<h2>Negative controls: each must be caught</h2><details open>", page)

    def test_controls_on_given_features_share_a_row(self):
        data = results.read(FILES["features"])
        page = (REPORTS["features"] / "report.html").read_text(encoding="utf-8")
        place = [row[3] for row in rows_of(page, "Negative controls: each must be caught")]
        self.assertEqual(len(set(place)), 2)
        self.assertEqual(sum(int(text.split(": ")[1]) for text in place if "given" in text),
                         int(np.sum(data["control_data"] != "")))

    def test_files_of_one_name_keep_their_figures_apart(self):
        other = new_folder() / "run.h5"
        shutil.copy(FILES["run"], other)
        out = other.parent / "out"
        self.assertEqual(report.main([str(FILES["run"]), str(other), "-o", str(out)]), 0)
        self.assertEqual({p.stem for p in out.glob("*.png")},
                         {"run-1-run", "run-2-run", "run-1-tightness", "run-2-tightness"})


    def test_links_lead_somewhere_and_every_figure_has_one(self):
        for folder in REPORTS.values():
            page = (folder / "report.html").read_text(encoding="utf-8")
            anchors = re.findall(r"\bid=([\w-]+)", page)
            self.assertEqual(len(anchors), len(set(anchors)))
            self.assertLessEqual(set(re.findall("href=#([^>]+)", page)), set(anchors))
            shown = page.count("<figure ")
            self.assertEqual([f"s1-figure-{k + 1}" in anchors for k in range(shown)], [True] * shown)
            self.assertEqual(page.count("<li><a href=#s1-figure-"), shown)
            self.assertIn("<meta name=viewport ", page)
            self.assertRegex(page, "<p class=from>commit [0-9a-f]{12}.*, 2[0-9]{3}-")
        page = (REPORTS["verify"] / "report.html").read_text(encoding="utf-8")
        number = re.search(r"id=s1-figure-(\d+)><img alt='The head change stays", page)[1]
        self.assertRegex(page, f"<td id=s1-T2b>T2b</td><td>head change, upper bound <span class=see>.*#s1-figure-{number}>")

    def test_a_page_that_is_not_its_own_stays(self):
        out = new_folder()
        call = [str(FILES["run"]), "-o", str(out)]
        (out / "report.html").write_text("mine")
        errors = io.StringIO()
        with redirect_stderr(errors):
            self.assertEqual(report.main(call), 2)
        self.assertIn("is no report of prefdyn", errors.getvalue())
        self.assertEqual((out / "report.html").read_text(), "mine")
        self.assertEqual(report.main([*call, "--force"]), 0)
        self.assertEqual(report.main(call), 0)
        with redirect_stderr(errors):
            self.assertEqual(report.main([str(FILES["features"]), "-o", str(out)]), 2)
        self.assertIn("is the report of run.h5", errors.getvalue())


class FigureTest(PictureChecks, unittest.TestCase):
    def test_every_figure_comes_in_every_format(self):
        for name, folder in REPORTS.items():
            kinds = ("png", "svg", "pdf")
            expected = {f"{stem}.{kind}" for stem in FIGURES[name] for kind in kinds}
            self.assertLessEqual(expected, {path.name for path in folder.iterdir()})
            for stem in FIGURES[name]:
                pdf = (folder / f"{stem}.pdf").read_bytes()
                self.assertTrue(pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF"))
                drawing = xml.parse(folder / f"{stem}.svg").getroot()
                self.assertGreater(len(list(drawing.iter("{http://www.w3.org/2000/svg}path"))), 20)

    def test_pictures_show_something_and_cut_nothing_off(self):
        for folder in REPORTS.values():
            for path in sorted(folder.glob("*.png")):
                with self.subTest(path.name):
                    self.check_picture(matplotlib.image.imread(path)[:, :, :3])

    def test_figures_mark_what_is_violated(self):
        def edit(file):
            for claim, row in (("T2b", 0), ("T5g", 1)):
                file["verdict_status"][row, claim_column(file, claim)] = 1
            file["claim_tightness_max"][claim_column(file, "T2b")] = np.inf
            file["case_status"][0] = "violated"
        data = results.read(edited("verify", edit), figures.GROUPS)
        plots = figures.draw_all(data)
        for plot in plots:
            self.check_edges(draw(plot.figure))
        shown = {plot.name: [t.get_text() for t in visible_texts(plot.figure)]
                 for plot in plots}
        marked = [text.split()[-1] for text in shown["tightness"] if text.startswith("VIOLATED")]
        self.assertEqual(marked, ["T2b", "T5g"])
        self.assertEqual(shown["coverage"].count("VIOLATED"), 1)

    def test_no_text_covers_another(self):
        for name in FILES:
            for plot in figures.draw_all(results.read(FILES[name], figures.GROUPS)):
                with self.subTest(plot.name):
                    self.check_texts(plot.figure)


class VerdictTest(unittest.TestCase):
    def test_a_violated_run_is_shouted_and_listed(self):
        def edit(file):
            column = claim_column(file, "T2b")
            file["verdict_status"][0, column] = 1
            file["verdict_reason"][0, column] = "exceeded by 3 %"
            file["verdict_witness_step"][0, column] = 17
        page, _ = page_of(edited("run", edit))
        claims = results.read(FILES["run"]).size("claim")
        self.assertIn(f"<p class=bad>VIOLATED: 1 of {claims} claims (T2b).", page)
        row, = rows_of(page, "Violated")
        self.assertEqual([row[0], row[3], row[5]], ["T2b", "17", "exceeded by 3 %"])
        self.assertNotIn("<h2>Violated</h2>", (REPORTS["run"] / "report.html").read_text("utf-8"))

    def test_a_violated_coverage_test_is_shouted_and_listed(self):
        def edit(file):
            row = list(file["case_status"].asstr()[:]).index("holds")
            file["case_status"][row] = "violated"
        data = results.read(edited("verify", edit))
        line = verdict.headline(data)
        self.assertEqual(line.mood, "bad")
        self.assertIn(f"VIOLATED: 1 of {data.size('claim')} claims (T5g)", line.text)
        self.assertEqual(rows_of(tables.violations(data), "Violated")[0][0], "T5g")

    def test_a_control_that_is_not_caught_is_shouted(self):
        def edit(file):
            file["control_caught"][1] = 0
        page, _ = page_of(edited("features", edit))
        self.assertIn("<p class=bad>1 NEGATIVE CONTROL NOT CAUGHT.", page)
        self.assertIn("<td class=bad>NOT CAUGHT</td>", page)

    def test_nothing_judged_is_no_success(self):
        def edit(file):
            replace(file, "claim_status", ["not_applicable"] * len(file["claim"]))
        line = verdict.headline(results.read(edited("run", edit)))
        self.assertEqual(line.mood, "open")
        self.assertIn("NOTHING JUDGED", line.text)

    def test_shows_the_stored_numbers_and_recomputes_none(self):
        def tightness(file):
            file["claim_tightness_median"][claim_column(file, "T2b")] = 0.0123456

        def head_change(file):
            file["head_change"][0, -1] *= 0.5
        before = REPORTS["run"]
        for edit, changed, same in ((tightness, "tightness", "run"),
                                    (head_change, "run", "tightness")):
            page, out = page_of(edited("run", edit))
            self.assertNotEqual(picture(out, changed), picture(before, changed))
            self.assertEqual(picture(out, same), picture(before, same))
            self.assertEqual("<td>0.0123</td>" in page, edit is tightness)


class BadFileTest(unittest.TestCase):
    def test_refuses_and_writes_nothing(self):
        folder = new_folder()
        content = FILES["run"].read_bytes()
        bad = {name: folder / name for name in ("truncated.h5", "text.h5", "empty.h5")}
        bad["truncated.h5"].write_bytes(content[:len(content) // 2])
        bad["text.h5"].write_text("step,loss\n0,0.69\n")
        bad["empty.h5"].write_bytes(b"")
        cases = [(path, "") for path in bad.values()] + [
            (folder / "missing.h5", "no such file"),
            (edited("run", lambda f: f.attrs.modify("format_version", 99)), "format_version is 99"),
            (edited("run", lambda f: f.attrs.pop("format_version")), "format_version is none"),
            (edited("run", lambda f: f.pop("head_change")), "dataset head_change is missing"),
            (edited("run", lambda f: f.pop("bound_T2b")), "dataset bound_T2b is missing"),
            (edited("verify", lambda f: f.pop("case_delta")), "case_delta is missing"),
            (edited("verify", lambda f: f.pop("control_fault")), "control_fault is missing"),
            (edited("run", lambda f: replace(f, "loss", f["loss"][:, 1:])), "loss has shape"),
            (edited("run", lambda f: replace(f, "kappa", ["much"])), "expected numbers"),
            (edited("run", lambda f: replace(f, "run_name", [1.0])), "expected text"),
            (edited("run", lambda f: replace(f, "record", 3)), "axis record"),
            (edited("run", lambda f: replace(f, "claim_status", ["fine"] * len(f["claim"]))),
             "claim_status holds 'fine'"),
            (edited("run", lambda f: f["verdict_status"].write_direct(
                np.full(f["verdict_status"].shape, 6))), "code outside"),
        ]
        for path, words in cases:
            with self.subTest(words or path.name):
                self.check_refused(path, words)

    def check_refused(self, path, words):
        """Alone and after a good file, into a new folder and into one with an older report."""
        new, old = (new_folder() / name for name in ("new", "old"))
        old.mkdir()
        (old / "report.html").write_text("<title>prefdyn report</title>older")
        for arguments, out in (([path], new), ([FILES["run"], path], old)):
            errors = io.StringIO()
            with redirect_stderr(errors):
                code = report.main([*map(str, arguments), "-o", str(out)])
            self.assertEqual(code, 2)
            self.assertIn(str(path), errors.getvalue())
            self.assertIn(words, errors.getvalue())
        self.assertFalse(new.exists())
        self.assertEqual([p.name for p in old.iterdir()], ["report.html"])
        self.assertEqual((old / "report.html").read_text(), "<title>prefdyn report</title>older")

    def test_exit_code_of_the_command(self):
        done = run_report("nowhere.h5", "-o", new_folder() / "none")
        self.assertEqual(done.returncode, 2)
        self.assertIn("nowhere.h5: no such file", done.stderr)
        self.assertNotIn("Traceback", done.stderr)


class DocumentTest(unittest.TestCase):
    def test_the_example_of_the_file_format_reads_a_result(self):
        page = Path(report.__file__).parents[2] / "docs" / "file-format.md"
        code = page.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
        self.assertLessEqual(len(code.splitlines()), 10)
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(code.replace("results/verify.h5", str(FILES["verify"])), {})
        lines = printed.getvalue().splitlines()
        self.assertIn("T2b holds", lines)
        self.assertTrue(any(line.startswith("/run quick = true") for line in lines))
        self.assertNotIn("nan", printed.getvalue())


class GroupTest(unittest.TestCase):
    NEW = results.Group(numbers={("run", "flavour"): "sweetness"}, text={("flavour",): "colour"})

    def test_absent_is_skipped_whole_is_read_part_is_refused(self):
        self.assertNotIn("sweetness", results.read(FILES["run"], [self.NEW]))

        def whole(file):
            file["flavour"], file["sweetness"] = [1, 2], [[0.5, 0.25]]
            file["colour"] = ["red", "blue"]
        data = results.read(edited("run", whole), [self.NEW])
        self.assertEqual(list(data["sweetness"][0]), [0.5, 0.25])
        self.assertEqual(list(data["colour"]), ["red", "blue"])
        with self.assertRaisesRegex(results.ResultError, "dataset flavour is missing"):
            results.read(edited("run", lambda f: f.update({"sweetness": [[1.0, 2.0]]})), [self.NEW])

    def test_a_group_of_a_claim_comes_with_it(self):
        bound = results.Group(numbers={("run", "record"): "bound_of_taste"}, claim="T1")
        with self.assertRaisesRegex(results.ResultError, "bound_of_taste is missing"):
            results.read(FILES["run"], [bound])
        other = results.Group(numbers={("run", "record"): "bound_of_taste"}, claim="X9")
        self.assertNotIn("bound_of_taste", results.read(FILES["run"], [other]))


if __name__ == "__main__":
    unittest.main()
