"""Trend: where the price stands against its own past, and how steadily it moves."""

from __future__ import annotations

import numpy as np

from spark_jobs.features.bars import SymbolBars
from spark_jobs.features.compiling import Series
from spark_jobs.features.recursions import directional_index, ema, parabolic_stop, wilder
from spark_jobs.features.registry import Category, family
from spark_jobs.features.shapes import bars_since_max, window_mean_distance, window_slope
from spark_jobs.features.windows import window_mean

trend = family(Category.TREND)


@trend("sma_{window}", (5, 10, 20, 50, 200), inputs=("close",), unit="price", source="TA-Lib SMA")
def simple_mean(bars: SymbolBars, window: int) -> Series:
    """Mean close of {window} bars."""
    return bars.of(window_mean, "close", window)


@trend("ema_{window}", (12, 26), inputs=("close",), unit="price", source="TA-Lib EMA", recursive=True)
def exponential_mean(bars: SymbolBars, window: int) -> Series:
    """Exponential mean of the close with weight 2 / ({window} + 1), started by the simple mean."""
    return bars.of(ema, "close", window)


@trend("close_to_sma_{window}", (20, 50, 200), inputs=("close",), unit="fraction", source="close / SMA - 1")
def close_to_mean(bars: SymbolBars, window: int) -> Series:
    """Close over its {window}-bar mean, less 1."""
    return bars.close / bars.of(window_mean, "close", window) - 1.0


@trend("sma_50_to_200", (200,), inputs=("close",), unit="fraction", source="SMA 50 / SMA 200 - 1; golden cross where it turns positive")
def mean_to_mean(bars: SymbolBars, window: int) -> Series:
    """50-bar mean close over the 200-bar mean, less 1."""
    return bars.of(window_mean, "close", 50) / bars.of(window_mean, "close", window) - 1.0


def macd_line(close: Series) -> Series:
    """EMA 12 less EMA 26; as in TA-Lib both get their first value at the same bar."""
    return ema(close, 12, 26 - 12) - ema(close, 26)


def macd_smoothed(close: Series) -> Series:
    """Nine-bar EMA of the line."""
    return ema(macd_line(close), 9)


@trend("macd_12_26_9", (26,), inputs=("close",), unit="price", source="TA-Lib MACD, line", recursive=True)
def macd(bars: SymbolBars, _window: int) -> Series:
    """12-bar less 26-bar exponential mean of the close."""
    return bars.of(macd_line, "close")


@trend("macd_signal_12_26_9", (34,), inputs=("close",), unit="price", source="TA-Lib MACD, signal", recursive=True)
def macd_signal(bars: SymbolBars, _window: int) -> Series:
    """9-bar exponential mean of macd_12_26_9."""
    return bars.of(macd_smoothed, "close")


@trend("macd_histogram_12_26_9", (34,), inputs=("close",), unit="price", source="TA-Lib MACD, histogram", recursive=True)
def macd_histogram(bars: SymbolBars, _window: int) -> Series:
    """macd_12_26_9 less macd_signal_12_26_9."""
    return bars.of(macd_line, "close") - bars.of(macd_smoothed, "close")


@trend(
    "plus_di_{window}",
    (14,),
    inputs=("high", "low", "close"),
    unit="percent",
    source="Wilder; TA-Lib PLUS_DI",
    recursive=True,
    warm_up=lambda window: window,
)
def plus_directional(bars: SymbolBars, window: int) -> Series:
    """Share of upward movement in the true range, smoothed over {window} bars."""
    return bars.of(directional_index, "high low close", window)[0]


@trend(
    "minus_di_{window}",
    (14,),
    inputs=("high", "low", "close"),
    unit="percent",
    source="Wilder; TA-Lib MINUS_DI",
    recursive=True,
    warm_up=lambda window: window,
)
def minus_directional(bars: SymbolBars, window: int) -> Series:
    """Share of downward movement in the true range, smoothed over {window} bars."""
    return bars.of(directional_index, "high low close", window)[1]


@trend(
    "adx_{window}",
    (14,),
    inputs=("high", "low", "close"),
    unit="percent",
    source="Wilder; TA-Lib ADX",
    recursive=True,
    warm_up=lambda window: 2 * window - 1,
)
def average_directional(bars: SymbolBars, window: int) -> Series:
    """Average directional index: strength of the trend, whichever way, smoothed twice over {window} bars."""
    plus, minus = bars.of(directional_index, "high low close", window)
    return wilder(100.0 * np.abs(plus - minus) / (plus + minus), window)


@trend("cci_{window}", (20,), inputs=("high", "low", "close"), unit="points", source="Lambert; TA-Lib CCI")
def commodity_channel(bars: SymbolBars, window: int) -> Series:
    """Distance of the typical price from its {window}-bar mean in mean absolute deviations, over 0.015."""
    mean = bars.of(window_mean, "typical", window)
    return (bars.typical - mean) / (0.015 * window_mean_distance(bars.typical, mean, window))


@trend("aroon_{window}", (25,), inputs=("high", "low"), unit="points", source="Chande; TA-Lib AROONOSC", warm_up=lambda window: window)
def aroon(bars: SymbolBars, window: int) -> Series:
    """Aroon oscillator: how much more recent the {window}-bar high is than the low, from -100 to 100."""
    since_high, since_low = bars_since_max(bars.high, window + 1), bars_since_max(-bars.low, window + 1)
    return 100.0 * (since_low - since_high) / window


@trend("slope_{window}", (20,), inputs=("close",), unit="fraction per bar", source="TA-Lib LINEARREG_SLOPE / SMA")
def slope(bars: SymbolBars, window: int) -> Series:
    """Slope of the straight line through {window} closes, over their mean."""
    return bars.of(window_slope, "close", window) / bars.of(window_mean, "close", window)


@trend(
    "close_to_parabolic_stop",
    (2,),
    inputs=("high", "low", "close"),
    unit="fraction",
    source="Wilder; close / TA-Lib SAR(0.02, 0.2) - 1",
    recursive=True,
)
def close_to_stop(bars: SymbolBars, _window: int) -> Series:
    """Close over the parabolic stop and reverse, less 1; positive in a rise."""
    return bars.close / parabolic_stop(bars.high, bars.low, 0.02, 0.2) - 1.0
