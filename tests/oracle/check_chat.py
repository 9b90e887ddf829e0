"""Chat templates as prefdyn.data renders them, against transformers (needs transformers, jinja2; PYTHONPATH=analysis)."""

import datetime
import sys
import tempfile
from pathlib import Path

from transformers.utils.chat_template_utils import render_jinja_template

from prefdyn.chat_template import ChatTemplate

TEMPLATES = {
    "blocks and blanks": "{% for m in messages %}\n    {%- if loop.first %}\n{{ bos_token }}\n    {% endif %}\n"
                         "<{{ m.role }}>\n  {{ m['content'] | trim }}\n</{{ m.role }}>\n{% endfor %}\n"
                         "{% if add_generation_prompt %}\n<assistant>\n{% endif %}\n",
    "names, json and loops": "{% set ns = namespace(count=0) %}{% for m in messages %}{% if m.role == 'system' %}{% continue %}"
                             "{% endif %}{% set ns.count = ns.count + 1 %}[{{ ns.count }}]{{ m | tojson }}{% endfor %}"
                             "{{ {'b': 1, 'a': '<é>'} | tojson(indent=2) }}",
    "what the assistant says": "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}\n"
                               "{% endgeneration %}{% else %}{{ m.content }}\n{% endif %}{% endfor %}",
    "the year": "{{ strftime_now('%Y') }}{% for m in messages %}{{ m.content }}{% endfor %}",
}
DIALOGUES = [[{"role": "user", "content": " Hello? "}],
             [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "süß\n\n<b>"},
              {"role": "assistant", "content": "Yes."}, {"role": "user", "content": "{{ 1 }}"}]]


def main():
    wrong = 0
    for name, template in TEMPLATES.items():
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "chat_template.jinja").write_text(template, encoding="utf-8")
            (Path(folder) / "tokenizer_config.json").write_text('{"bos_token": "<s>"}')
            own = ChatTemplate(folder, datetime.date.today())
            for dialogue in DIALOGUES:
                for answer_next in (False, True):
                    want = render_jinja_template([dialogue], chat_template=template, add_generation_prompt=answer_next,
                                                 bos_token="<s>")[0][0]
                    if own.render(dialogue, answer_next) != want:
                        wrong += 1
                        print(f"{name}: {own.render(dialogue, answer_next)!r}, transformers {want!r}")
    print(f"{wrong} differences in {4 * len(TEMPLATES)} texts")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
