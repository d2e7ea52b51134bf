"""Kernels over a moving window that look at every value of it: fits, ranks, shapes of a distribution.

As in :mod:`spark_jobs.features.windows` the value at a bar is null while the window is not full and where one of its values is null.
Also null is what the formula leaves open (0 / 0).
"""

from __future__ import annotations

import numpy as np

from spark_jobs.features.compiling import Series, compiled


@compiled("float64[::1](float64[::1], int64)")
def window_slope(values: Series, window: int) -> Series:
    """Slope of the least-squares line, per bar."""
    size = values.size
    result = np.full(size, np.nan)
    middle = (window - 1) / 2.0
    spread = window * (window * window - 1.0) / 12.0
    for last in range(window - 1, size):
        total = 0.0
        for offset in range(window):
            total += (offset - middle) * values[last - window + 1 + offset]
        result[last] = total / spread
    return result


@compiled("float64[::1](float64[::1], float64[::1], int64)")
def window_correlation(left: Series, right: Series, window: int) -> Series:
    """Pearson correlation; null where a side is constant."""
    size = left.size
    result = np.full(size, np.nan)
    for last in range(window - 1, size):
        first = last - window + 1
        mean_left, mean_right = 0.0, 0.0
        for bar in range(first, last + 1):
            mean_left += left[bar]
            mean_right += right[bar]
        mean_left /= window
        mean_right /= window
        both, squares_left, squares_right = 0.0, 0.0, 0.0
        constant_left, constant_right = True, True
        for bar in range(first, last + 1):
            a, b = left[bar] - mean_left, right[bar] - mean_right
            both += a * b
            squares_left += a * a
            squares_right += b * b
            constant_left &= left[bar] == left[first]
            constant_right &= right[bar] == right[first]
        # Equal values can lie a rounding error beside their own mean; a correlation of rounding errors is no value.
        if not constant_left and not constant_right:
            value = both / np.sqrt(squares_left * squares_right)
            result[last] = value if np.isnan(value) else min(1.0, max(-1.0, value))
    return result


@compiled("float64[::1](float64[::1], int64)")
def window_mean_distance(values: Series, window: int) -> Series:
    """Mean absolute deviation from the window's mean."""
    size = values.size
    result = np.full(size, np.nan)
    for last in range(window - 1, size):
        mean = 0.0
        for bar in range(last - window + 1, last + 1):
            mean += values[bar]
        mean /= window
        total = 0.0
        for bar in range(last - window + 1, last + 1):
            total += abs(values[bar] - mean)
        result[last] = total / window
    return result


@compiled("UniTuple(float64[::1], 2)(float64[::1], int64)")
def window_moments(values: Series, window: int) -> tuple[Series, Series]:
    """Skewness and excess kurtosis, corrected for bias (as in pandas and SAS); null for equal values."""
    size = values.size
    skewness = np.full(size, np.nan)
    kurtosis = np.full(size, np.nan)
    n = float(window)
    for last in range(window - 1, size):
        first = last - window + 1
        mean = 0.0
        constant = True
        for bar in range(first, last + 1):
            mean += values[bar]
            constant &= values[bar] == values[first]
        if constant:
            continue
        mean /= window
        second, third, fourth = 0.0, 0.0, 0.0
        for bar in range(first, last + 1):
            step = values[bar] - mean
            square = step * step
            second += square
            third += square * step
            fourth += square * square
        second, third, fourth = second / n, third / n, fourth / n
        skewness[last] = np.sqrt(n * (n - 1)) / (n - 2) * third / second**1.5
        excess = fourth / (second * second) - 3.0
        kurtosis[last] = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * excess + 6.0)
    return skewness, kurtosis


@compiled("float64[::1](float64[::1], int64)")
def window_rank(values: Series, window: int) -> Series:
    """Share of the window's other values that lie below the newest one; equal values count half."""
    size = values.size
    result = np.full(size, np.nan)
    for last in range(window - 1, size):
        below = 0.0
        complete = not np.isnan(values[last])
        for bar in range(last - window + 1, last):
            if values[bar] < values[last]:
                below += 1.0
            elif values[bar] == values[last]:
                below += 0.5
            elif np.isnan(values[bar]):
                complete = False
        if complete:
            result[last] = below / (window - 1)
    return result


@compiled("float64[::1](float64[::1], int64, int64)")
def window_entropy(values: Series, window: int, bins: int) -> Series:
    """Shannon entropy of the histogram of ``bins`` equal bins between the window's extremes, from 0 to 1 (all bins alike)."""
    size = values.size
    result = np.full(size, np.nan)
    counts = np.zeros(bins)
    for last in range(window - 1, size):
        low, high = np.inf, -np.inf
        complete = True
        for bar in range(last - window + 1, last + 1):
            value = values[bar]
            complete &= not np.isnan(value)
            low = min(low, value)
            high = max(high, value)
        if not complete or not high > low:
            continue
        counts[:] = 0.0
        for bar in range(last - window + 1, last + 1):
            counts[min(bins - 1, int((values[bar] - low) / (high - low) * bins))] += 1.0
        total = 0.0
        for count in counts:
            if count > 0:
                total -= count / window * np.log(count / window)
        result[last] = total / np.log(bins)
    return result


@compiled("float64[::1](float64[::1], int64)")
def bars_since_max(values: Series, window: int) -> Series:
    """Bars since the window's highest value, 0 for the newest bar; the newest of equal ones counts."""
    size = values.size
    result = np.full(size, np.nan)
    for last in range(window - 1, size):
        best = last - window + 1
        complete = True
        for bar in range(last - window + 1, last + 1):
            complete &= not np.isnan(values[bar])
            if values[bar] >= values[best]:
                best = bar
        if complete:
            result[last] = last - best
    return result
