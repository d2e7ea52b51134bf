"""Whether a difference of losses is more than luck: rows of a day are one draw, neighbouring days are not independent."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

BLOCK = 20
_FEWEST_BLOCKS = 6
_DRAWS = 1000


class Interval(NamedTuple):
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float


def by_day(values: np.ndarray, closed_at: pd.Series) -> np.ndarray:
    """Mean of the values of each day (UTC), in order."""
    days = closed_at.dt.floor("D").to_numpy()
    return pd.Series(values).groupby(days).mean().to_numpy()


def clustered_mean(values: np.ndarray, closed_at: pd.Series, *, seed: int = 0) -> Interval:
    """Mean over rows with its 95 % interval where the rows of a day are one draw: 1000 circular block bootstraps of days.

    A block has 20 days, or a tenth of the days where there are less than 200. Unlike :func:`by_day` each row counts the same.
    """
    days = pd.Series(values).groupby(closed_at.dt.floor("D").to_numpy()).agg(["sum", "size"]).to_numpy(np.float64)
    count = len(days)
    block = min(BLOCK, max(1, count // 10))
    starts = np.random.default_rng(seed).integers(0, count, size=(_DRAWS, -(-count // block)))
    places = (starts[:, :, None] + np.arange(block)).reshape(_DRAWS, -1)[:, :count] % count
    sums, sizes = days[places].sum(axis=1).T
    low, high = np.quantile(sums / sizes, [0.025, 0.975])
    return Interval(float(np.mean(values)), float(low), float(high))


def diebold_mariano(difference: np.ndarray, lags: int) -> float:
    """Diebold-Mariano statistic of daily loss differences, baseline minus model: above 1.96 better at 5 %.

    The long-run variance is Newey-West's with ``lags`` lags; 0 where the differences do not vary.
    """
    count = len(difference)
    centred = difference - difference.mean()
    variance = centred @ centred / count
    for lag in range(1, min(lags, count - 1) + 1):
        variance += 2 * (1 - lag / (lags + 1)) * (centred[lag:] @ centred[:-lag]) / count
    return float(difference.mean() / np.sqrt(variance / count)) if variance > 0 else 0.0


def block_bootstrap(values: np.ndarray, *, seed: int = 0) -> Interval:
    """Mean of daily values with its 95 % interval from 1000 circular block bootstraps.

    Blocks are of 20 days, or a sixth of the days where there are fewer than 120: a block as long as all days would leave no doubt.
    """
    count = len(values)
    block = min(BLOCK, max(count // _FEWEST_BLOCKS, 1))
    blocks = -(-count // block)
    starts = np.random.default_rng(seed).integers(0, count, size=(_DRAWS, blocks))
    places = (starts[:, :, None] + np.arange(block)).reshape(_DRAWS, -1)[:, :count] % count
    means = values[places].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high))
