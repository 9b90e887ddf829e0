"""`python3 -m prefdyn.data IN --out pairs.jsonl [--model DIR]`: preference data of other forms as what prefdyn reads.

Reads parquet, arrow, folders of datasets, .json, .jsonl, also as .gz and .zst. Rows of messages are rendered with the
chat template of the model's folder, as TRL renders them. What is written has a line {"prompt", "chosen", "rejected"}
a pair; rows that are dropped are counted by reason.
"""

import argparse
import collections
import datetime
import json
import os
import sys
import tempfile
from pathlib import Path

from prefdyn import needed
from prefdyn.chat_template import ChatTemplate, Refused
from prefdyn.data_rows import rows_of
from prefdyn.program import Error, InputError

FORMS = """forms that are known, by their columns:
  prompt, chosen, rejected                 texts, or lists of messages (role, content); TRL's explicit prompt
  chosen, rejected                         lists of messages that share a beginning; TRL's implicit prompt, and
                                           UltraFeedback binarized with its column prompt
  chosen, rejected                         texts of dialogues, "Human: ... Assistant: ..."; HH-RLHF
  chosen, rejected                         other texts that share a beginning; TRL's implicit prompt
  system, question, chosen, rejected       orca
  instruction, input, chosen, rejected     Alpaca
  question, answer_matching_behavior, answer_not_matching_behavior     persona and the (A)/(B) evaluations"""
_PERSONA = ("question", "answer_matching_behavior", "answer_not_matching_behavior")
_TURN = "\n\nAssistant:"


class Dropped(Exception):
    """A row that makes no pair; says why."""


class Converter:
    """Turns rows into (prompt, chosen, rejected), by their columns."""

    def __init__(self, template=None, as_chat=False):
        self.template, self.as_chat = template, as_chat

    def pair(self, row):
        """Texts of a row. Raises Dropped, or InputError for a form that is not known."""
        prompt, chosen, rejected = self._pair(row)
        if not chosen.strip() or not rejected.strip():
            raise Dropped("an answer is empty")
        if chosen == rejected:
            raise Dropped("both answers are the same")
        return prompt, chosen, rejected

    def _pair(self, row):
        if all(name in row for name in _PERSONA):
            return self._texts("", *(row[name] for name in _PERSONA))
        if "chosen" not in row or "rejected" not in row:
            raise InputError(f"columns {', '.join(row) or 'none'}: not a form of preference data that is known", FORMS)
        chosen, rejected = row["chosen"], row["rejected"]
        if chosen is None or rejected is None:
            raise Dropped("an answer is missing")
        if _are_messages(chosen) and _are_messages(rejected):
            prompt = row.get("prompt")
            if _are_messages(prompt):
                return self._rendered(prompt, chosen, rejected)
            return self._rendered(*_split(chosen, rejected))
        if not isinstance(chosen, str) or not isinstance(rejected, str):
            raise InputError(f"chosen is a {type(chosen).__name__}, rejected a {type(rejected).__name__}: neither texts "
                             "nor messages", FORMS)
        if "question" in row:
            return self._texts(row.get("system") or "", row["question"], chosen, rejected)
        if "instruction" in row:
            rest = row.get("input") or ""
            return self._texts("", row["instruction"] + (f"\n\n{rest}" if rest else ""), chosen, rejected)
        if row.get("prompt") is None:
            return _dialogue(chosen, rejected)
        if _are_messages(row["prompt"]):
            return self._rendered(row["prompt"], *([{"role": "assistant", "content": text}] for text in (chosen, rejected)))
        return self._texts("", row["prompt"], chosen, rejected, plain=not self.as_chat)

    def _texts(self, system, prompt, chosen, rejected, plain=False):
        """As a dialogue of one turn where there is a template, else the texts themselves."""
        if not all(isinstance(each, str) for each in (system, prompt, chosen, rejected)):
            raise Dropped("a text is missing")
        if plain or self.template is None:
            return (f"{system}\n\n{prompt}" if system else prompt), chosen, rejected
        messages = [{"role": "system", "content": system}] if system else []
        return self._rendered([*messages, {"role": "user", "content": prompt}],
                              *([{"role": "assistant", "content": text}] for text in (chosen, rejected)))

    def _rendered(self, prompt, chosen, rejected):
        if self.template is None:
            raise InputError("rows hold messages", "--model DIR renders them with the chat template of the model you train")
        if not prompt:
            raise Dropped("no message before the answers")
        if not chosen or not rejected:
            raise Dropped("an answer is missing")
        try:
            return self.template.pair(prompt, chosen, rejected)
        except Refused as error:
            raise Dropped(f"the chat template refuses: {error}") from error


