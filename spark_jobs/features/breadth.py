"""Breadth: how many of the symbols that closed at the same moment go along.

A formula gives one symbol's vote: 1, 0, or null for an abstention. The feature is the mean vote of the session's stocks and funds.
"""

from __future__ import annotations

import numpy as np

from spark_jobs.features.bars import SymbolBars
from spark_jobs.features.compiling import Series
from spark_jobs.features.registry import Category, family
from spark_jobs.features.windows import window_max, window_mean

breadth = family(Category.BREADTH)


@breadth("breadth_above_sma_{window}", (50, 200), inputs=("close",), unit="fraction", source="share of symbols")
def above_mean(bars: SymbolBars, window: int) -> Series:
    """Share of symbols whose close is above its {window}-bar mean."""
    return _vote(bars.close - bars.of(window_mean, "close", window))


@breadth("breadth_rising_{window}", (1,), inputs=("close",), unit="fraction", source="share of symbols", warm_up=lambda window: window)
def rising(bars: SymbolBars, _window: int) -> Series:
    """Share of symbols whose close is above the close before."""
    return _vote(bars.change)


@breadth("breadth_high_{window}", (252,), inputs=("close",), unit="fraction", source="share of symbols")
def at_high(bars: SymbolBars, window: int) -> Series:
    """Share of symbols whose close is the highest of {window} bars."""
    ahead = bars.close - bars.of(window_max, "close", window)
    return np.where(ahead >= 0, 1.0, 0.0) + 0.0 * ahead


def _vote(value: Series) -> Series:
    return np.where(value > 0, 1.0, 0.0) + 0.0 * value
