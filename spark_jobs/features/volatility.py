"""Volatility: how far the price moves, whichever way."""

from __future__ import annotations

import math

import numpy as np

from spark_jobs.features.bars import SymbolBars
from spark_jobs.features.compiling import Series
from spark_jobs.features.recursions import ema, smooth, wilder
from spark_jobs.features.registry import Category, family
from spark_jobs.features.windows import window_deviation, window_max, window_mean, window_min

volatility = family(Category.VOLATILITY)


@volatility(
    "atr_{window}",
    (14,),
    inputs=("high", "low", "close"),
    unit="price",
    source="Wilder; TA-Lib ATR",
    recursive=True,
    warm_up=lambda window: window,
)
def average_true_range(bars: SymbolBars, window: int) -> Series:
    """Wilder's mean of the true range over {window} bars."""
    return bars.of(wilder, "true_range", window)


@volatility(
    "natr_{window}",
    (14,),
    inputs=("high", "low", "close"),
    unit="percent",
    source="Forman; TA-Lib NATR",
    recursive=True,
    warm_up=lambda window: window,
)
def normalised_true_range(bars: SymbolBars, window: int) -> Series:
    """atr_{window} over the close."""
    return 100.0 * bars.of(wilder, "true_range", window) / bars.close


@volatility(
    "volatility_{window}",
    (20, 60),
    inputs=("close",),
    unit="fraction per bar",
    source="standard deviation of log returns, divisor n - 1; not annualised",
    warm_up=lambda window: window,
)
def close_volatility(bars: SymbolBars, window: int) -> Series:
    """Standard deviation of the last {window} log returns."""
    return bars.of(window_deviation, "log_return", window, 1)


@volatility(
    "ewma_volatility_{window}",
    (20,),
    inputs=("close",),
    unit="fraction per bar",
    source="RiskMetrics, decay 0.94, started by the mean square of the first returns",
    recursive=True,
    warm_up=lambda window: window,
)
def weighted_volatility(bars: SymbolBars, window: int) -> Series:
    """Root of the exponentially weighted mean square of log returns (decay 0.94), started by {window} returns."""
    return np.sqrt(smooth(bars.log_return**2, 1.0 - 0.94, window, 0))


@volatility(
    "range_volatility_{window}",
    (20,),
    inputs=("open", "high", "low", "close"),
    unit="fraction per bar",
    source="Garman and Klass, with the jump from close to open",
    warm_up=lambda window: window,
)
def range_volatility(bars: SymbolBars, window: int) -> Series:
    """Root of the {window}-bar mean variance estimated from each bar's open, high, low, close and the close before."""
    jump = np.log(bars.open / bars.previous_close)
    span, body = np.log(bars.high / bars.low), np.log(bars.close / bars.open)
    variance: Series = jump**2 + 0.5 * span**2 - (2.0 * math.log(2.0) - 1.0) * body**2
    deviation: Series = np.sqrt(window_mean(variance, window))
    return deviation


@volatility("parkinson_{window}", (20,), inputs=("high", "low"), unit="fraction per bar", source="Parkinson")
def parkinson(bars: SymbolBars, window: int) -> Series:
    """Volatility estimated from the {window}-bar mean square of log(high / low)."""
    span: Series = np.log(bars.high / bars.low)
    return np.sqrt(window_mean(span**2, window) / (4.0 * math.log(2.0)))


@volatility("standard_deviation_{window}", (20,), inputs=("close",), unit="price", source="TA-Lib STDDEV, divisor n")
def standard_deviation(bars: SymbolBars, window: int) -> Series:
    """Standard deviation of {window} closes."""
    return bars.of(window_deviation, "close", window, 0)


@volatility(
    "bollinger_width_{window}", (20,), inputs=("close",), unit="fraction", source="Bollinger, 2 deviations of divisor n; TA-Lib BBANDS"
)
def bollinger_width(bars: SymbolBars, window: int) -> Series:
    """Distance of the Bollinger bands over the {window}-bar mean."""
    return 4.0 * bars.of(window_deviation, "close", window, 0) / bars.of(window_mean, "close", window)


@volatility("bollinger_percent_{window}", (20,), inputs=("close",), unit="fraction", source="Bollinger %b; TA-Lib BBANDS")
def bollinger_percent(bars: SymbolBars, window: int) -> Series:
    """Where the close lies between the {window}-bar Bollinger bands: 0 the lower, 1 the upper; null where they touch."""
    deviation = bars.of(window_deviation, "close", window, 0)
    lower = bars.of(window_mean, "close", window) - 2.0 * deviation
    return (bars.close - lower) / (4.0 * deviation)


@volatility(
    "keltner_width_20_10",
    (20,),
    inputs=("high", "low", "close"),
    unit="fraction",
    source="Keltner as Raschke has it: EMA 20 of the close, 2 Wilder ATR 10",
    recursive=True,
)
def keltner_width(bars: SymbolBars, window: int) -> Series:
    """Distance of the Keltner bands over their middle."""
    return 4.0 * bars.of(wilder, "true_range", 10) / bars.of(ema, "close", window)


@volatility(
    "keltner_position_20_10",
    (20,),
    inputs=("high", "low", "close"),
    unit="fraction",
    source="Keltner as Raschke has it: EMA 20 of the close, 2 Wilder ATR 10",
    recursive=True,
)
def keltner_position(bars: SymbolBars, window: int) -> Series:
    """Where the close lies between the Keltner bands: -1 the lower, 1 the upper; null where they touch."""
    return (bars.close - bars.of(ema, "close", window)) / (2.0 * bars.of(wilder, "true_range", 10))


@volatility("donchian_width_{window}", (20,), inputs=("high", "low", "close"), unit="fraction", source="Donchian")
def donchian_width(bars: SymbolBars, window: int) -> Series:
    """{window}-bar high less {window}-bar low, over the close."""
    return (bars.of(window_max, "high", window) - bars.of(window_min, "low", window)) / bars.close


@volatility(
    "ulcer_{window}",
    (14,),
    inputs=("close",),
    unit="percent",
    source="Martin and McCann, drawdowns from a moving high",
    warm_up=lambda window: 2 * (window - 1),
)
def ulcer(bars: SymbolBars, window: int) -> Series:
    """Root mean square of the {window}-bar drawdowns from the highest close of {window} bars."""
    drawdown = 100.0 * (bars.close / bars.of(window_max, "close", window) - 1.0)
    return np.sqrt(window_mean(drawdown**2, window))
