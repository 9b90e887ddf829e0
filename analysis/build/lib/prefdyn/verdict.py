"""The verdict of a file in words: what was checked, and whether anything is wrong."""

from collections import Counter
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Headline:
    """The sentence, and its mood: good, bad, or open where nothing was judged."""

    mood: str
    text: str


def headline(results):
    """Reads the statuses and counts of claims, study cases and controls."""
    claims, violated = results.size("claim"), violated_claims(results)
    missed = int(np.sum(results["control_caught"] == 0)) if "control" in results else 0
    parts = [_violation_words(violated, claims)] if violated else []
    if missed:
        parts.append(f"{count(missed, 'NEGATIVE CONTROL')} NOT CAUGHT")
    if not parts:
        parts.append(_good_words(results))
    judged = bool(np.any(results["claim_status"] == "holds"))
    mood = "bad" if violated or missed else "good" if judged else "open"
    return Headline(mood, f"{'; '.join(parts)}. {_checked_words(results)}")


def violated_claims(results):
    """Ids of the claims that any dataset calls violated."""
    bad = (results["claim_status"] == "violated") | (results["claim_violated"] > 0)
    bad |= np.any(results["verdict_status"] == 1, axis=0)
    if "case" in results:
        failing = results["case_claim"][results["case_status"] == "violated"]
        bad |= np.isin(results["claim"], failing)
    return list(results["claim"][bad])


def violated_runs(results):
    """(run, claim) index pairs with verdict_status violated."""
    return list(zip(*np.nonzero(results["verdict_status"] == 1)))


def violated_cases(results):
    """Indices of the study cases that are violated."""
    if "case" not in results:
        return []
    return list(np.flatnonzero(results["case_status"] == "violated"))


def count(number, noun):
    """`3 runs`, `1 run`; a noun in capitals gets a capital S."""
    plural = "" if number == 1 else "S" if noun.isupper() else "s"
    return f"{number} {noun}{plural}"


def _violation_words(violated, claims):
    return f"VIOLATED: {len(violated)} of {count(claims, 'claim')} ({', '.join(violated)})"


def _good_words(results):
    statuses = Counter(results["claim_status"])
    said = [f"{statuses[name]} {name}" for name in ("undecided", "vacuous") if statuses[name]]
    if not statuses["holds"]:
        return ", ".join(["NOTHING JUDGED: no claim applied to these runs and said something", *said])
    parts = [f"No violation: {count(statuses['holds'], 'claim')} held wherever it applied"
             if statuses["holds"] == 1 else
             f"No violation: {statuses['holds']} claims held wherever they applied"]
    parts += said
    if statuses["fitted"]:
        parts.append(f"{statuses['fitted']} only fitted")
    if statuses["not_applicable"]:
        parts.append(f"{statuses['not_applicable']} not judged")
    return ", ".join(parts)


def _checked_words(results):
    parts = [f"{count(results.size('claim'), 'claim')} checked on "
             f"{count(results.size('run'), 'run')}"]
    if "case" in results:
        parts.append(f"{count(results.size('case'), 'study case')}")
    if "control" in results:
        caught = int(np.sum(results["control_caught"] != 0))
        parts.append(f"{caught} of {count(results.size('control'), 'negative control')} caught")
    else:
        parts.append("no negative controls in this file")
    return ", ".join(parts) + "."
