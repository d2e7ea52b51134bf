"""What the rules look at: each value known at its bar's close, NaN before there are enough bars."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.simulation.bars import Bars, Series, true_range, wilder


def mean(values: Series, bars: int) -> Series:
    """Simple moving average."""
    return pd.Series(values).rolling(bars).mean().to_numpy(np.float64)


def deviation(values: Series, bars: int) -> Series:
    """Standard deviation over the last ``bars`` values, divisor ``bars`` (as Bollinger's)."""
    return pd.Series(values).rolling(bars).std(ddof=0).to_numpy(np.float64)


def ema(values: Series, bars: int) -> Series:
    """Exponential moving average, weight ``2 / (bars + 1)``."""
    return pd.Series(values).ewm(span=bars, adjust=False, min_periods=bars).mean().to_numpy(np.float64)


def highest(values: Series, bars: int) -> Series:
    """Largest of the last ``bars`` values."""
    return pd.Series(values).rolling(bars).max().to_numpy(np.float64)


def lowest(values: Series, bars: int) -> Series:
    """Smallest of the last ``bars`` values."""
    return pd.Series(values).rolling(bars).min().to_numpy(np.float64)


def before(values: Series, bars: int = 1) -> Series:
    """The value ``bars`` bars ago."""
    return pd.Series(values).shift(bars).to_numpy(np.float64)


def change(values: Series, bars: int) -> Series:
    """Simple return over ``bars`` bars, a fraction."""
    past: Series = values / before(values, bars) - 1
    return past


def rsi(close: Series, bars: int) -> Series:
    """Relative strength index, 0 to 100 (Wilder 1978)."""
    moved = close - before(close)
    rise, fall = wilder(np.maximum(moved, 0)[1:], bars), wilder(np.maximum(-moved, 0)[1:], bars)
    with np.errstate(invalid="ignore", divide="ignore"):
        strength = 100 * rise / (rise + fall)
    return np.concatenate([[np.nan], strength])


def directional(bars: Bars, window: int) -> tuple[Series, Series, Series]:
    """+DI, -DI and ADX, 0 to 100 (Wilder 1978)."""
    up, down = bars.high[1:] - bars.high[:-1], bars.low[:-1] - bars.low[1:]
    width = wilder(true_range(bars.high, bars.low, bars.close)[1:], window)
    with np.errstate(invalid="ignore", divide="ignore"):
        plus = 100 * wilder(np.where((up > down) & (up > 0), up, 0.0), window) / width
        minus = 100 * wilder(np.where((down > up) & (down > 0), down, 0.0), window) / width
        spread = 100 * np.abs(plus - minus) / (plus + minus)
    strength = wilder(spread, window)
    plus, minus, strength = (np.concatenate([[np.nan], values]) for values in (plus, minus, strength))
    return plus, minus, strength


def stochastic(bars: Bars, window: int) -> Series:
    """Where the close lies between the lowest low and the highest high, 0 to 100 (Lane)."""
    low, high = lowest(bars.low, window), highest(bars.high, window)
    with np.errstate(invalid="ignore", divide="ignore"):
        place: Series = 100 * (bars.close - low) / (high - low)
    return place


def commodity_channel(bars: Bars, window: int) -> Series:
    """Commodity channel index (Lambert 1980)."""
    typical = (bars.high + bars.low + bars.close) / 3
    index = np.full(len(bars), np.nan)
    if len(bars) >= window:
        parts = np.lib.stride_tricks.sliding_window_view(typical, window)
        middle = parts.mean(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            index[window - 1 :] = (typical[window - 1 :] - middle) / (0.015 * np.abs(parts - middle[:, None]).mean(axis=1))
    return index


def crossings(values: Series, level: Series | float) -> Series:
    """1 where ``values`` rise to above ``level`` in this bar, -1 where they fall to below it, else 0."""
    above, below = values > level, values < level
    was_above, was_below = np.roll(above, 1), np.roll(below, 1)
    known = np.isfinite(values - level) & np.roll(np.isfinite(values - level), 1)
    known[:1] = False
    return np.where(known & above & ~was_above, 1.0, np.where(known & below & ~was_below, -1.0, 0.0))
