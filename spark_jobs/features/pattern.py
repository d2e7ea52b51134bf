"""Pattern: levels, breakouts, divergence, and the shape of the bar."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spark_jobs.features.bars import SymbolBars, earlier
from spark_jobs.features.compiling import Series
from spark_jobs.features.momentum import relative_strength
from spark_jobs.features.registry import Category, family
from spark_jobs.features.windows import window_max, window_mean, window_min

pattern = family(Category.PATTERN)


def flag(condition: npt.NDArray[np.bool_], *known: Series) -> Series:
    """1 where the condition holds, 0 where not, null where one of ``known`` is."""
    values = np.where(condition, 1.0, 0.0)
    for series in known:
        np.copyto(values, np.nan, where=np.isnan(series))
    return values


def highest_before(values: Series, window: int) -> Series:
    """Highest of the ``window`` values before this bar's."""
    return earlier(window_max(values, window), 1)


def lowest_before(values: Series, window: int) -> Series:
    """Lowest of the ``window`` values before this bar's."""
    return earlier(window_min(values, window), 1)


@pattern(
    "close_to_resistance_{window}",
    (20,),
    inputs=("high", "close"),
    unit="fraction",
    source="Donchian channel of the bars before",
    warm_up=lambda window: window,
)
def close_to_resistance(bars: SymbolBars, window: int) -> Series:
    """Close over the highest high of the {window} bars before, less 1."""
    return bars.close / bars.of(highest_before, "high", window) - 1.0


@pattern(
    "close_to_support_{window}",
    (20,),
    inputs=("low", "close"),
    unit="fraction",
    source="Donchian channel of the bars before",
    warm_up=lambda window: window,
)
def close_to_support(bars: SymbolBars, window: int) -> Series:
    """Close over the lowest low of the {window} bars before, less 1."""
    return bars.close / bars.of(lowest_before, "low", window) - 1.0


@pattern(
    "breakout_{window}",
    (20, 55),
    inputs=("high", "low", "close"),
    unit="-1, 0 or 1",
    source="Turtle rules",
    warm_up=lambda window: window,
)
def breakout(bars: SymbolBars, window: int) -> Series:
    """1 where the close is above every high of the {window} bars before, -1 where below every low, else 0."""
    high, low = bars.of(highest_before, "high", window), bars.of(lowest_before, "low", window)
    return flag(bars.close > high, bars.close, high, low) - flag(bars.close < low, bars.close)


@pattern("close_to_high_{window}", (252,), inputs=("high", "close"), unit="fraction", source="George and Hwang, 52-week high")
def close_to_high(bars: SymbolBars, window: int) -> Series:
    """Close over the {window}-bar high, less 1."""
    return bars.close / bars.of(window_max, "high", window) - 1.0


@pattern("close_to_low_{window}", (252,), inputs=("low", "close"), unit="fraction", source="52-week low")
def close_to_low(bars: SymbolBars, window: int) -> Series:
    """Close over the {window}-bar low, less 1."""
    return bars.close / bars.of(window_min, "low", window) - 1.0


@pattern("higher_highs_{window}", (10,), inputs=("high",), unit="fraction", source="share of bars", warm_up=lambda window: window)
def higher_highs(bars: SymbolBars, window: int) -> Series:
    """Share of {window} bars whose high is above the high before."""
    before = earlier(bars.high, 1)
    return window_mean(flag(bars.high > before, bars.high, before), window)


@pattern("higher_lows_{window}", (10,), inputs=("low",), unit="fraction", source="share of bars", warm_up=lambda window: window)
def higher_lows(bars: SymbolBars, window: int) -> Series:
    """Share of {window} bars whose low is above the low before."""
    before = earlier(bars.low, 1)
    return window_mean(flag(bars.low > before, bars.low, before), window)


@pattern(
    "rsi_divergence_{window}",
    (14,),
    inputs=("close",),
    unit="-1, 0 or 1",
    source="Wilder: the price goes on, its RSI does not",
    recursive=True,
    warm_up=lambda window: 2 * window,
)
def rsi_divergence(bars: SymbolBars, window: int) -> Series:
    """-1 where the close is above all {window} closes before and its RSI below their highest, 1 for the opposite at lows, else 0."""
    strength = bars.of(relative_strength, "gain loss", window)
    high, low = highest_before(strength, window), lowest_before(strength, window)
    bearish = (bars.close > bars.of(highest_before, "close", window)) & (strength < high)
    bullish = (bars.close < bars.of(lowest_before, "close", window)) & (strength > low)
    return flag(bullish, strength, high) - flag(bearish, strength)


@pattern("opening_gap", (2,), inputs=("open", "close"), unit="fraction", source="open / close before - 1")
def opening_gap(bars: SymbolBars, _window: int) -> Series:
    """Open over the close before, less 1."""
    return bars.open / bars.previous_close - 1.0


@pattern("body_to_range", (1,), inputs=("open", "high", "low", "close"), unit="fraction", source="TA-Lib BOP, balance of power")
def body_to_range(bars: SymbolBars, _window: int) -> Series:
    """Close less open over the bar's range; null for a bar without a range."""
    return (bars.close - bars.open) / (bars.high - bars.low)


@pattern("upper_shadow", (1,), inputs=("open", "high", "low", "close"), unit="fraction", source="share of the range")
def upper_shadow(bars: SymbolBars, _window: int) -> Series:
    """Share of the bar's range above its open and close; null for a bar without a range."""
    return (bars.high - np.maximum(bars.open, bars.close)) / (bars.high - bars.low)


@pattern("lower_shadow", (1,), inputs=("open", "high", "low", "close"), unit="fraction", source="share of the range")
def lower_shadow(bars: SymbolBars, _window: int) -> Series:
    """Share of the bar's range below its open and close; null for a bar without a range."""
    return (np.minimum(bars.open, bars.close) - bars.low) / (bars.high - bars.low)


@pattern("inside_bar", (2,), inputs=("high", "low"), unit="0 or 1", source="Crabel")
def inside_bar(bars: SymbolBars, _window: int) -> Series:
    """1 where the bar lies within the bar before."""
    high, low = earlier(bars.high, 1), earlier(bars.low, 1)
    return flag((bars.high < high) & (bars.low > low), bars.high, bars.low, high, low)


@pattern("engulfing", (2,), inputs=("open", "close"), unit="-1, 0 or 1", source="body around the opposite body before")
def engulfing(bars: SymbolBars, _window: int) -> Series:
    """1 where a rising body reaches beyond the falling body before on both sides, -1 for the opposite, else 0."""
    before_open, before_close = earlier(bars.open, 1), bars.previous_close
    rising = (before_close < before_open) & (bars.open < before_close) & (bars.close > before_open)
    falling = (before_close > before_open) & (bars.open > before_close) & (bars.close < before_open)
    return flag(rising, bars.open, bars.close, before_open, before_close) - flag(falling)
