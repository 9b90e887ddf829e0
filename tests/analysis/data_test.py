"""`python3 -m prefdyn.data`: every form of preference data as pairs, rendered as the model's own template says."""

import gzip
import io
import json
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from prefdyn import data, needed
from prefdyn.chat_template import ChatTemplate

FOLDER = tempfile.TemporaryDirectory()
ROOT = Path(FOLDER.name)
CHATML = ("{{ bos_token }}{% for message in messages %}\n{{ '<|im_start|>' + message['role'] + '\\n' + message['content']"
          " | trim + '<|im_end|>' }}{% endfor %}\n{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
# It ends a prompt with a mark that no finished answer has, and refuses system messages.
THINKING = ("{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system here') }}{% endif %}"
            "[{{ m.role }}]{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}"
            "{% if add_generation_prompt %}[assistant]<think>{% endif %}")


def tearDownModule():
    FOLDER.cleanup()


def message(role, content):
    return {"role": role, "content": content}


def model(template, name="model", bos="<s>", in_config=False):
    folder = ROOT / name
    folder.mkdir(exist_ok=True)
    config = {"bos_token": {"content": bos}, "eos_token": "</s>"}
    if in_config:
        config["chat_template"] = [{"name": "other", "template": "x"}, {"name": "default", "template": template}]
    else:
        (folder / "chat_template.jinja").write_text(template)
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def write(name, rows):
    path = ROOT / name
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    return path


def call(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = data.main([str(each) for each in arguments])
    return code, out.getvalue(), err.getvalue()


def converted(source, *arguments):
    """The pairs made of a file, and what was said."""
    out = ROOT / "pairs.jsonl"
    code, said, err = call(source, "--out", out, "--force", *arguments)
    if code:
        raise AssertionError(err)
    return [tuple(json.loads(line).values()) for line in out.read_text(encoding="utf-8").splitlines()], said


def refusal(*arguments):
    code, _, err = call(*arguments)
    assert code == 2, (code, err)
    return err


PROMPT = [message("system", "Be kind."), message("user", "Hello?")]
RENDERED = "<s><|im_start|>system\nBe kind.<|im_end|><|im_start|>user\nHello?<|im_end|><|im_start|>assistant\n"


class Forms(unittest.TestCase):
    def test_plain(self):
        rows = [{"prompt": "Q ", "chosen": "A", "rejected": "B"}]
        self.assertEqual(converted(write("a.jsonl", rows))[0], [("Q ", "A", "B")])
        self.assertEqual(converted(write("a.jsonl", rows), "--model", model(CHATML), "--as-chat")[0],
                         [("<s><|im_start|>user\nQ<|im_end|><|im_start|>assistant\n", "A<|im_end|>", "B<|im_end|>")])

    def test_messages(self):
        """TRL's explicit prompt, implicit prompt, and UltraFeedback's prompt beside whole dialogues: one result."""
        answers = [[message("assistant", text)] for text in ("Hi.", "Go away.")]
        explicit = {"prompt": PROMPT, "chosen": answers[0], "rejected": answers[1]}
        implicit = {"chosen": PROMPT + answers[0], "rejected": PROMPT + answers[1]}
        for row in (explicit, implicit, {"prompt": "Hello?", "score_chosen": 8.0, **implicit},
                    {"prompt": PROMPT, "chosen": "Hi.", "rejected": "Go away."}):
            pairs, said = converted(write("m.jsonl", [row]), "--model", model(CHATML))
            self.assertEqual(pairs, [(RENDERED, "Hi.<|im_end|>", "Go away.<|im_end|>")])
            self.assertIn("--no-bos", said)
        self.assertIn("--model DIR", refusal(write("m.jsonl", [explicit]), "--out", ROOT / "none.jsonl"))
        self.assertFalse((ROOT / "none.jsonl").exists())

    def test_prompt_that_goes_on_otherwise(self):
        row = {"prompt": [message("user", "1")], "chosen": [message("assistant", "2")], "rejected": [message("assistant", "3")]}
        self.assertEqual(converted(write("m.jsonl", [row]), "--model", model(THINKING, "thinking", in_config=True))[0],
                         [("[user]1[assistant]", "2", "3")])

    def test_columns_by_name(self):
        orca = {"system": "Be kind.", "question": "Hello?", "chosen": "Hi.", "rejected": "Go away."}
        alpaca = {"instruction": "Add.", "input": "1 2", "chosen": "3", "rejected": "4"}
        persona = {"question": "Is it?\n (A) yes\n (B) no", "answer_matching_behavior": " (A)",
                   "answer_not_matching_behavior": " (B)", "label_confidence": 1.0}
        dialogue = {"chosen": "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: d",
                    "rejected": "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: e"}
        implicit = {"chosen": "Is it? Yes", "rejected": "Is it? No"}
        rows = [orca, alpaca, persona, dialogue, implicit]
        expected = [("Be kind.\n\nHello?", "Hi.", "Go away."), ("Add.\n\n1 2", "3", "4"),
                    ("Is it?\n (A) yes\n (B) no", " (A)", " (B)"),
                    ("\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant:", " d", " e"), ("Is it?", " Yes", " No")]
        self.assertEqual([converted(write("c.jsonl", [row]))[0][0] for row in rows], expected)
        self.assertEqual(converted(write("c.jsonl", [orca]), "--model", model(CHATML))[0],
                         [(RENDERED, "Hi.<|im_end|>", "Go away.<|im_end|>")])
        self.assertIn("orca", refusal(write("c.jsonl", [{"text": "x"}]), "--out", ROOT / "none.jsonl"))
        self.assertIn("c.jsonl:1", refusal(write("c.jsonl", [{"chosen": 1, "rejected": 2}]), "--out", ROOT / "none.jsonl"))

    def test_dropped_rows_are_counted(self):
        same = {"prompt": "Q", "chosen": "A", "rejected": "A"}
        self.assertIn("nothing that both", refusal(write("d.jsonl", [{"chosen": "a", "rejected": "b"}]), "--out",
                                                   ROOT / "none.jsonl"))
        rows = [{"prompt": "Q", "chosen": "A", "rejected": "B"}, same, same, {"prompt": "Q", "chosen": " ", "rejected": "B"}]
        pairs, said = converted(write("d.jsonl", rows))
        self.assertEqual(len(pairs), 1)
        self.assertIn("2 rows: both answers are the same, 1 rows: an answer is empty", said)
        self.assertIn("not one pair", refusal(write("d.jsonl", [same]), "--out", ROOT / "none.jsonl"))
        system = {"prompt": PROMPT, "chosen": [message("assistant", "a")], "rejected": [message("assistant", "b")]}
        self.assertIn("no system here", refusal(write("d.jsonl", [system]), "--out", ROOT / "none.jsonl",
                                                "--model", model(THINKING, "thinking")))


class Files(unittest.TestCase):
    ROWS = [{"prompt": f"Frage {k}: süß?", "chosen": "ja", "rejected": "nein"} for k in range(3)]
    EXPECTED = [(row["prompt"], "ja", "nein") for row in ROWS]

    def check(self, path, *arguments):
        self.assertEqual(converted(path, *arguments)[0], self.EXPECTED)

    def test_json(self):
        text = "\ufeff" + "\r\n".join(json.dumps(row, ensure_ascii=False) for row in self.ROWS) + "\r\n\r\n"
        (ROOT / "x.jsonl").write_text(text, encoding="utf-8")
        self.check(ROOT / "x.jsonl")
        with gzip.open(ROOT / "x.jsonl.gz", "wt", encoding="utf-8") as file:
            file.write(text)
        self.check(ROOT / "x.jsonl.gz")
        (ROOT / "x.json").write_text(json.dumps(self.ROWS))
        self.check(ROOT / "x.json")
        (ROOT / "x.json").write_text(json.dumps({"data": self.ROWS}))
        self.check(ROOT / "x.json")
        self.assertIn("x.jsonl:1: not JSON", self.refused("x.jsonl", "{"))
        self.assertIn("not a row", self.refused("x.jsonl", "[1]"))
        self.assertIn("known:", self.refused("x.txt", "a"))
        self.assertIn("no such file", refusal(ROOT / "absent", "--out", ROOT / "none.jsonl"))

    def refused(self, name, text):
        (ROOT / name).write_text(text)
        return refusal(ROOT / name, "--out", ROOT / "none.jsonl")

    def test_no_file_is_replaced(self):
        out = ROOT / "mine.jsonl"
        out.write_text("mine")
        self.assertIn("--force", refusal(write("a.jsonl", self.ROWS), "--out", out))
        self.assertEqual(out.read_text(), "mine")

    def test_zst(self):
        zstandard = package(self, "zstandard")
        text = "".join(json.dumps(row) + "\n" for row in self.ROWS)
        (ROOT / "x.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(text.encode()))
        self.check(ROOT / "x.jsonl.zst")

    def test_parquet_and_arrow(self):
        pyarrow = package(self, "pyarrow")
        import pyarrow.parquet
        table = pyarrow.Table.from_pylist(self.ROWS)
        pyarrow.parquet.write_table(table, ROOT / "x.parquet")
        self.check(ROOT / "x.parquet")
        for name, new in (("train", pyarrow.ipc.new_stream), ("test", pyarrow.ipc.new_file)):
            folder = ROOT / "saved" / name
            folder.mkdir(parents=True)
            with new(str(folder / "data-00000-of-00001.arrow"), table.schema) as file:
                file.write_table(table)
            (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))
        (ROOT / "saved" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
        self.check(ROOT / "saved", "--split", "train")
        self.check(ROOT / "saved", "--split", "test")
        self.check(ROOT / "saved" / "test")
        self.assertIn("train, test", refusal(ROOT / "saved", "--out", ROOT / "none.jsonl"))
        messages = [{"chosen": PROMPT + [message("assistant", "Hi.")], "rejected": PROMPT + [message("assistant", "No.")]}]
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(messages), ROOT / "m.parquet")
        self.assertEqual(converted(ROOT / "m.parquet", "--model", model(CHATML))[0],
                         [(RENDERED, "Hi.<|im_end|>", "No.<|im_end|>")])
        (ROOT / "x.parquet").write_bytes(b"PAR1 no")
        self.assertIn("parquet", refusal(ROOT / "x.parquet", "--out", ROOT / "none.jsonl"))


class Templates(unittest.TestCase):
    def test_no_template_and_a_wrong_one(self):
        row = write("m.jsonl", [{"prompt": PROMPT, "chosen": PROMPT, "rejected": PROMPT}])
        empty = ROOT / "empty"
        empty.mkdir()
        self.assertIn("no chat template", refusal(row, "--out", ROOT / "none.jsonl", "--model", empty))
        self.assertIn("is no template", refusal(row, "--out", ROOT / "none.jsonl", "--model", model("{% if %}", "wrong")))

    def test_it_is_in_a_sandbox(self):
        row = write("m.jsonl", [{"prompt": [message("user", "1")], "chosen": [message("assistant", "2")],
                                 "rejected": [message("assistant", "3")]}])
        for wicked in ("{{ messages.__class__.__mro__ }}", "{{ messages.append(1) }}", "{% for i in range(9999999) %}{% endfor %}"):
            self.assertIn("refuses", refusal(row, "--out", ROOT / "none.jsonl", "--model", model(wicked, "wicked")))


def package(test, name):
    try:
        needed.require(name)
    except needed.Missing as missing:
        print(f"SKIPPED: {missing}")
        test.skipTest(str(missing))
    return __import__(name)


try:
    needed.require("jinja2")
except needed.Missing as missing:
    print(f"SKIPPED: {missing}")
    del Templates, Forms

if __name__ == "__main__":
    unittest.main()
