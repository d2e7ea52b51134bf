"""Random twins of a strategy: the same trades at another time, as the null against which its result is held.

Each twin makes the strategy's own trades, of the same side, size and length and at the same costs, on the same bars, but all of them later
by one random stretch of time; what reaches beyond the last bar goes on at the first (Politis and Romano 1992 wrap time like that). Trades
that stood side by side, in other symbols and of other strategies, still do: one market is one witness. What is left between a strategy and
its twins is the choice of the moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from include.errors import ModelError

TWINS = 200
#: Columns of the trades that are read.
COLUMNS = ("symbol", "side", "size", "entered_at", "bars_held", "gross_return", "net_return")

#: Who enters while the strategy's own trade is open is no twin: shifts begin at the longest trade, at most this share of the time.
_NEAREST = 0.25


class Market(NamedTuple):
    """Bars of a symbol on which twins may trade, in order of time, without nulls.

    ``period`` is the place of the period (day, window) that a trade counts in which ends in the bar; one an element, as of the others.
    """

    opened_at: pd.DatetimeIndex
    open: np.ndarray
    period: np.ndarray


@dataclass(frozen=True)
class Twins:
    """A strategy among its twins.

    Attributes
    ----------
    own, twins
        What the strategy is worth, and each twin, shape (twins,): one quantity, one unit.
    trades
        Trades of the strategy, and of each twin.
    """

    own: float
    twins: np.ndarray
    trades: int

    @property
    def p_value(self) -> float:
        """How often a twin does at least as well, the strategy itself counted as one of them; never 0."""
        return (1 + self.as_good) / (1 + len(self.twins))

    @property
    def as_good(self) -> int:
        """Twins that do at least as well."""
        return int(np.sum(self.twins >= self.own))

    @property
    def has_edge(self) -> bool:
        """Whether fewer than one of twenty twins does as well."""
        return self.p_value < 0.05


def twin_returns(trades: pd.DataFrame, markets: Mapping[str, Market], periods: int, *, count: int = TWINS, seed: int) -> np.ndarray:
    """Return of the equity of each twin (row) in each period (column), shape (count, periods); a trade counts where it ends.

    Parameters
    ----------
    trades
        Columns ``symbol``, ``side`` (1 or -1), ``size`` (fraction of the equity of all symbols together), ``entered_at``, ``bars_held``,
        ``gross_return`` and ``net_return`` (fractions of notional; their difference is what the trade cost).
    markets
        By symbol the bars on which the strategy was free to trade.
    periods
        How many there are.

    Returns
    -------
    numpy.ndarray
        A trade that ended in the bar that began it is held for one bar.

    Raises
    ------
    ModelError
        If there is no trade, or a symbol has no bars or fewer than its longest trade.
    """
    if trades.empty:
        raise ModelError("a strategy without trades has no twins")
    parts = {str(symbol): own for symbol, own in trades.groupby("symbol", sort=True)}
    nearest = max(_longest(own) / max(_steps(markets, symbol, own), 1) for symbol, own in parts.items())
    nearest = min(nearest, _NEAREST)
    later = nearest + (1.0 - 2.0 * nearest) * np.random.default_rng(seed).random(count)
    returns = np.zeros(count * periods)
    for symbol, own in parts.items():
        market, steps, held = markets[symbol], _steps(markets, symbol, own), _held(own)
        side, size = own["side"].to_numpy(np.float64), own["size"].to_numpy(np.float64)
        cost = (own["gross_return"] - own["net_return"]).to_numpy(np.float64)
        place = np.minimum(market.opened_at.searchsorted(pd.DatetimeIndex(own["entered_at"])), steps - 1)
        # The same share of the steps from open to open in every symbol; beyond the last step comes the first.
        entered = (place + np.floor(later * steps).astype(np.int64)[:, None]) % steps
        prices = np.asarray(market.open, dtype=np.float64)
        on = np.concatenate([prices[:-1], prices * (prices[-1] / prices[0])])
        profit = size * (side * (on[entered + held] / on[entered] - 1.0) - cost)
        ended = np.asarray(market.period)[(entered + held - 1) % steps]
        cells = np.arange(count)[:, None] * periods + ended
        returns += np.bincount(cells.ravel(), weights=profit.ravel(), minlength=count * periods)
    return returns.reshape(count, periods)


def _held(own: pd.DataFrame) -> np.ndarray:
    return np.asarray(np.maximum(own["bars_held"].to_numpy(np.int64), 1))


def _longest(own: pd.DataFrame) -> int:
    return int(_held(own).max())


def _steps(markets: Mapping[str, Market], symbol: str, own: pd.DataFrame) -> int:
    """Steps from open to open; a trade needs as many."""
    bars = len(markets[symbol].open) if symbol in markets else 0
    if bars <= _longest(own):
        raise ModelError(f"{symbol} has {bars} bars, and a trade of {_longest(own)}; twins need the bars that the strategy had")
    return bars - 1
