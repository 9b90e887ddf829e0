"""The tables of the report, as HTML; an empty string where a file has nothing to list."""

import html
import math
import re
from collections import defaultdict

from analysis import verdict

NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.])", re.IGNORECASE)


def verdicts(data):
    """One row a claim: statement, verdict, how many cases, how tight, controls."""
    head = ("Claim", "Statement", "Verdict", "Holds", "Violated", "Not applicable", "Fitted",
            "Tightness: min", "median", "max", "Controls caught")
    names = ("claim", "claim_statement", "claim_status", "claim_holds", "claim_violated",
             "claim_not_applicable", "claim_fitted", "claim_tightness_min",
             "claim_tightness_median", "claim_tightness_max")
    rows = [[data[name][i] for name in names]
            + [f"{data['claim_caught'][i]} of {data['claim_controls'][i]}"]
            for i in range(data.size("claim"))]
    return _table(head, rows)


def violations(data):
    """Every violated run and study case, with the step where a run is worst."""
    rows = [(data["claim"][c], f"run {data['run'][r]}: {data['run_name'][r]}", data["run_suite"][r],
             data["verdict_witness_step"][r, c], data["verdict_slack"][r, c],
             data["verdict_reason"][r, c]) for r, c in verdict.violated_runs(data)]
    rows += [(data["case_claim"][i], f"study {data['case_study'][i]}", data["case_setting"][i],
              math.nan, data["case_slack"][i], data["case_reason"][i])
             for i in verdict.violated_cases(data)]
    head = ("Claim", "Where", "Suite or setting", "Worst at step", "Slack", "What is violated")
    return _section("Violated", head, rows)


def not_applicable(data):
    """Why claims were not judged: claims that share a reason and a count share a row."""
    counts, examples = defaultdict(int), defaultdict(dict)
    for claim, reason, where in _unjudged(data):
        key = (where, NUMBER.sub("…", reason), claim)
        counts[key] += 1
        examples[key][reason] = None
    rows = defaultdict(list)
    for (where, pattern, claim), number in counts.items():
        seen = list(examples[where, pattern, claim])
        text = seen[0] if len(seen) == 1 else f"{seen[0]} (and {len(seen) - 1} other values)"
        rows[text, verdict.count(number, where)].append(claim)
    ordered = [(", ".join(claims), *key) for key, claims in rows.items()]
    return _section("Not applicable, and why", ("Claims", "Reason", "How often"), sorted(ordered))


def _unjudged(data):
    """(claim, reason, kind of case) of everything that is not applicable."""
    for c, claim in enumerate(data["claim"]):
        for reason in data["verdict_reason"][data["verdict_status"][:, c] == 2, c]:
            yield claim, reason, "run"
    if "case" in data:
        unmet = data["case_status"] == "not_applicable"
        for claim, reason in zip(data["case_claim"][unmet], data["case_reason"][unmet]):
            yield claim, reason, "study case"


def controls(data):
    """One row a negative control; one that was not caught is marked."""
    if "control" not in data:
        return ""
    rows = [(data["control_claim"][i], data["control_name"][i], data["control_fault"][i],
             data["control_data"][i] or "synthetic features", data["control_status"][i], "caught" if data["control_caught"][i] else "NOT CAUGHT")
            for i in range(data.size("control"))]
    head = ("Claim", "Control", "Planted fault", "On", "Came back", "Result")
    return _section("Negative controls: each must be caught", head, rows, mark_violated=False)


def cases(data):
    """One row a study case."""
    if "case" not in data:
        return ""
    head = ("Claim", "Study", "Setting", "Allowed δ", "Verdict", "Evidence", "Beyond the bound",
            "p-value", "Slack", "Fitted constant C")
    return _section("Studies", head, [_case_row(data, i) for i in range(data.size("case"))])


def _case_row(data, row):
    """Failures, p-value and slack only where there was a bound to fail."""
    names = ("claim", "study", "setting", "delta", "status", "cases", "failures", "p_value",
             "slack", "constant")
    cells = {name: data[f"case_{name}"][row] for name in names}
    if cells["status"] not in ("holds", "violated"):
        cells["failures"] = cells["p_value"] = cells["slack"] = math.nan
    if math.isnan(cells["delta"]):
        cells["p_value"] = math.nan
    return list(cells.values())


def _section(title, head, rows, **options):
    return f"<h2>{html.escape(title)}</h2>{_table(head, rows, **options)}" if rows else ""


def _table(head, rows, mark_violated=True):
    marked = {"NOT CAUGHT", "violated"} if mark_violated else {"NOT CAUGHT"}
    top = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(_cell(value, marked) for value in row)}</tr>\n" for row in rows)
    return f"<table><tr>{top}</tr>\n{body}</table>"


def _cell(value, marked):
    mark = " class=bad" if isinstance(value, str) and value in marked else ""
    return f"<td{mark}>{html.escape(_words(value))}</td>"


def _words(value):
    """Numbers to three digits, NaN as a dash, statuses without underscore."""
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.3g}"
    return "not applicable" if value == "not_applicable" else str(value)
