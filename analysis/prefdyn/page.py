"""The page around the report's sections: contents, anchors, links, colours for light and dark, tables that sort."""

import html
import re
from pathlib import Path

GENERATOR = "prefdyn.report"
_THEORY = Path(__file__).resolve().parents[2] / "docs" / "theory.md"
_CLAIM = re.compile(r"\b(?:T\d+[a-z]*|X\d+)\b")

CSS = """:root{color-scheme:light dark;--page:#fff;--ink:#222;--line:#ccc;--head:#f3f3f3;--link:#0050a0;--good:#009e73;
--open:#e69f00;--bad:#b34700}
@media(prefers-color-scheme:dark){:root{--page:#16181b;--ink:#e2e2e0;--line:#44484d;--head:#25282c;--link:#7db8ff;
--bad:#c55a11}}
body{font:15px/1.5 sans-serif;max-width:62em;margin:2em auto;padding:0 1em;background:var(--page);color:var(--ink);
overflow-wrap:break-word}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
h1{font-size:1.5em;line-height:1.25;overflow-wrap:anywhere}h2{font-size:1.2em}
.scroll{overflow-x:auto;margin:1em 0}table{border-collapse:collapse;font-size:13px}
th{background:var(--head);white-space:nowrap}td,th{border-bottom:1px solid var(--line);padding:.25em .6em;text-align:left;
vertical-align:top}th[aria-sort]{cursor:pointer}th[aria-sort=ascending]::after{content:" ▲"}
th[aria-sort=descending]::after{content:" ▼"}
.filter{font:inherit;font-size:13px;padding:.2em .5em;width:18em;max-width:100%;box-sizing:border-box;
background:var(--page);color:var(--ink);border:1px solid var(--line)}
figure{margin:1.5em 0}img{max-width:100%;height:auto;background:#fff}figcaption{font-size:13px;max-width:60em}
p.good,p.open{padding:.5em 1em;border-left:6px solid var(--good)}p.open{border-color:var(--open)}
.bad{background:var(--bad);color:#fff;font-weight:bold;padding:.5em 1em}
.from,.see{font-size:13px;opacity:.8}nav ul{margin:.3em 0;padding-left:1.2em;list-style:none}nav li li{font-size:13px}
td math{display:block math;width:fit-content;margin:.2em 0}
pre{font-size:12px;white-space:pre-wrap;overflow-wrap:anywhere}
@media(max-width:600px){body{margin:1em auto;padding:0 .7em}figure{margin:1em 0}}
@media print{.filter{display:none}}"""

# Without it the page reads the same; with it tables of many rows sort by a click on a head and filter by words.
SCRIPT = """for(const table of document.querySelectorAll("table")){
const rows=[...table.querySelectorAll("tr")].slice(1);if(rows.length<12)continue;
const box=document.createElement("input");box.type="search";box.className="filter";
box.placeholder="filter "+rows.length+" rows";box.setAttribute("aria-label","filter rows");
table.parentElement.before(box);
box.addEventListener("input",()=>{const words=box.value.toLowerCase().split(/\\s+/);
for(const row of rows){const text=row.textContent.toLowerCase();
row.hidden=!words.every(word=>text.includes(word));}});
const value=(row,k)=>row.children[k].textContent.trim();
table.querySelectorAll("th").forEach((head,k)=>{head.setAttribute("aria-sort","none");head.tabIndex=0;
const sort=()=>{const up=head.getAttribute("aria-sort")!=="ascending";
for(const other of table.querySelectorAll("th"))other.setAttribute("aria-sort","none");
head.setAttribute("aria-sort",up?"ascending":"descending");
const key=row=>{const text=value(row,k),number=parseFloat(text);
return/^[-+]?[0-9.]/.test(text)&&!isNaN(number)?[0,number,text]:[text==="–"?2:1,0,text];};
rows.map(row=>[key(row),row]).sort(([a],[b])=>a[0]-b[0]||(up?1:-1)*(a[1]-b[1]||a[2].localeCompare(b[2])))
.forEach(([,row])=>row.parentElement.append(row));};
head.addEventListener("click",sort);
head.addEventListener("keydown",event=>{if(event.key==="Enter")sort();});});}"""


