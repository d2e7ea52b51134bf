"""Statistical: returns and the shape of their distribution."""

from __future__ import annotations

import numpy as np

from spark_jobs.features.bars import SymbolBars, earlier
from spark_jobs.features.compiling import Series
from spark_jobs.features.registry import Category, family
from spark_jobs.features.shapes import window_correlation, window_entropy, window_moments, window_rank, window_slope
from spark_jobs.features.windows import window_deviation, window_max, window_mean, window_min, window_squares

statistical = family(Category.STATISTICAL)


@statistical(
    "return_{window}", (1, 5, 20, 60), inputs=("close",), unit="fraction", source="close / close before - 1", warm_up=lambda window: window
)
def simple_return(bars: SymbolBars, window: int) -> Series:
    """Return over {window} bars."""
    return bars.close / earlier(bars.close, window) - 1.0


@statistical("log_return_1", (1,), inputs=("close",), unit="log fraction", source="ln(close / close before)", warm_up=lambda window: window)
def log_return(bars: SymbolBars, _window: int) -> Series:
    """Logarithm of the close over the close before."""
    return bars.log_return


@statistical("zscore_{window}", (20, 60), inputs=("close",), unit="standard deviations", source="z-score, divisor n")
def zscore(bars: SymbolBars, window: int) -> Series:
    """Distance of the close from its {window}-bar mean in standard deviations; null for equal closes."""
    return (bars.close - bars.of(window_mean, "close", window)) / bars.of(window_deviation, "close", window, 0)


@statistical(
    "autocorrelation_{window}_1",
    (20, 60),
    inputs=("close",),
    unit="correlation",
    source="Pearson, lag 1",
    warm_up=lambda window: window + 1,
)
def autocorrelation(bars: SymbolBars, window: int) -> Series:
    """Correlation of {window} log returns with those one bar earlier; null for equal returns."""
    return window_correlation(bars.log_return, earlier(bars.log_return, 1), window)


@statistical(
    "size_autocorrelation_{window}_1",
    (60,),
    inputs=("close",),
    unit="correlation",
    source="Pearson, lag 1; volatility comes in clusters",
    warm_up=lambda window: window + 1,
)
def size_autocorrelation(bars: SymbolBars, window: int) -> Series:
    """Correlation of the sizes of {window} log returns with those one bar earlier; null for equal sizes."""
    size = np.abs(bars.log_return)
    return window_correlation(size, earlier(size, 1), window)


@statistical(
    "entropy_{window}",
    (60,),
    inputs=("close",),
    unit="fraction",
    source="Shannon, 10 equal bins between the window's extremes, over ln 10",
    warm_up=lambda window: window,
)
def entropy(bars: SymbolBars, window: int) -> Series:
    """Entropy of the histogram of {window} log returns: 1 all bins alike; null for equal returns."""
    lowest, highest = (bars.of(extreme, "log_return", window) for extreme in (window_min, window_max))
    return window_entropy(bars.log_return, lowest, highest, window, 10)


@statistical(
    "skewness_{window}", (60,), inputs=("close",), unit="none", source="corrected for bias, as pandas", warm_up=lambda window: window
)
def skewness(bars: SymbolBars, window: int) -> Series:
    """Skewness of {window} log returns; null for equal returns."""
    return bars.of(window_moments, "log_return", window)[0]


@statistical(
    "kurtosis_{window}",
    (60,),
    inputs=("close",),
    unit="none",
    source="excess, corrected for bias, as pandas",
    warm_up=lambda window: window,
)
def kurtosis(bars: SymbolBars, window: int) -> Series:
    """Excess kurtosis of {window} log returns; null for equal returns."""
    return bars.of(window_moments, "log_return", window)[1]


@statistical(
    "variance_ratio_{window}_5",
    (60,),
    inputs=("close",),
    unit="fraction",
    source="Lo and MacKinlay, overlapping, mean removed, not corrected for bias",
    warm_up=lambda window: window + 4,
)
def variance_ratio(bars: SymbolBars, window: int) -> Series:
    """Variance of {window} five-bar log returns over five times that of one-bar ones: above 1 trending, below 1 turning back."""
    five = np.log(bars.close / earlier(bars.close, 5))
    return window_squares(five, window) / (5.0 * bars.of(window_squares, "log_return", window))


@statistical("return_rank_{window}", (60,), inputs=("close",), unit="fraction", source="percentile rank", warm_up=lambda window: window)
def return_rank(bars: SymbolBars, window: int) -> Series:
    """Share of the last {window} returns that are below the newest one."""
    return window_rank(bars.simple_return, window)


@statistical("drawdown_{window}", (60,), inputs=("close",), unit="fraction", source="close / highest close - 1")
def drawdown(bars: SymbolBars, window: int) -> Series:
    """Close over the highest close of {window} bars, less 1."""
    return bars.close / bars.of(window_max, "close", window) - 1.0


@statistical(
    "downside_deviation_{window}",
    (20,),
    inputs=("close",),
    unit="fraction per bar",
    source="Sortino, target 0",
    warm_up=lambda window: window,
)
def downside_deviation(bars: SymbolBars, window: int) -> Series:
    """Root mean square of {window} returns, rises counted as 0."""
    return np.sqrt(window_mean(np.minimum(bars.simple_return, 0.0) ** 2, window))


@statistical(
    "mean_to_deviation_{window}",
    (60,),
    inputs=("close",),
    unit="per bar",
    source="Sharpe ratio without an interest rate, divisor n - 1; not annualised",
    warm_up=lambda window: window,
)
def mean_to_deviation(bars: SymbolBars, window: int) -> Series:
    """Mean of {window} log returns over their standard deviation; null for equal returns."""
    return bars.of(window_mean, "log_return", window) / bars.of(window_deviation, "log_return", window, 1)


@statistical("up_share_{window}", (20,), inputs=("close",), unit="fraction", source="share of bars", warm_up=lambda window: window)
def up_share(bars: SymbolBars, window: int) -> Series:
    """Share of {window} bars with a rising close."""
    return window_mean(np.where(bars.change > 0, 1.0, 0.0) + 0.0 * bars.change, window)


@statistical("trend_fit_{window}", (20,), inputs=("close",), unit="fraction", source="R squared of the least-squares line")
def trend_fit(bars: SymbolBars, window: int) -> Series:
    """How much of {window} closes' variance the straight line through them explains; null for equal closes."""
    explained = bars.of(window_slope, "close", window) ** 2 * (window * (window * window - 1) / 12.0)
    return np.minimum(explained / bars.of(window_squares, "close", window), 1.0)


@statistical(
    "return_volume_correlation_{window}",
    (20,),
    inputs=("close", "volume"),
    unit="correlation",
    source="Pearson",
    warm_up=lambda window: window,
)
def return_volume_correlation(bars: SymbolBars, window: int) -> Series:
    """Correlation of {window} returns with the volumes of their bars; null for equal returns or volumes."""
    return window_correlation(bars.simple_return, bars.volume, window)
