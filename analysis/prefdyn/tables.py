"""The tables of the report, as HTML; an empty string where a file has nothing to list."""

import html
import math
import re
from collections import Counter, defaultdict

from prefdyn import verdict

FOLDED_ROWS = 40
VERDICT_WORDS = (
    "Holds: clear of the errors of both sides at every comparison, or equal within them. Violated: "
    "clear of them on the wrong side. Undecided: the errors are larger than the distance. Vacuous: the "
    "bound is no better than a trivial one. Tightness: measured / bound (bound / measured for lower "
    "bounds), 1 is tight; vacuous comparisons are left out.")
GIVEN = "sets of given features"
# Presentation MathML of formulas, and nothing else.
MATHML = re.compile(r"(?:</?(?:math|mrow|mi|mn|mo|mtext|mfrac|msup|msub|msqrt)>|<mspace width=\"[0-9.]+em\"/>|[^<>])+")
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.])", re.IGNORECASE)


def verdicts(data):
    """One row a claim: statement, verdict, how many cases, how tight, controls."""
    head = ("Claim", "Title", "Verdict", "Holds", "Violated", "Undecided", "Vacuous",
            "Not applicable", "Fitted", "Tightness: min", "median", "max", "Controls caught", "Statement")
    names = ("claim", "claim_title", "claim_status", "claim_holds", "claim_violated",
             "claim_undecided", "claim_vacuous", "claim_not_applicable", "claim_fitted", "claim_tightness_min",
             "claim_tightness_median", "claim_tightness_max")
    rows = [[data[name][i] for name in names]
            + [f"{data['claim_caught'][i]} of {data['claim_controls'][i]}", _formula(data, i)]
            for i in range(data.size("claim"))]
    return f"<p>{VERDICT_WORDS}</p>{_table(head, rows)}"


def tightness_by_time(data):
    """One row a claim that bounds runs: how tight it was, and when."""
    if "claim_tightness_at" not in data:
        return ""
    times = [f"κt = {time:g}" for time in data["kappa_time"]]
    rows = [(data["claim"][c], data["claim_title"][c], *map(float, data["claim_tightness_at"][c]),
             float(data["claim_tightness_end"][c])) for c in range(data.size("claim"))]
    rows = [row for row in rows if not all(math.isnan(value) for value in row[2:])]
    return _section("What each bound says, when: median tightness over the runs",
                    ("Claim", "Title", *times, "end"), rows)


class Markup(str):
    """A cell that is markup already."""


def _formula(data, claim):
    """The statement of a claim, drawn where it is a formula."""
    markup = data["claim_mathml"][claim] if "claim_mathml" in data else ""
    return Markup(markup) if MATHML.fullmatch(markup) else data["claim_statement"][claim]


def training_runs(data):
    """One row a behaviour of a training run: before -> after."""
    columns = (("loss", "Loss"), ("eval_loss", "Held-out loss"),
               ("rewards_accuracies", "rewards/accuracies"),
               ("eval_rewards_accuracies", "held out"), ("outputs_accuracies", "Policy accuracy"),
               ("distinguishability", "Distinguishability"), ("logps_chosen", "logps/chosen"),
               ("logps_rejected", "logps/rejected"))
    last = {name: data.last(name) for name, _ in columns}
    rows = [(data["run"][data["part_run"][p]], data["part_behaviour"][p],
             data.of_run("run_method", p), data.of_run("run_start", p),
             *(f"{data[name][p, 0]:.4g} → {last[name][p]:.4g}" for name, _ in columns))
            for p in data.parts]
    return _section("Runs, before → after", ("Run", "Behaviour", "Method", "Start",
                                             *(title for _, title in columns)), rows)


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


def part_violations(data):
    """The same of training runs."""
    rows = [(data["claim"][c], data["part"][p], data["verdict_witness_step"][p, c], data["verdict_slack"][p, c],
             data["verdict_reason"][p, c]) for p, c in verdict.violated_runs(data)]
    return _section("Violated", ("Claim", "Where", "Worst at step", "Slack", "What is violated"), rows)


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
        more = verdict.count(len(seen) - 1, "other value")
        text = seen[0] if len(seen) == 1 else f"{seen[0]} (and {more})"
        rows[text, verdict.count(number, where)].append(claim)
    ordered = [(", ".join(claims), *key) for key, claims in rows.items()]
    return _section("Not applicable, and why", ("Claims", "Reason", "How often"), sorted(ordered))