def numbered(section, place, out):
    """A section with anchors, its figures numbered and linked with the claims; and its contents."""
    links = _Links(f"s{place}", _theory_from(out))
    section = re.sub(r"<figure>.*?</figure>|<h2>.*?</h2>", links.part, section, flags=re.S)
    section = re.sub(r"(<h2>Verdicts</h2>.*?<table>)(.*?)(</table>)", links.verdicts, section, flags=re.S)
    title = re.search(r"<h1>(.*?)</h1>", section)[1]
    section = section.replace("<h1>", f"<h1 id={links.name}>", 1)
    return section, f"<li><a href=#{links.name}>{title}</a><ul>{''.join(links.contents)}</ul></li>"


def whole(sections, files, out):
    """The page of all sections; `files` are the names of what it reports on."""
    parts = [numbered(section, place, out) for place, section in enumerate(sections, 1)]
    contents = "".join(entry for _, entry in parts)
    body = "\n".join(section for section, _ in parts)
    return ("<!doctype html><html lang=en><head><meta charset=utf-8>"
            "<meta name=viewport content='width=device-width, initial-scale=1'>"
            f"<meta name=generator content={GENERATOR}><meta name=files content='{_names(files)}'>"
            f"<title>prefdyn report</title><style>{CSS}</style></head><body>"
            f"<nav><details><summary>Contents</summary><ul>{contents}</ul>"
            f"</details></nav>\n{body}<script>{SCRIPT}</script></body></html>\n")


def own(path, files):
    """What is wrong with replacing the page at `path` by one on these files; nothing if it is their own older one."""
    text = Path(path).read_text(encoding="utf-8", errors="replace")[:20000]
    if f"name=generator content={GENERATOR}" not in text and "<title>prefdyn report</title>" not in text:
        return "is no report of prefdyn"
    found = re.search(r"<meta name=files content='([^']*)'", text)
    if found and found[1] != _names(files):
        return f"is the report of {html.unescape(found[1])}"
    return ""


def _names(files):
    return html.escape(", ".join(files), quote=True)


def _theory_from(out):
    """The page of proofs, seen from the report, where the report lies in the same checkout."""
    root, folder = _THEORY.parents[1], Path(out).resolve()
    if not _THEORY.is_file() or root not in folder.parents:
        return ""
    up = len(folder.relative_to(root).parts)
    return "../" * up + "docs/theory.md"


class _Links:
    """Anchors of one section: figures and headings as they are met, then the table of verdicts."""

    def __init__(self, name, theory):
        self.name, self.theory = name, theory
        self.figures = 0
        self.shown = {}  # claim -> numbers of the figures that name it
        self.contents = []

    def part(self, match):
        return self._figure(match[0]) if match[0].startswith("<figure>") else self._heading(match[0])

    def _figure(self, text):
        self.figures += 1
        text = text.replace("<figure>", f"<figure id={self.name}-figure-{self.figures}>", 1)
        title, caption = re.search(r"<b>(.*?)</b>(.*?)</figcaption>", text, re.S).groups()
        for claim in dict.fromkeys(_CLAIM.findall(html.unescape(title + caption))):
            self.shown.setdefault(claim, []).append(self.figures)
        self.contents.append(f"<li><a href=#{self.name}-figure-{self.figures}>Figure {self.figures}. {title.rstrip('.')}"
                             "</a></li>")
        return text.replace("<figcaption>", f"<figcaption><span>Figure {self.figures}.</span> ", 1)

    def _heading(self, text):
        title = text.removeprefix("<h2>").removesuffix("</h2>")
        slug = f"{self.name}-{re.sub('[^a-z0-9]+', '-', html.unescape(title).lower()).strip('-')}"
        self.contents.append(f"<li><a href=#{slug}>{title}</a></li>")
        return f"<a id={slug}></a>{text}"

    def verdicts(self, match):
        return match[1] + re.sub(r"<tr><td>(\w+)</td><td>(.*?)</td>", self._row, match[2]) + match[3]

    def _row(self, match):
        claim, title = match.groups()
        figures = self.shown.get(claim) or self.shown.get(re.match(r"[A-Z]\d+", claim)[0], [])
        see = ", ".join(f"<a href=#{self.name}-figure-{k}>{k}</a>" for k in figures)
        see = f" <span class=see>Fig. {see}</span>" if see else ""
        name = f"<a href={self.theory}>{claim}</a>" if self.theory and claim.startswith("T") else claim
        return f"<tr><td id={self.name}-{claim}>{name}</td><td>{title}{see}</td>"
