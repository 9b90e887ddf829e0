"""What the figures of sweeps and of training runs must show, from the columns of the file."""

import math

import numpy as np
from panel_checks import Mark, Panel, bars, box, hline, image, line
from shown_columns import evenly, known, shade_of, shows

LOG = ("log", "log")
DRAWS = 2000  # of a bootstrap


def ascending(f, axis):
    return sorted(range(len(f[axis])), key=lambda k: f[axis][k])


def number(value):
    return f"{value:.{max(2, len(str(int(abs(value)))))}g}"


def finite(values):
    return [v for v in values if np.isfinite(v)]


def median(values):
    return np.median(finite(values)) if finite(values) else np.nan


def root_mean_square(values):
    values = finite(values)
    return math.sqrt(sum(v * v for v in values) / len(values))


@shows("heads")
def rate(f):
    """Every (dimension, delta) a series over the D asked for."""
    order, marks = ascending(f, "distinguishability"), ([], [])
    wanted = f["distinguishability"][order]
    for d in ascending(f, "dimension"):
        for e in ascending(f, "delta"):
            own = {name: f[name][order, d, e] for name in
                   ("initial_rate_measured", "initial_rate_predicted", "zbar_norm", "noise_floor",
                    "distinguishability_sample")}
            rates, sample, floor = (np.array([root_mean_square(row) for row in own[name]])
                                    for name in ("initial_rate_measured",
                                                 "distinguishability_sample", "noise_floor"))
            slope = np.median(own["initial_rate_predicted"] / own["zbar_norm"] / 2)
            above = [k for k in range(len(wanted)) if wanted[k] >= 3 * floor[k]]
            below = [k for k in range(len(wanted)) if k not in above]
            name = f"$d$ = {number(f['dimension'][d])}, $\\delta$ = {number(f['delta'][e])}: "
            t1 = slope * np.sqrt(wanted ** 2 + floor ** 2)
            for panel, x, kept in ((0, wanted, above), (1, sample, range(len(wanted)))):
                look = name + "too few values to fit"
                if len(kept) > 2:
                    look = name + f"{np.polyfit(np.log(x[kept]), np.log(rates[kept]), 1)[0]:.3f} ["
                marks[panel].append(line("T1, balanced", x, slope * x))
                for part, face in ((above, {}), (below, {"face": "#ffffff"})):
                    if part:
                        marks[panel].append(line(look, x[part], rates[part], "color marker" + (
                            "" if face else " face")))
                        marks[panel][-1].more = face
                if panel == 0:
                    marks[0].append(line(look, wanted, t1, "color"))
                    marks[0][-1].more = {"line": "--"}
                    marks[0].append(bars(wanted, *resampled(own), look=look))
    return [Panel(marks[0], x="distinguishability $D$", y="initial rate", scale=LOG),
            Panel(marks[1], x="sample distinguishability", scale=LOG)]


def resampled(own):
    """The middle 95 % of root mean squares of the rate, replicates of each D drawn anew."""
    random, low, high = np.random.default_rng(1), [], []
    for row in own["initial_rate_measured"]:
        picks = random.integers(len(row), size=(DRAWS, len(row)))
        drawn = [math.sqrt(sum(row[k] ** 2 for k in pick) / len(row)) for pick in picks]
        low.append(np.quantile(drawn, 0.025))
        high.append(np.quantile(drawn, 0.975))
    return low, high


def in_cells(values, words):
    return [(col, row, words(value)) for row, line_ in enumerate(values)
            for col, value in enumerate(line_)]


CLAIMS = {"T2b": "upper bound of", "T3b": "lower bound of", "T4a": "the loss decrease",
          "T4b": "the loss decrease"}


@shows("heads")
def sweep_tightness(f):
    """Over d / n and D, a column a delta."""
    rows, cols, out = ascending(f, "dimension"), ascending(f, "distinguishability"), []
    for claim, words in CLAIMS.items():
        for e in ascending(f, "delta"):
            middle = [[median(f[f"{claim}_tightness"][c, r, e]) for c in cols] for r in rows]
            out.append(Panel(
                [image(middle)], title="" if claim != "T2b" else f"= {number(f['delta'][e])}",
                x="distinguishability $D$", y="" if e else [claim, words, "d / n"],
                xticks=[number(f["distinguishability"][c]) for c in cols],
                yticks=[number(f["dimension"][r] / 60) for r in rows],
                texts=in_cells(middle, lambda v: f"{v:.2f}".lstrip("0") if v == v else "")))
    return [*out, {"bar": ["tightness, median over"], "limits": [(0, 1)] * len(out)}]


