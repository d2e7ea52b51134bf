"""Random twins of a strategy: the same trades at random times, as the null against which its result is held.

Each twin makes the strategy's own trades, of the same side, size and length and at the same costs, on the same bars, but enters
them at random. What is left between a strategy and its twins is the choice of the moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from include.errors import ModelError

TWINS = 200
#: Columns of the trades that are read.
COLUMNS = ("symbol", "side", "size", "bars_held", "gross_return", "net_return")


@dataclass(frozen=True)
class Twins:
    """A strategy among its twins.

    Attributes
    ----------
    own
        Sum over the trades of size x net return, as a fraction of equity.
    twins
        The same of each twin, shape (twins,).
    p_value
        How often a twin does at least as well, the strategy itself counted as one of them; never 0.
    trades
        Trades of the strategy, and of each twin.
    """

    own: float
    twins: np.ndarray
    p_value: float
    trades: int

    @property
    def has_edge(self) -> bool:
        """Whether fewer than one of twenty twins does as well."""
        return self.p_value < 0.05


def random_twins(trades: pd.DataFrame, opens: Mapping[str, np.ndarray], *, count: int = TWINS, seed: int) -> Twins:
    """Hold a strategy against twins that trade as much.

    Parameters
    ----------
    trades
        Of one strategy; columns ``symbol``, ``side`` (1 or -1), ``size`` (fraction of equity), ``bars_held``, ``gross_return`` and
        ``net_return`` (fractions of notional; their difference is what the trade cost).
    opens
        By symbol the opening prices of the bars on which it was free to trade, in order of time, without nulls.

    Returns
    -------
    Twins
        A twin's trades of one symbol never overlap where the strategy's do not fill the time more than once. A trade that ended in
        the bar that began it is held for one bar.

    Raises
    ------
    ModelError
        If there is no trade, or a symbol has no bars or fewer than its longest trade.
    """
    if trades.empty:
        raise ModelError("a strategy without trades has no twins")
    chance = np.random.default_rng(seed)
    results = np.zeros(count)
    for symbol, own in trades.groupby("symbol", sort=True):
        prices = np.asarray(opens.get(str(symbol), np.zeros(0)), dtype=np.float64)
        held = np.maximum(own["bars_held"].to_numpy(np.int64), 1)
        if len(prices) <= held.max():
            raise ModelError(f"{symbol} has {len(prices)} bars, and a trade of {held.max()}; twins need the bars that the strategy had")
        side, size = own["side"].to_numpy(np.float64), own["size"].to_numpy(np.float64)
        cost = (own["gross_return"] - own["net_return"]).to_numpy(np.float64)
        entered = _entries(held, len(prices) - 1, count, chance)
        gross = side * (prices[entered + held] / prices[entered] - 1.0)
        results += ((gross - cost) * size).sum(axis=1)
    result = float((trades["size"] * trades["net_return"]).sum())
    return Twins(result, results, float((1 + np.sum(results >= result)) / (1 + count)), len(trades))


def _entries(held: np.ndarray, steps: int, count: int, chance: np.random.Generator) -> np.ndarray:
    """Bar at which each twin (row) enters each trade (column), all arrangements equally likely."""
    free = steps - int(held.sum())
    if free < 0:  # the strategy holds several at once, and so may its twins
        return np.asarray(chance.integers(0, steps - held + 1, size=(count, len(held))))
    order = chance.permuted(np.tile(np.arange(len(held)), (count, 1)), axis=1)
    lengths = held[order]
    waits = np.sort(chance.integers(0, free + 1, size=(count, len(held))), axis=1)
    starts = waits + np.cumsum(lengths, axis=1) - lengths
    entered = np.empty((count, len(held)), dtype=np.int64)
    np.put_along_axis(entered, order, starts, axis=1)
    return entered
