"""Probability of backtest overfitting by combinatorially symmetric cross-validation (Bailey, Borwein, Lopez de Prado and Zhu 2015).

Time is cut into blocks. For every way to take half of them, the strategy with the best Sharpe ratio there is looked up in the other
half: how often does it end below the median?
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from scipy.stats import rankdata

from include.errors import ModelError

BLOCKS = 16
_FEWEST_BLOCKS = 4


@dataclass(frozen=True)
class Overfitting:
    """What choosing the best in one half is worth in the other.

    Attributes
    ----------
    probability
        Share of the splits in which the chosen strategy is at or below the median of the other half; 0.5 is what luck gives.
    logits
        Of its relative rank in the other half, one a split; above 0 is better than the median.
    chosen, later
        Mean Sharpe ratio per period of the chosen strategy in the half it was chosen on, and in the other.
    blocks
        Into which time was cut.
    """

    probability: float
    logits: np.ndarray
    chosen: float
    later: float
    blocks: int


def overfitting(returns: np.ndarray, *, blocks: int = BLOCKS) -> Overfitting:
    """Try every split of time into two halves.

    Parameters
    ----------
    returns
        Shape (periods, strategies), in order of time, no nulls; 0 where a strategy did not trade.
    blocks
        An even number; less where there are fewer than two periods for each.

    Raises
    ------
    ModelError
        If there are fewer than two strategies or eight periods: then nothing was chosen, or nothing can be split.
    """
    periods, strategies = returns.shape
    blocks = min(blocks, periods // 2) // 2 * 2
    if strategies < 2 or blocks < _FEWEST_BLOCKS:
        raise ModelError(
            f"overfitting cannot be told from {strategies} strategies over {periods} periods; 2 strategies and {2 * _FEWEST_BLOCKS} "
            "periods are needed"
        )
    parts = np.array_split(returns, blocks)
    counts = np.array([len(part) for part in parts], dtype=np.float64)
    sums = np.stack([part.sum(axis=0) for part in parts])
    squares = np.stack([(part**2).sum(axis=0) for part in parts])
    taken = np.zeros((comb(blocks, blocks // 2), blocks))
    for row, chosen in enumerate(combinations(range(blocks), blocks // 2)):
        taken[row, list(chosen)] = 1.0
    first, second = (_sharpes(half @ counts, half @ sums, half @ squares) for half in (taken, 1.0 - taken))
    rows, best = np.arange(len(taken)), first.argmax(axis=1)
    rank = rankdata(second, axis=1)[rows, best] / (strategies + 1)
    logits = np.log(rank / (1.0 - rank))
    return Overfitting(float(np.mean(logits <= 0)), logits, float(first[rows, best].mean()), float(second[rows, best].mean()), blocks)


def _sharpes(counts: np.ndarray, sums: np.ndarray, squares: np.ndarray) -> np.ndarray:
    means = sums / counts[:, None]
    variances = (squares - counts[:, None] * means**2) / np.maximum(counts[:, None] - 1.0, 1.0)
    varies = variances > np.finfo(np.float64).eps * np.maximum(squares, np.finfo(np.float64).tiny)
    return np.where(varies, means / np.sqrt(np.where(varies, variances, 1.0)), 0.0)
