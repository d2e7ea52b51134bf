"""Volume: what was traded, and on which side. All of it is null for instruments that trade no volume."""

from __future__ import annotations

import numpy as np

from spark_jobs.features.bars import SymbolBars
from spark_jobs.features.compiling import Series
from spark_jobs.features.recursions import ema, running_total
from spark_jobs.features.registry import Category, family
from spark_jobs.features.shapes import window_weighted_sum
from spark_jobs.features.windows import window_deviation, window_mean, window_sum

volume = family(Category.VOLUME)


def signed_volume(close: Series, previous_close: Series, traded: Series) -> Series:
    """Volume with the sign of the close's change; a first bar counts as a rise (TA-Lib)."""
    signed: Series = np.where(np.isnan(previous_close), 1.0, np.sign(close - previous_close)) * traded + close * 0.0
    return signed


@volume("on_balance_volume", (1,), inputs=("close", "volume"), unit="volume", source="Granville; TA-Lib OBV", recursive=True)
def on_balance(bars: SymbolBars, _window: int) -> Series:
    """Volume of rising closes less volume of falling ones since the first bar."""
    return running_total(bars.of(signed_volume, "close previous_close volume"))


@volume(
    "on_balance_slope_{window}", (20,), inputs=("close", "volume"), unit="fraction per bar", source="LINEARREG_SLOPE of OBV / SMA of volume"
)
def on_balance_slope(bars: SymbolBars, window: int) -> Series:
    """Slope of on_balance_volume over {window} bars, in mean volumes."""
    # The slope of sums is a sum of what was added, each as often as it counts in them: no memory, and no rounding of huge sums.
    bar = np.arange(float(window))
    weights = bar * (window - bar) / 2.0 / (window * (window * window - 1.0) / 12.0)
    return window_weighted_sum(bars.of(signed_volume, "close previous_close volume"), weights) / bars.of(window_mean, "volume", window)


@volume("volume_ratio_{window}", (20,), inputs=("volume",), unit="fraction", source="volume / SMA")
def volume_ratio(bars: SymbolBars, window: int) -> Series:
    """Volume over its {window}-bar mean; null where nothing was traded in all of them."""
    return bars.volume / bars.of(window_mean, "volume", window)


@volume("volume_5_to_20", (20,), inputs=("volume",), unit="fraction", source="SMA 5 / SMA 20 - 1")
def volume_trend(bars: SymbolBars, window: int) -> Series:
    """5-bar mean volume over the 20-bar mean, less 1."""
    return window_mean(bars.volume, 5) / bars.of(window_mean, "volume", window) - 1.0


@volume("volume_zscore_{window}", (20,), inputs=("volume",), unit="standard deviations", source="z-score, divisor n")
def volume_surprise(bars: SymbolBars, window: int) -> Series:
    """Distance of the volume from its {window}-bar mean in standard deviations; null for equal volumes."""
    return (bars.volume - bars.of(window_mean, "volume", window)) / window_deviation(bars.volume, window, 0)


@volume("close_to_vwap_{window}", (20,), inputs=("high", "low", "close", "volume"), unit="fraction", source="volume-weighted typical price")
def close_to_average_paid(bars: SymbolBars, window: int) -> Series:
    """Close over the mean typical price of {window} bars weighted by volume, less 1."""
    return bars.close * bars.of(window_sum, "volume", window) / window_sum(bars.traded_value, window) - 1.0


@volume(
    "accumulation_distribution",
    (1,),
    inputs=("high", "low", "close", "volume"),
    unit="volume",
    source="Chaikin; TA-Lib AD",
    recursive=True,
)
def accumulation(bars: SymbolBars, _window: int) -> Series:
    """Volume since the first bar, weighted by where each close lies in its bar: 1 at the high, -1 at the low."""
    return running_total(bars.flow_volume)


@volume("chaikin_money_flow_{window}", (20,), inputs=("high", "low", "close", "volume"), unit="fraction", source="Chaikin")
def chaikin_flow(bars: SymbolBars, window: int) -> Series:
    """Share of {window} bars' volume that closes near the high less the share near the low."""
    return window_sum(bars.flow_volume, window) / bars.of(window_sum, "volume", window)


@volume(
    "force_{window}",
    (13,),
    inputs=("close", "volume"),
    unit="price x volume",
    source="Elder",
    recursive=True,
    warm_up=lambda window: window,
)
def force(bars: SymbolBars, window: int) -> Series:
    """{window}-bar exponential mean of the close's change times volume."""
    return ema(bars.change * bars.volume, window)


@volume(
    "ease_of_movement_{window}",
    (14,),
    inputs=("high", "low", "volume"),
    unit="price squared / volume",
    source="Arms; per 100 million of volume",
    warm_up=lambda window: window,
)
def ease_of_movement(bars: SymbolBars, window: int) -> Series:
    """{window}-bar mean of how far the bar's middle moved for its volume and range; null where a bar traded nothing."""
    middle = (bars.high + bars.low) / 2.0
    step = np.full(middle.size, np.nan)
    step[1:] = middle[1:] - middle[:-1]
    traded = np.where(bars.volume > 0, bars.volume, np.nan)
    return window_mean(step * (bars.high - bars.low) / (traded / 1e8), window)


@volume("volume_price_trend", (2,), inputs=("close", "volume"), unit="volume", source="cumulative", recursive=True)
def volume_price_trend(bars: SymbolBars, _window: int) -> Series:
    """Sum since the first bar of volume times the close's return."""
    return running_total(bars.simple_return * bars.volume)


@volume(
    "up_volume_{window}",
    (20,),
    inputs=("close", "volume"),
    unit="fraction",
    source="volume of rises / volume",
    warm_up=lambda window: window,
)
def up_volume(bars: SymbolBars, window: int) -> Series:
    """Share of {window} bars' volume that was traded on bars with a rising close."""
    rising = np.where(bars.change > 0, bars.volume, bars.change * 0.0)
    return window_sum(rising, window) / bars.of(window_sum, "volume", window)


@volume(
    "illiquidity_{window}",
    (20,),
    inputs=("close", "volume"),
    unit="fraction per million",
    source="Amihud",
    warm_up=lambda window: window,
)
def illiquidity(bars: SymbolBars, window: int) -> Series:
    """{window}-bar mean of the size of the return for a million currency units traded; null where a bar traded nothing."""
    paid = bars.close * np.where(bars.volume > 0, bars.volume, np.nan)
    return window_mean(np.abs(bars.simple_return) / (paid / 1e6), window)
