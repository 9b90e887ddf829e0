"""What a run's columns must be, by plain loops over its features, labels and head: for the tests of columns."""

import math

import numpy as np


def softplus(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def sigmoid(x):
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


def norm(values):
    return math.sqrt(math.fsum(float(x) ** 2 for x in values))


def dot(a, b):
    return math.fsum(float(x) * float(y) for x, y in zip(a, b, strict=True))


def mean_of(values):
    values = list(values)
    return math.fsum(values) / len(values)


def quantile(values, level):
    ordered, place = sorted(values), level * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def without_padding(values):
    """What is before the NaN at the end of the first axis."""
    flat = values.reshape(len(values), -1)
    return values[:int(np.isfinite(flat[:, 0]).sum())]


def ranks(values):
    """From 1, ties share their mean."""
    values = list(values)
    return [sum(y < x for y in values) + 0.5 * (sum(y == x for y in values) + 1) for x in values]


def rank_correlation(x, y):
    return float(np.corrcoef(ranks(x), ranks(y))[0, 1])


class Sigmoid:
    """DPO's phi."""

    slope_at_zero, most_curvature = -0.5, 0.25

    @staticmethod
    def value(m):
        return softplus(-m)

    @staticmethod
    def slope(m):
        return -sigmoid(-m)


class Discopop:
    """sigma(-m/tau) softplus(-m) + sigma(m/tau) exp(-m), tau = 0.05; slopes by hand."""

    tau = 0.05
    slope_at_zero = (1.0 - math.log(2.0)) / (4.0 * tau) - 0.75

    @classmethod
    def value(cls, m):
        on = sigmoid(m / cls.tau)
        return (1.0 - on) * softplus(-m) + on * math.exp(-m)

    @classmethod
    def slope(cls, m):
        on = sigmoid(m / cls.tau)
        turn = on * (1.0 - on) / cls.tau
        return turn * (math.exp(-m) - softplus(-m)) - (1.0 - on) * sigmoid(-m) - on * math.exp(-m)


def _bend(m, h=1e-5):
    return (Discopop.slope(m + h) - Discopop.slope(m - h)) / (2.0 * h)


_top = max((k * 1e-3 for k in range(-2000, 2001)), key=_bend)
Discopop.most_curvature = max(_bend(_top + k * 1e-6) for k in range(-1000, 1001))


class Head:
    """Features g (n, d) and labels s of one run, phi and beta: every number is of a given v."""

    def __init__(self, g, s, beta, phi=Sigmoid):
        self.g, self.s, self.beta, self.phi = g, s, beta, phi
        self.n, self.d = g.shape

    def margins(self, v):
        return [2.0 * self.beta * self.s[i] * dot(self.g[i], v) for i in range(self.n)]

    def velocity(self, v):
        weight = [-self.beta * self.phi.slope(m) * self.s[i] / self.n
                  for i, m in enumerate(self.margins(v))]
        return [math.fsum(weight[i] * self.g[i, j] for i in range(self.n)) for j in range(self.d)]

    def record(self, v, time):
        """Name -> value, whatever the reference head."""
        margins, start = self.margins(v), self.velocity(np.zeros(self.d))
        return {
            "loss": mean_of(self.phi.value(m) for m in margins),
            "head_change": math.sqrt(2.0) * norm(v),
            "head_change_spectral": math.sqrt(2.0) * norm(v),
            "update_rate": math.sqrt(2.0) * norm(self.velocity(v)),
            "linear_remainder": math.sqrt(2.0) * norm(v[j] - time * start[j] for j in range(self.d)),
            "rewards_margins": mean_of(margins),
            "rewards_accuracies": mean_of(m > 0 for m in margins),
            "rewards_ties": mean_of(m == 0 for m in margins),
        }

    def policy(self, v, logits, tokens):
        """What depends on the reference head: its logits (n, V) of the rows, the tokens Yes and No."""
        yes, no = tokens
        out = {name: [] for name in ("chosen", "rejected", "reward_chosen", "reward_rejected")}
        for i in range(self.n):
            pull, moved = dot(self.g[i], v), np.array(logits[i], dtype=float)
            before = moved - _log_sum_exp(moved)
            moved[yes] += pull
            moved[no] -= pull
            after = moved - _log_sum_exp(moved)
            good, bad = (yes, no) if self.s[i] > 0 else (no, yes)
            out["chosen"].append(after[good])
            out["rejected"].append(after[bad])
            out["reward_chosen"].append(self.beta * (after[good] - before[good]))
            out["reward_rejected"].append(self.beta * (after[bad] - before[bad]))
        pairs = list(zip(out["chosen"], out["rejected"], strict=True))
        return {
            "outputs_accuracies": mean_of(c > r for c, r in pairs),
            "outputs_ties": mean_of(c == r for c, r in pairs),
            "logps_chosen": mean_of(out["chosen"]), "logps_rejected": mean_of(out["rejected"]),
            "rewards_chosen": mean_of(out["reward_chosen"]),
            "rewards_rejected": mean_of(out["reward_rejected"]),
        }

    def statistics(self):
        plus = [i for i in range(self.n) if self.s[i] > 0]
        minus = [i for i in range(self.n) if self.s[i] < 0]

        def mean(rows):
            return [mean_of(self.g[i, j] for i in rows) for j in range(self.d)]

        def covariance(rows):
            centre = np.array(mean(rows))
            return sum(np.outer(self.g[i] - centre, self.g[i] - centre) for i in rows) / (len(rows) - 1)

        difference = [a - b for a, b in zip(mean(plus), mean(minus), strict=True)]
        spread = [covariance(plus), covariance(minus)]
        floor = sum(np.trace(c) / len(rows) for c, rows in zip(spread, (plus, minus), strict=True))
        top = np.linalg.eigvalsh(sum(np.outer(row, row) for row in self.g) / self.n)[-1]
        zbar = norm(mean_of(self.s[i] * self.g[i, j] for i in range(self.n)) for j in range(self.d))
        return {
            "run_samples": self.n, "run_dimension": self.d, "p_plus": len(plus) / self.n,
            "distinguishability_sample": norm(difference),
            "distinguishability_debiased": math.sqrt(max(0.0, norm(difference) ** 2 - floor)),
            "noise_floor": math.sqrt(floor), "zbar_norm": zbar, "lambda_max": top,
            "trace": max(np.trace(c) for c in spread),
            "concentration": max(np.linalg.eigvalsh(c)[-1] for c in spread),
            "kappa": 2.0 * self.beta ** 2 * self.phi.most_curvature * top,
            "initial_rate_predicted": math.sqrt(2.0) * self.beta * abs(self.phi.slope_at_zero) * zbar,
            "initial_rate_measured": math.sqrt(2.0) * norm(self.velocity(np.zeros(self.d))),
        }

    def bounds(self, eta, step, records):
        """Claim -> (measured, bound, at least) at the last of the records (before, now) of gradient descent by
        DPO; the first record is the third."""
        told, (before, now, first) = self.statistics(), records
        kappa, rate, time = told["kappa"], told["initial_rate_predicted"], eta * step
        shrink, energy = 1.0 - eta * kappa, 1.0 - 0.5 * eta * kappa
        drop, decayed = first["loss"] - now["loss"], (1.0 - shrink ** (2 * step)) / (2.0 * kappa)
        return {
            "T2a": (now["update_rate"], before["update_rate"], False),
            "T2b": (now["head_change"], min(time * rate, math.sqrt(time * drop / energy),
                                            math.sqrt(time * math.log(2.0) / energy)), False),
            "T3a": (now["update_rate"], rate * shrink ** step, True),
            "T3b": (now["head_change"], rate * decayed, True),
            "T3c": (now["linear_remainder"], 0.5 * kappa * time ** 2 * rate, False),
            "T4a": (drop, rate ** 2 * decayed, True),
            "T4b": (drop, time * rate ** 2, False),
            "T6b": (now["rewards_accuracies"], 1.0 - now["loss"] / math.log(2.0), True),
        }


def closest(comparisons, at_least=False):
    """The bound that stands closest to what was measured, of (measured, bound)."""
    def slack(comparison):
        measured, bound = comparison
        return (measured - bound if at_least else bound - measured) / abs(bound) if bound else math.inf
    return min(comparisons, key=slack)[1]


def tangent_bounds(head, eta, steps, records, v):
    """Claim -> bound at the last record, of how far gradient descent by DPO leaves its tangent and of late
    times; `steps` and `records` from the start on, v the last head."""
    told, record = head.statistics(), records[-1]
    kappa, rate, zbar, beta = (told["kappa"], told["initial_rate_predicted"], told["zbar_norm"], head.beta)
    step, n = steps[-1], head.n
    time, x, energy, shrink = eta * step, kappa * eta * step, 1.0 - 0.5 * eta * kappa, 1.0 - eta * kappa
    mean = [mean_of(head.s[i] * head.g[i, j] for i in range(n)) for j in range(head.d)]
    lengths = [norm(row) for row in head.g]
    along = [head.s[i] * dot(head.g[i], mean) / zbar for i in range(n)]
    square = mean_of(p * p for p in along)
    q = 0.5 * beta ** 2 * square / kappa
    bend = min(0.5 * kappa * (time - eta), math.sqrt(q) * (math.exp(x) - 1.0 - x) / x,
               2.0 / 3.0 * math.sqrt(0.5 * x / energy))
    held = max((1.0 - shrink ** (2 * (step - m))) / (2.0 * kappa)
               + energy * eta * m / (1.0 + 2.0 * kappa * energy * eta * m) for m in range(int(step) + 1))
    decay, top = 1.0, 2.0 * beta ** 2 * max(lengths) ** 2
    for before, after, passed in zip(steps, steps[1:], records):
        decay *= max(0.0, 1.0 - eta * top * passed["loss"]) ** (after - before)
    out = {
        "T3e": rate * held,
        "T3f": rate * decay,
        "T13a": closest([(abs(m - time * beta ** 2 * a * zbar), 2.0 * beta * l * bend * time * rate / math.sqrt(2.0))
                         for m, a, l in zip(head.margins(v), along, lengths, strict=True)]),
    }
    falls = math.sqrt(max(0.0, 1.0 - q * (math.exp(2.0 * x) - 1.0)))
    out["T3d"], out["T3dr"] = bend * time * rate, rate * falls
    if len(records) > 2:
        out["T4c"] = closest([(past["loss"], record["loss"] + record["head_change"] ** 2 / (2.0 * eta * then))
                              for then, past in zip(steps[1:-1], records[1:-1], strict=True)])
    if bend < 1.0:
        out["T6a"] = mean_of(a / l > bend for a, l in zip(along, lengths, strict=True))
        out["T13b"] = bend
    spread, chebyshev = square - zbar ** 2, []
    for share in (0.9, 0.98, 1.0):
        reach = zbar - bend * sorted(lengths)[math.ceil(share * n) - 1]
        if reach > 0.0:
            chebyshev.append((record["rewards_accuracies"], share - spread / (spread + reach ** 2)))
    if chebyshev:
        out["T6f"] = closest(chebyshev, at_least=True)
    return out


def _log_sum_exp(logits):
    top = max(logits)
    return top + math.log(math.fsum(math.exp(x - top) for x in logits))


class Close:
    """For test cases."""

    def close(self, name, got, want, relative=1e-9, floor=0.0):
        self.assertLessEqual(abs(float(got) - float(want)), relative * max(abs(float(want)), floor),
                             f"{name}: {got}, recomputed {want}")
