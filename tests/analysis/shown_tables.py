"""What the tables of the report must say, from the columns of the file."""

import html
import math
import re

SCALE = ("claim", "title", "status", "holds", "violated", "undecided", "vacuous",
         "not_applicable", "fitted", "tightness_min", "tightness_median", "tightness_max")


def cells(page):
    """(names of the columns, rows of cells) of a table."""
    rows = [[html.unescape(cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.S)]
            for row in page.split("<tr>")[1:]]
    return (rows[0], rows[1:]) if rows else ([], [])


def words(value):
    if isinstance(value, str):
        return "not applicable" if value == "not_applicable" else value
    if float(value) != value or isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.3g}"
    return str(value)


def statement(f, claim):
    """Drawn where the claim is a formula."""
    drawn = f["claim_mathml"][claim]
    return html.unescape(drawn) if drawn else words(f["claim_statement"][claim])


def tightness_by_time(f):
    head = ["Claim", "Title", *(f"κt = {time:g}" for time in f["kappa_time"]), "end"]
    told = [[*f["claim_tightness_at"][c], f["claim_tightness_end"][c]] for c in range(len(f["claim"]))]
    return head, [[f["claim"][c], f["claim_title"][c], *(words(float(x)) for x in row)]
                  for c, row in enumerate(told) if not all(math.isnan(x) for x in row)]


def verdicts(f):
    head = ["Claim", "Title", "Verdict", "Holds", "Violated", "Undecided", "Vacuous",
            "Not applicable", "Fitted", "Tightness: min", "median", "max", "Controls caught", "Statement"]
    return head, [[*(words(f["claim" if name == "claim" else f"claim_{name}"][c]) for name in SCALE),
                   f"{f['claim_caught'][c]} of {f['claim_controls'][c]}", statement(f, c)]
                  for c in range(len(f["claim"]))]


def violations(f):
    head = ["Claim", "Where", "Suite or setting", "Worst at step", "Slack", "What is violated"]
    rows = []
    for r in range(len(f["run"])):
        for c, claim in enumerate(f["claim"]):
            if f["verdict_status"][r, c] == 1:
                rows.append([claim, f"run {f['run'][r]}: {f['run_name'][r]}", f["run_suite"][r],
                             words(f["verdict_witness_step"][r, c]), words(f["verdict_slack"][r, c]),
                             f["verdict_reason"][r, c]])
    for k in range(len(f["case"])):
        if f["case_status"][k] == "violated":
            rows.append([f["case_claim"][k], f"study {f['case_study'][k]}", f["case_setting"][k],
                         "–", words(f["case_slack"][k]), f["case_reason"][k]])
    return head, rows


def controls(f):
    """Rows that say the same are one; on given features they say how many sets."""
    given, rows = "sets of given features", {}
    for k in range(len(f["control"])):
        caught, on = f["control_caught"][k], f["control_data"][k]
        row = (f["control_claim"][k], f["control_name"][k], f["control_fault"][k],
               "synthetic features" if on == "" else given if caught else on,
               words(f["control_status"][k]), "caught" if caught else "NOT CAUGHT")
        rows[row] = rows.get(row, 0) + 1
    return (["Claim", "Control", "Planted fault", "On", "Came back", "Result"],
            [[f"{cell}: {number}" if cell == given else cell for cell in row]
             for row, number in rows.items()])


def cases(f):
    head = ["Claim", "Study", "Setting", "Allowed δ", "Verdict", "Evidence", "Beyond the bound",
            "p-value", "Power, in δ", "Slack", "Fitted constant C"]
    rows = []
    for k in range(len(f["case"])):
        judged = f["case_status"][k] not in ("not_applicable", "fitted")
        random = judged and not math.isnan(f["case_delta"][k])
        rows.append([*(words(f[f"case_{name}"][k])
                       for name in ("claim", "study", "setting", "delta", "status", "cases")),
                     words(f["case_failures"][k]) if judged else "–",
                     words(f["case_p_value"][k]) if random else "–",
                     words(f["case_power"][k]) if judged else "–",
                     words(f["case_slack"][k]) if judged else "–", words(f["case_constant"][k])])
    return head, rows


def not_applicable(f):
    """Claims of one reason and one count share a row; reasons that differ in numbers are one."""
    number = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.])", re.IGNORECASE)
    judged = {f["case_claim"][k] for k in range(len(f["case"]))
              if f["case_status"][k] != "not_applicable"}
    reasons = {}  # (claim, run or case, reason without numbers) -> reasons

    def add(claim, where, reason):
        reasons.setdefault((claim, where, number.sub("#", reason)), []).append(reason)
    for c, claim in enumerate(f["claim"]):
        runs = [r for r in range(len(f["run"])) if f["verdict_status"][r, c] == 2]
        if claim not in judged or len(runs) < len(f["run"]):
            for r in runs:
                add(claim, "run", f["verdict_reason"][r, c])
    for k in range(len(f["case"])):
        if f["case_status"][k] == "not_applicable":
            add(f["case_claim"][k], "study case", f["case_reason"][k])
    rows = {}
    for (claim, where, _), given in reasons.items():
        others = len(set(given)) - 1
        more = f" (and {others} other value{'s' * (others > 1)})" if others else ""
        often = f"{len(given)} {where}{'s' * (len(given) > 1)}"
        rows.setdefault((given[0] + more, often), []).append(claim)
    return (["Claims", "Reason", "How often"],
            sorted([", ".join(claims), *key] for key, claims in rows.items()))


def training_runs(f):
    head = ["Run", "Behaviour", "Method", "Start", "Loss", "Held-out loss", "rewards/accuracies",
            "held out", "Policy accuracy", "Distinguishability", "logps/chosen", "logps/rejected"]
    names = ("loss", "eval_loss", "rewards_accuracies", "eval_rewards_accuracies",
             "outputs_accuracies", "distinguishability", "logps_chosen", "logps_rejected")
    rows = []
    for p, run in enumerate(f["part_run"]):
        last = max(k for k, step in enumerate(f["step"][p]) if not math.isnan(step))
        rows.append([f["run"][run], f["part_behaviour"][p], f["run_method"][run],
                     f["run_start"][run],
                     *(f"{f[name][p, 0]:.4g} → {f[name][p, last]:.4g}" for name in names)])
    return head, [[str(cell) for cell in row] for row in rows]
