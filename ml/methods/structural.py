"""Structural forecast of tomorrow's 20-day deviation: nineteen of its twenty returns are known, only one is random.

With S1, S2 the sum and the sum of squares of the 19 known returns and r the next one,
sd = sqrt((S2 + r^2 - (S1 + r)^2 / 20) / 19); r = m + sqrt(h) z with mean m and variance h.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import stats

from ml.labels.volatility import WINDOW

_NODES = 400


@lru_cache(maxsize=64)
def _draws(degrees: float | None) -> np.ndarray:
    """Equally likely draws of an innovation: quantiles at the middle of equal slices, scaled to variance 1."""
    middle = (np.arange(_NODES) + 0.5) / _NODES
    draws = stats.norm.ppf(middle) if degrees is None else stats.t.ppf(middle, degrees)
    return np.asarray(draws / np.sqrt(np.mean(draws**2)))


def next_deviation(
    known: np.ndarray, mean: float, variances: np.ndarray, degrees: float | None, *, share: float = 0.9
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute the expected deviation of 19 known returns and the next, and the interval of ``share`` of the outcomes.

    Parameters
    ----------
    known
        Shape (rows, 19), fractions.
    mean, variances
        Mean (one number) and variance (a row each) of the next return, fraction and fraction squared.
    degrees
        Degrees of freedom of its Student-t, None for a normal one.
    """
    first, second = known.sum(axis=1)[:, None], (known**2).sum(axis=1)[:, None]
    following = mean + np.sqrt(variances)[:, None] * _draws(degrees)
    squared = (second + following**2 - (first + following) ** 2 / WINDOW) / (WINDOW - 1)
    outcomes = np.sqrt(np.maximum(squared, 0.0))
    lower, upper = np.quantile(outcomes, [(1 - share) / 2, (1 + share) / 2], axis=1)
    return outcomes.mean(axis=1), lower, upper