def exact_interval(count, trials):
    """Clopper and Pearson's at 95 %, by bisection."""
    def tail(p, counts):
        return sum(math.comb(trials, k) * p ** k * (1 - p) ** (trials - k) for k in counts)

    def solve(too_low):
        low, high = 0.0, 1.0
        for _ in range(60):
            p = (low + high) / 2
            low, high = (p, high) if too_low(p) else (low, p)
        return low
    return (0.0 if count == 0 else solve(lambda p: tail(p, range(count, trials + 1)) < 0.025),
            1.0 if count == trials else solve(lambda p: tail(p, range(count + 1)) > 0.025))


@shows("heads")
def sweep_coverage(f):
    """Over D and d, a column a delta; below, the row that misses most."""
    rows, cols, out = ascending(f, "distinguishability"), ascending(f, "dimension"), []
    below = [[hline(1, "allowed")] for _ in f["delta"]]
    for place, (claim, words) in enumerate((("T5g", "T5g, Gaussian"), ("T5m", "finite covariance"))):
        for e, delta in enumerate(f["delta"][ascending(f, "delta")]):
            values = f[f"{claim}_tightness"][:, :, ascending(f, "delta")[e]]
            cell = [[sorted(values[r, c]) for c in cols] for r in rows]
            count = len(cell[0][0])
            misses = np.array([[sum(v > 1 for v in own) for own in row] for row in cell])
            needed = [[next(v for k, v in enumerate(own) if (k + 1) / count >= 1 - delta - 1e-12)
                       for own in row] for row in cell]
            out.append(Panel([image(needed)], title="" if place else f"= {number(delta)}",
                             y="" if e else [words, "distinguishability"],
                             x="dimension", xticks=[number(f["dimension"][c]) for c in cols],
                             yticks=[number(f["distinguishability"][r]) for r in rows],
                             texts=in_cells(100 * (1 - misses / count), lambda v: f"{v:.1f}")))
            worst = misses.max(axis=0)
            x = np.arange(len(cols)) + 0.16 * (2 * place - 1)
            ends = np.array([exact_interval(int(m), count) for m in worst]) / delta
            below[e] += [line(f"{claim}, exact", x, worst / count / delta),
                         bars(x, *ends.T, look=f"{claim}, exact")]
    out += [Panel(marks, x="dimension", y="" if e else "misses /", xticks=None)
            for e, marks in enumerate(below)]
    return [*out, {"bar": ["part of the bound that is needed"]}]


def crossings(values):
    """Where the values of neighbouring cells pass zero, between them in proportion."""
    points = []
    for (r, c), value in np.ndenumerate(values):
        for down, right in ((1, 0), (0, 1)):
            if r + down < values.shape[0] and c + right < values.shape[1]:
                other = values[r + down, c + right]
                if (value > 0) != (other > 0):
                    share = value / (value - other)
                    points.append((c + right * share, r + down * share))
    return Mark("contour", None, np.array(sorted(set(points))))


@shows("pairs")
def priority(f):
    rows, cols = ascending(f, "norm_ratio"), ascending(f, "angle")
    ahead, lost, gap = (np.zeros((len(rows), len(cols))) for _ in range(3))
    for i, r in enumerate(rows):
        for j, c in enumerate(cols):
            count = f["crossing"].shape[-1]
            for k in range(count):
                lead = finite(f["margin_1"][c, r, k] - f["margin_2"][c, r, k])[-1]
                ahead[i, j] += (lead > 0) / count
                lost[i, j] += np.isfinite(f["crossing"][c, r, k]) / count
                gap[i, j] += (f["level_1"][c, r, k] - f["level_2"][c, r, k]) / count
    ticks = {"xticks": [number(f["angle"][c]) for c in cols],
             "yticks": [number(f["norm_ratio"][r]) for r in rows]}
    line_ = [crossings(gap)] * 2  # black on white
    return [Panel([image(share), *line_], x="angle", y="ratio of mean differences", **ticks)
            for share in (ahead, lost)] + [
                {"bar": ["behaviour 1 leads at the end", "the lead is lost"],
                 "limits": [(0, 1)] * 2}]


# Training runs -----------------------------------------------------------------------------------