def _are_messages(value):
    return isinstance(value, list) and all(isinstance(each, dict) and "role" in each and "content" in each for each in value)


def _split(chosen, rejected):
    """The messages both share, and what follows in either; the answer begins with the assistant."""
    shared = 0
    while shared < min(len(chosen), len(rejected)) and chosen[shared] == rejected[shared]:
        shared += 1
    if shared == len(chosen) == len(rejected):
        raise Dropped("both answers are the same")
    return chosen[:shared], chosen[shared:], rejected[shared:]


def _dialogue(chosen, rejected):
    """Of texts: the prompt ends behind the last `Assistant:`, up to which both must be alike."""
    ends = [text.rfind(_TURN) for text in (chosen, rejected)]
    if max(ends) < 0:
        return _common_start(chosen, rejected)
    if min(ends) < 0:
        raise Dropped("one of the dialogues has no \"Assistant:\"")
    begins = [text[:end + len(_TURN)] for text, end in zip((chosen, rejected), ends)]
    if begins[0] != begins[1]:
        raise Dropped("the dialogues differ before the last answer")
    return begins[0], chosen[len(begins[0]):], rejected[len(begins[0]):]


def _common_start(chosen, rejected):
    """TRL's rule for texts: the prompt is what both begin with, a space at its end goes to the answers."""
    end = 0
    while end < min(len(chosen), len(rejected)) - 1 and chosen[end] == rejected[end]:
        end += 1
    if end > 0 and chosen[end] != rejected[end] and chosen[end - 1] == " ":
        end -= 1
    if end == 0:
        raise Dropped("nothing that both texts begin with")
    return chosen[:end], chosen[end:], rejected[end:]


def convert(source, out, converter, split=None, limit=None):
    """Writes `out` in one go; returns (pairs written, Counter of reasons, first prompt)."""
    out = Path(out)
    dropped, written, first = collections.Counter(), 0, None
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=out.parent, prefix=f"{out.name}.", suffix=".partial", delete=False,
                                     encoding="utf-8") as file:
        try:
            for place, row in rows_of(source, split):
                try:
                    prompt, chosen, rejected = converter.pair(row)
                except Dropped as reason:
                    dropped[str(reason)] += 1
                    continue
                except InputError as error:
                    raise InputError(f"{place}: {error.message}", error.hint) from error
                first = prompt if first is None else first
                file.write(json.dumps({"prompt": prompt, "chosen": chosen, "rejected": rejected}, ensure_ascii=False) + "\n")
                written += 1
                if limit is not None and written == limit:
                    break
            if written == 0:
                raise InputError(f"{source}: not one pair" + (f"; {_reasons(dropped)}" if dropped else ""))
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o644)
            os.replace(file.name, out)
        except BaseException:
            os.unlink(file.name)
            raise
    return written, dropped, first


def _reasons(dropped):
    return ", ".join(f"{count} rows: {reason}" for reason, count in dropped.most_common())


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="prefdyn.data", description=__doc__, epilog=FORMS,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", metavar="IN", help="a file, or a folder of datasets")
    parser.add_argument("-o", "--out", required=True, help="pairs.jsonl, for --data of finetune")
    parser.add_argument("--model", help="folder of the model whose chat template renders messages")
    parser.add_argument("--as-chat", action="store_true", help="render rows of plain texts as a dialogue of one turn too")
    parser.add_argument("--split", help="of a folder with several")
    parser.add_argument("--limit", type=int, help="at most so many pairs")
    parser.add_argument("--today", type=datetime.date.fromisoformat, metavar="YYYY-MM-DD",
                        help="what templates that tell the date say")
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    o = parser.parse_args(arguments)
    try:
        if Path(o.out).exists() and not o.force:
            raise InputError(f"{o.out}: exists already", "choose another --out or replace it with --force")
        if o.as_chat and not o.model:
            raise InputError("--as-chat: needs --model")
        template = ChatTemplate(o.model, o.today) if o.model else None
        written, dropped, first = convert(o.source, o.out, Converter(template, o.as_chat), o.split, o.limit)
    except (Error, needed.Missing, OSError, UnicodeDecodeError, EOFError) as error:
        print(f"prefdyn.data: {error}", file=sys.stderr)
        return 2
    print(f"wrote {written} pairs to {o.out}" + (f"; dropped {_reasons(dropped)}" if dropped else ""))
    if template is not None and template.bos and first.startswith(template.bos):
        print(f"note: the prompts begin with {template.bos}, from the template: train with --no-bos")
    return 0


if __name__ == "__main__":
    sys.exit(main())
