"""Statistics over the replicates of a sweep: intervals and exponents. NaN: a point that is missing.

Every interval is two-sided at 95 %. Bootstraps resample the replicates of each row on their own, as
replicates of different points are independent, and start from a fixed seed.
"""

from functools import lru_cache
from itertools import permutations

import numpy as np

LEVEL = 0.95
RESAMPLES = 2000
FEWEST_FITTED = 3  # values of an exponent


@lru_cache(maxsize=None)
def clopper_pearson(successes, trials):
    """The exact interval of a share: p where as extreme a count has probability 2.5 %."""
    tail = (1 - LEVEL) / 2
    if trials == 0:
        return np.nan, np.nan
    low = 0.0 if successes == 0 else _solve(
        lambda p: 1 - _binomial_below(successes, trials, p), tail)
    high = 1.0 if successes == trials else _solve(
        lambda p: 1 - _binomial_below(successes + 1, trials, p), 1 - tail)
    return low, high


def _binomial_below(successes, trials, p):
    """P(X < successes) for X ~ Binomial(trials, p), 0 < p < 1."""
    k = np.arange(successes)
    ratios = np.log((trials - k[1:] + 1) / k[1:])
    log_ways = np.concatenate([[0.0], np.cumsum(ratios)])[:successes]
    return np.exp(log_ways + k * np.log(p) + (trials - k) * np.log1p(-p)).sum()


def _solve(increasing, value):
    """x in (0, 1) with increasing(x) = value."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if increasing(middle) < value:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def bootstrap(rows, statistic=np.mean):
    """statistic(values, axis=1) of resampled replicates.

    rows is (rows, replicates) or (rows, replicates, values); columns of `values` are resampled
    together. Returns (RESAMPLES, rows) or (RESAMPLES, rows, values); NaN for rows without numbers.
    """
    random = np.random.default_rng(1)
    out = np.full((RESAMPLES, len(rows), *np.shape(rows)[2:]), np.nan)
    for i, row in enumerate(rows):
        known = row[np.isfinite(row.reshape(len(row), -1)).all(axis=1)]
        if len(known):
            picks = random.integers(len(known), size=(RESAMPLES, len(known)))
            out[:, i] = statistic(known[picks], axis=1)
    return out


def interval(resamples):
    """The middle 95 % of resamples along their first axis, as (low, high)."""
    return np.quantile(resamples, ((1 - LEVEL) / 2, (1 + LEVEL) / 2), axis=0)


MOST_PERMUTED = 9  # 362880 orders


def permutation_p(x, y):
    """Two-sided p-value of Spearman's correlation over all orders of y, values without ties; NaN for more than
    MOST_PERMUTED."""
    n = len(x)
    if not 3 <= n <= MOST_PERMUTED:
        return np.nan
    ranks = [np.argsort(np.argsort(values)) - (n - 1) / 2 for values in (x, y)]
    orders = np.array(list(permutations(range(n))))
    found = abs(ranks[0] @ ranks[1])
    return float((np.abs(ranks[1][orders] @ ranks[0]) >= found - 1e-9).mean())


def exponent(x, y):
    """Least-squares slope of log y on log x along the last axis; NaN for fewer than FEWEST_FITTED points, whose line
    would leave no remainder to judge it by."""
    if np.shape(x)[-1] < FEWEST_FITTED:
        return np.full(np.shape(y)[:-1], np.nan)
    log_x, log_y = np.log(x), np.log(y)
    log_x = log_x - log_x.mean(axis=-1, keepdims=True)
    return (log_x * log_y).sum(axis=-1) / (log_x ** 2).sum(axis=-1)


def over_replicates(reduce, values, axis=-1):
    """reduce, np.nanmean or np.nanmedian; NaN, not a warning, where no replicate has a number."""
    known = np.where(np.isfinite(values), values, np.nan)
    empty = np.isnan(known).all(axis=axis)
    filled = np.where(np.expand_dims(empty, axis), 0.0, known)
    return np.where(empty, np.nan, reduce(filled, axis=axis))


def needed_quantile(values, share):
    """The least x with at least this share of the values <= x."""
    known = values[np.isfinite(values)]
    return np.quantile(known, share, method="inverted_cdf") if known.size else np.nan