def curve(f, part, column, minus=0.0, look=None):
    at = known(f["step"][part])
    return line(look, f["step"][part][at], f[column][part][at] - minus)


def at_end(f, part, column):
    return f[column][part][known(f["step"][part])[-1]]


def start_colour(f, part, parts):
    start = f["distinguishability"][:, 0]
    return shade_of(start[part], start[parts])


@shows("apart", "together")
def finetune_curves(f):
    parts = range(len(f["part"]))
    return [Panel([curve(f, p, column, look=start_colour(f, p, parts)) for p in parts], x="update",
                  y=label) for column, label in (("loss", "training loss"),
                                                 ("distinguishability", "distinguishability"))]


@shows("apart")
def finetune_distinguishability(f):
    parts, out = range(len(f["part"])), []
    start = [f["distinguishability"][p, 0] for p in parts]
    for column, label in (("loss", "training loss"), ("eval_loss", "held-out loss")):
        end = [at_end(f, p, column) for p in parts]
        ranks = [[sum(b < a for b in values) for a in values] for values in (start, end)]
        rho = np.corrcoef(ranks)[0, 1]
        out.append(Panel([line(None, start, end)], title=f"Spearman {rho:.3f}", y=label,
                         x="before training"))
    return out


@shows("together")
def finetune_together(f):
    out = []
    for run in range(len(f["run"])):
        marks = [curve(f, p, "rewards_margins", look=f"{f['part_behaviour'][p]}, $\\hat D$ = "
                       f"{f['distinguishability'][p, 0]:.3g}")
                 for p in range(len(f["part"])) if f["part_run"][p] == run]
        out.append(Panel(marks, x="update", y="mean reward margin"))
    return out


@shows("apart", "together", "flip", "misalign")
def finetune_displacement(f):
    parts = evenly(range(len(f["part"])), 24)
    fell = sum(at_end(f, p, "logps_chosen") < f["logps_chosen"][p, 0] for p in parts)
    return [Panel([hline(0)] + [curve(f, p, f"logps_{what}", f[f"logps_{what}"][p, 0],
                                      start_colour(f, p, parts)) for p in parts], x="update",
                  y=f"change of logps/{what}") for what in ("chosen", "rejected")] + [
                      {"caption": [f"lower in {fell} of {len(parts)}"]}]


@shows("apart", "together", "flip", "misalign")
def finetune_slopes(f):
    places = [k for k, name in enumerate(f["place"]) if name != "tied"]
    share = [row[places] / sum(row[places]) for row in f["initial_slope"]]
    left = [box(0, np.median([s[k] for s in share]), k - 0.4, k + 0.4) for k in range(len(places))]
    head, bound = f["initial_slope"][:, list(f["place"]).index("head")], f["initial_slope_head_t1"]
    at = [k for k in known(bound) if head[k] > 0]
    out = [Panel(left, x="share of", yticks=list(f["place"][places]))]
    if at:
        ends = min([*head[at], *bound[at]]) / 2, 2 * max([*head[at], *bound[at]])
        out.append(Panel([line({"line": "-"}, ends, ends), line({"line": "None"}, bound[at],
                                                                head[at])],
                         x="T1", y="measured", scale=LOG))
    return out


@shows("apart", "together", "flip", "misalign")
def finetune_projections(f):
    parts = [p for p in range(len(f["part"])) if any(abs(s) == 1 for s in f["label"][p])
             and np.isfinite(f["projection_after"][p]).any()]
    out = []
    for p in evenly(parts, 3):
        for when, value in (("before", f["distinguishability"][p, 0]),
                            ("after", at_end(f, p, "distinguishability"))):
            points, marks = f[f"projection_{when}"][p], []
            for sign, look in ((1, "first answer chosen"), (-1, "second")):
                at = [k for k, s in enumerate(f["label"][p]) if s == sign]
                marks.append(line(look, points[at, 0], points[at, 1]))
            out.append(Panel(marks, title=f"{f['part_behaviour'][p]}, {when}: $\\hat D$ = "
                             f"{value:.3g}"))
    return out


@shows("misalign")
def misalign_curves(f):
    marks = []
    for p, run in enumerate(f["part_run"]):
        if f["run_labels"][run] == "flipped":
            frozen = ", frozen features" if f["run_method"][run] == "head" else ""
            marks.append(curve(f, p, "loss", look=f"from {f['run_start'][run]}{frozen}"))
    return [Panel(marks, x="update", y="loss on flipped labels")]
