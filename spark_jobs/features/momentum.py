"""Momentum: how fast the price moves, and whether it has gone far."""

from __future__ import annotations

import numpy as np

from spark_jobs.features.bars import SymbolBars, earlier
from spark_jobs.features.compiling import Series
from spark_jobs.features.recursions import ema, wilder
from spark_jobs.features.registry import Category, family
from spark_jobs.features.windows import window_max, window_mean, window_min, window_sum

momentum = family(Category.MOMENTUM)


def relative_strength(gain: Series, loss: Series, window: int) -> Series:
    """Wilder's RSI in percent; null while the price has not moved at all."""
    rise, fall = wilder(gain, window), wilder(loss, window)
    return 100.0 * rise / (rise + fall)


def place_in_range(value: Series, high: Series, low: Series, window: int) -> Series:
    """Where the value lies in the window's range, in percent; null where there is no range."""
    lowest = window_min(low, window)
    return 100.0 * (value - lowest) / (window_max(high, window) - lowest)


def slow_stochastic(close: Series, high: Series, low: Series, window: int) -> Series:
    """Three-bar mean of the place in range."""
    return window_mean(place_in_range(close, high, low, window), 3)


@momentum(
    "rsi_{window}",
    (7, 14, 21),
    inputs=("close",),
    unit="percent",
    source="Wilder; TA-Lib RSI",
    recursive=True,
    warm_up=lambda window: window,
)
def rsi(bars: SymbolBars, window: int) -> Series:
    """Relative strength index: share of rises in all movement, by Wilder's mean of {window} bars."""
    return bars.of(relative_strength, "gain loss", window)


@momentum(
    "stochastic_rsi_{window}",
    (14,),
    inputs=("close",),
    unit="percent",
    source="Chande and Kroll; TA-Lib STOCHRSI, %K",
    recursive=True,
    warm_up=lambda window: 2 * window - 1,
)
def stochastic_rsi(bars: SymbolBars, window: int) -> Series:
    """Where rsi_{window} lies in its own range of {window} bars; null where it has none."""
    strength = bars.of(relative_strength, "gain loss", window)
    return place_in_range(strength, strength, strength, window)


@momentum(
    "stochastic_k_14_3",
    (14,),
    inputs=("high", "low", "close"),
    unit="percent",
    source="Lane; TA-Lib STOCH, slow %K",
    warm_up=lambda window: window + 1,
)
def stochastic_k(bars: SymbolBars, window: int) -> Series:
    """Where the close lies in the range of {window} bars, 3-bar mean; null where there is no range."""
    return bars.of(slow_stochastic, "close high low", window)


@momentum(
    "stochastic_d_14_3_3",
    (14,),
    inputs=("high", "low", "close"),
    unit="percent",
    source="Lane; TA-Lib STOCH, slow %D",
    warm_up=lambda window: window + 3,
)
def stochastic_d(bars: SymbolBars, window: int) -> Series:
    """3-bar mean of stochastic_k_14_3."""
    return window_mean(bars.of(slow_stochastic, "close high low", window), 3)


@momentum("williams_r_{window}", (14,), inputs=("high", "low", "close"), unit="percent", source="Williams; TA-Lib WILLR")
def williams(bars: SymbolBars, window: int) -> Series:
    """How far the close lies below the {window}-bar high in the range, from -100 to 0; null where there is no range."""
    return place_in_range(bars.close, bars.high, bars.low, window) - 100.0


@momentum("roc_{window}", (10, 120), inputs=("close",), unit="percent", source="TA-Lib ROC", warm_up=lambda window: window)
def rate_of_change(bars: SymbolBars, window: int) -> Series:
    """Change of the close over {window} bars."""
    return 100.0 * (bars.close / earlier(bars.close, window) - 1.0)


@momentum(
    "momentum_252_21",
    (252,),
    inputs=("close",),
    unit="fraction",
    source="Jegadeesh and Titman, 12 - 1 months",
    warm_up=lambda window: window,
)
def year_but_month(bars: SymbolBars, window: int) -> Series:
    """Return from 252 bars ago until 21 bars ago: a year's momentum without the month that tends to turn back."""
    return earlier(bars.close, 21) / earlier(bars.close, window) - 1.0


@momentum(
    "mfi_{window}",
    (14,),
    inputs=("high", "low", "close", "volume"),
    unit="percent",
    source="Quong and Soudack; TA-Lib MFI",
    warm_up=lambda window: window,
)
def money_flow(bars: SymbolBars, window: int) -> Series:
    """Money flow index: share of traded value on bars with a rising typical price over {window} bars."""
    step = bars.typical - earlier(bars.typical, 1)
    inflow = window_sum(np.where(step > 0, bars.traded_value, step * 0.0), window)
    outflow = window_sum(np.where(step < 0, bars.traded_value, step * 0.0), window)
    return 100.0 * inflow / (inflow + outflow)


@momentum("ppo_12_26", (26,), inputs=("close",), unit="percent", source="Appel; TA-Lib PPO with exponential means", recursive=True)
def percentage_oscillator(bars: SymbolBars, window: int) -> Series:
    """12-bar exponential mean of the close over the 26-bar one, less 1."""
    return 100.0 * (bars.of(ema, "close", 12) / bars.of(ema, "close", window) - 1.0)


@momentum("tsi_25_13", (38,), inputs=("close",), unit="percent", source="Blau; exponential means started as in TA-Lib", recursive=True)
def true_strength(bars: SymbolBars, _window: int) -> Series:
    """True strength index: change of the close smoothed over 25 and 13 bars, over its smoothed size."""
    return 100.0 * ema(ema(bars.change, 25), 13) / ema(ema(np.abs(bars.change), 25), 13)


@momentum(
    "ultimate_7_14_28",
    (28,),
    inputs=("high", "low", "close"),
    unit="percent",
    source="Williams; TA-Lib ULTOSC",
    warm_up=lambda window: window,
)
def ultimate(bars: SymbolBars, window: int) -> Series:
    """Ultimate oscillator: buying pressure in the true range over 7, 14 and 28 bars, weighted 4, 2, 1."""
    pressure = bars.close - np.minimum(bars.low, bars.previous_close)
    short, middle, long = (window_sum(pressure, bars_) / window_sum(bars.true_range, bars_) for bars_ in (7, 14, window))
    return 100.0 * (4.0 * short + 2.0 * middle + long) / 7.0


@momentum(
    "trix_{window}",
    (15,),
    inputs=("close",),
    unit="percent",
    source="Hutson; TA-Lib TRIX",
    recursive=True,
    warm_up=lambda window: 3 * (window - 1) + 1,
)
def trix(bars: SymbolBars, window: int) -> Series:
    """One-bar change of the close smoothed three times over {window} bars."""
    thrice = ema(ema(bars.of(ema, "close", window), window), window)
    return 100.0 * (thrice / earlier(thrice, 1) - 1.0)


@momentum("awesome_5_34", (34,), inputs=("high", "low"), unit="price", source="Williams")
def awesome(bars: SymbolBars, window: int) -> Series:
    """Awesome oscillator: 5-bar less 34-bar mean of the middle of the bar."""
    middle = (bars.high + bars.low) / 2.0
    return window_mean(middle, 5) - window_mean(middle, window)
