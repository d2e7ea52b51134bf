"""Bars of one symbol as arrays, on one price scale, as the simulation walks over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.dataset import Source
from ml.prices import split_adjusted

Series = npt.NDArray[np.float64]

#: Bars over which the average true range is smoothed, as Wilder did.
_RANGE_BARS = 14


@dataclass(frozen=True)
class Bars:
    """Complete bars of one symbol, in order; prices are those of today's share, contiguous float64.

    ``average_range`` is Wilder's average true range over 14 bars in price units, as known at each close (NaN before 14 bars).
    """

    symbol: str
    timeframe: str
    timestamp: pd.DatetimeIndex
    closed_at: pd.DatetimeIndex
    open: Series
    high: Series
    low: Series
    close: Series
    average_range: Series

    def __len__(self) -> int:
        """Count the bars."""
        return len(self.close)


def read_bars(source: Source, symbol: str) -> Bars:
    """Every bar of a symbol that has all four prices; none where there is none."""
    frame = split_adjusted(source, symbol)
    frame = frame[frame[["open", "high", "low", "close"]].gt(0).all(axis=1)]
    return make_bars(symbol, source.timeframe, frame)


def make_bars(symbol: str, timeframe: str, frame: pd.DataFrame) -> Bars:
    """Bars from columns ``timestamp``, ``closed_at`` (UTC, in order), ``open``, ``high``, ``low`` and ``close``."""
    open_, high, low, close = (frame[name].to_numpy(np.float64, copy=True) for name in ("open", "high", "low", "close"))
    opens_at, closed_at = (pd.DatetimeIndex(frame[name]) for name in ("timestamp", "closed_at"))
    return Bars(symbol, timeframe, opens_at, closed_at, open_, high, low, close, wilder(true_range(high, low, close), _RANGE_BARS))


def true_range(high: Series, low: Series, close: Series) -> Series:
    """Width of each bar together with its gap from the close before (Wilder 1978)."""
    before = np.concatenate([close[:1], close[:-1]])
    widest: Series = np.maximum(high, before) - np.minimum(low, before)
    return widest


def wilder(values: Series, bars: int) -> Series:
    """Wilder's mean: the newest value counts ``1 / bars``; NaN before ``bars`` values."""
    return pd.Series(values).ewm(alpha=1 / bars, adjust=False, min_periods=bars).mean().to_numpy(np.float64)
