"""A model's own chat template, rendered by jinja2 in its sandbox."""

import datetime
import json
import signal
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

from prefdyn.needed import require
from prefdyn.program import InputError

SECONDS_A_ROW = 10


class Refused(Exception):
    """The template does not take these messages."""


class ChatTemplate:
    """The template of a model's folder."""

    def __init__(self, folder, today=None):
        require("jinja2")
        self.folder, self.today = Path(folder), today or datetime.date.today()
        config = _read_config(self.folder / "tokenizer_config.json")
        self.special = {key: _token(value) for key, value in config.items()
                        if key.endswith("_token") and _token(value) is not None}
        self.template = self._compiled(_source(self.folder, config))

    @property
    def bos(self):
        return self.special.get("bos_token", "")

    def render(self, messages, answer_next):
        """Text of messages; with answer_next it ends where the assistant begins."""
        try:
            with _limited():
                return self.template.render(messages=messages, add_generation_prompt=answer_next, tools=None,
                                            documents=None, **self.special)
        except Refused:
            raise
        except Exception as error:  # the template's own code may fail in any way
            raise Refused(str(error) or type(error).__name__) from error

    def pair(self, prompt, chosen, rejected):
        """(prompt, chosen, rejected) as texts, the answers being what follows the prompt in the whole dialogue."""
        begin = self.render(prompt, True)
        whole = [self.render([*prompt, *answer], False) for answer in (chosen, rejected)]
        begin = _common(begin, *whole)  # some templates end a prompt otherwise than they go on
        return begin, whole[0][len(begin):], whole[1][len(begin):]

    def _compiled(self, source):
        import jinja2
        import jinja2.ext
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        class Generation(jinja2.ext.Extension):
            """Marks what the assistant says; the text is the same."""

            tags = {"generation"}

            def parse(self, parser):
                line = next(parser.stream).lineno
                body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
                return jinja2.nodes.Scope(body, lineno=line)

        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                                    extensions=["jinja2.ext.loopcontrols", Generation])
        environment.filters["tojson"] = _as_json
        environment.globals["raise_exception"] = _refuse
        environment.globals["strftime_now"] = lambda form: self.today.strftime(form)
        try:
            return environment.from_string(source)
        except jinja2.TemplateError as error:
            raise InputError(f"{self.folder}: its chat template is no template: {error}") from error


def _source(folder, config):
    if (folder / "chat_template.jinja").is_file():
        return (folder / "chat_template.jinja").read_text(encoding="utf-8")
    source = config.get("chat_template")
    if isinstance(source, list):
        named = {each.get("name"): each.get("template") for each in source}
        source = named.get("default")
    if not isinstance(source, str):
        raise InputError(f"{folder}: has no chat template (chat_template.jinja, or in tokenizer_config.json)",
                         "messages need one; a model that was trained on dialogues has one")
    return source


def _read_config(path):
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from error


def _token(value):
    return value.get("content") if isinstance(value, dict) else value if isinstance(value, str) else None


def _as_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _refuse(message):
    raise Refused(message)


def _common(first, *others):
    """The longest beginning that all share."""
    for other in others:
        first = "".join(a for a, b in takewhile(lambda each: each[0] == each[1], zip(first, other)))
    return first


@contextmanager
def _limited():
    """A template that does not end is stopped."""
    def stop(*_):
        raise Refused(f"takes longer than {SECONDS_A_ROW} s")
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS_A_ROW)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