def _unjudged(data):
    """(claim, reason, kind of case) of everything that is not applicable, save runs of what only a study judges."""
    studied = set(data["case_claim"][data["case_status"] != "not_applicable"]) if "case" in data else set()
    for c, claim in enumerate(data["claim"]):
        if claim in studied and (data["verdict_status"][:, c] == 2).all():
            continue
        for reason in data["verdict_reason"][data["verdict_status"][:, c] == 2, c]:
            yield claim, reason, "run"
    if "case" in data:
        unmet = data["case_status"] == "not_applicable"
        for claim, reason in zip(data["case_claim"][unmet], data["case_reason"][unmet]):
            yield claim, reason, "study case"


def controls(data):
    """One row a negative control, given features together; one that was not caught is marked."""
    if "control" not in data:
        return ""
    sets = Counter(_control_row(data, i) for i in range(data.size("control")))
    rows = [(*row[:3], row[3] if row[3] != GIVEN else f"{GIVEN}: {number}", *row[4:])
            for row, number in sets.items()]
    head = ("Claim", "Control", "Planted fault", "On", "Came back", "Result")
    return _folded("Negative controls: each must be caught", head, rows, mark_violated=False)


def _control_row(data, row):
    """Given features are named only where the fault was missed on them."""
    caught, on = data["control_caught"][row], data["control_data"][row]
    place = "synthetic features" if not on else GIVEN if caught else on
    return (data["control_claim"][row], data["control_name"][row], data["control_fault"][row],
            place, data["control_status"][row], "caught" if caught else "NOT CAUGHT")


def cases(data):
    """One row a study case."""
    if "case" not in data:
        return ""
    head = ("Claim", "Study", "Setting", "Allowed δ", "Verdict", "Evidence", "Beyond the bound",
            "p-value", "Power, in δ", "Slack", "Fitted constant C")
    return _folded("Studies", head, [_case_row(data, i) for i in range(data.size("case"))])


def _case_row(data, row):
    """Failures, p-value and slack only where there was a bound to fail."""
    names = ("claim", "study", "setting", "delta", "status", "cases", "failures", "p_value",
             "power", "slack", "constant")
    cells = {name: data[f"case_{name}"][row] for name in names}
    if cells["status"] in ("not_applicable", "fitted"):
        cells["failures"] = cells["p_value"] = cells["power"] = cells["slack"] = math.nan
    if math.isnan(cells["delta"]):
        cells["p_value"] = math.nan
    return list(cells.values())


def _section(title, head, rows, **options):
    return f"<h2>{html.escape(title)}</h2>{_table(head, rows, **options)}" if rows else ""


def _folded(title, head, rows, **options):
    """A section whose table opens on a click where it is long, unless it marks something bad."""
    table = _table(head, rows, **options)
    if len(rows) > FOLDED_ROWS:
        state = " open" if "class=bad" in table else ""
        table = f"<details{state}><summary>{len(rows)} rows</summary>{table}</details>"
    return f"<h2>{html.escape(title)}</h2>{table}"


def _table(head, rows, mark_violated=True):
    marked = {"NOT CAUGHT", "violated"} if mark_violated else {"NOT CAUGHT"}
    top = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(_cell(value, marked) for value in row)}</tr>\n" for row in rows)
    return f"<div class=scroll><table><tr>{top}</tr>\n{body}</table></div>"


def _cell(value, marked):
    if isinstance(value, Markup):
        return f"<td>{value}</td>"
    mark = " class=bad" if isinstance(value, str) and value in marked else ""
    return f"<td{mark}>{html.escape(_words(value))}</td>"


def _words(value):
    """Numbers to three digits, NaN as a dash, statuses without underscore."""
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.3g}"
    return "not applicable" if value == "not_applicable" else str(value)
