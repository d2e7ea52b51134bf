"""Kernels over a moving window that look at every value of it: fits, ranks, shapes of a distribution.

As in :mod:`spark_jobs.features.windows` the value at a bar is null while the window is not full and where one of its values is null,
and is made of its window alone. Also null is what the formula leaves open (0 / 0).
"""

from __future__ import annotations

import numpy as np

from spark_jobs.features.compiling import Series, compiled


@compiled("float64[::1](float64[::1], int64)")
def window_slope(values: Series, window: int) -> Series:
    """Slope of the least-squares line, per bar."""
    result = np.full(values.size, np.nan)
    count = values.size - window + 1
    if count > 0:
        middle = (window - 1) / 2.0
        spread = window * (window * window - 1.0) / 12.0
        slope = result[window - 1 :]
        slope[:] = 0.0
        for age in range(window):
            part = values[age : age + count]
            for place in range(count):
                slope[place] += (age - middle) * part[place]
        for place in range(count):
            slope[place] /= spread
    return result


@compiled("float64[::1](float64[::1], int64)")
def _means(values: Series, window: int) -> Series:
    """Mean of each full window, the first window first; of equal values exactly their value."""
    count = values.size - window + 1
    newest = values[window - 1 :]
    mean = np.zeros(count)
    for age in range(window):
        part = values[age : age + count]
        for place in range(count):
            mean[place] += part[place] - newest[place]
    for place in range(count):
        mean[place] = newest[place] + mean[place] / window
    return mean


@compiled("float64[::1](float64[::1], float64[::1], int64)")
def window_correlation(left: Series, right: Series, window: int) -> Series:
    """Pearson correlation; null where a side is constant."""
    result = np.full(left.size, np.nan)
    count = left.size - window + 1
    if count > 0:
        mean_left, mean_right = _means(left, window), _means(right, window)
        both, squares_left, squares_right = np.zeros(count), np.zeros(count), np.zeros(count)
        for age in range(window):
            part_left, part_right = left[age : age + count], right[age : age + count]
            for place in range(count):
                a, b = part_left[place] - mean_left[place], part_right[place] - mean_right[place]
                both[place] += a * b
                squares_left[place] += a * a
                squares_right[place] += b * b
        for place in range(count):
            if squares_left[place] > 0 and squares_right[place] > 0:
                value = both[place] / np.sqrt(squares_left[place] * squares_right[place])
                result[window - 1 + place] = value if np.isnan(value) else min(1.0, max(-1.0, value))
    return result


@compiled("float64[::1](float64[::1], int64)")
def window_mean_distance(values: Series, window: int) -> Series:
    """Mean absolute deviation from the window's mean."""
    result = np.full(values.size, np.nan)
    count = values.size - window + 1
    if count > 0:
        mean = _means(values, window)
        distance = result[window - 1 :]
        distance[:] = 0.0
        for age in range(window):
            part = values[age : age + count]
            for place in range(count):
                distance[place] += abs(part[place] - mean[place])
        for place in range(count):
            distance[place] /= window
    return result


@compiled("UniTuple(float64[::1], 2)(float64[::1], int64)")
def window_moments(values: Series, window: int) -> tuple[Series, Series]:
    """Skewness and excess kurtosis, corrected for bias (as in pandas and SAS); null for equal values."""
    skewness = np.full(values.size, np.nan)
    kurtosis = np.full(values.size, np.nan)
    count = values.size - window + 1
    if count > 0:
        mean = _means(values, window)
        squares, cubes, fourths = np.zeros(count), np.zeros(count), np.zeros(count)
        for age in range(window):
            part = values[age : age + count]
            for place in range(count):
                step = part[place] - mean[place]
                square = step * step
                squares[place] += square
                cubes[place] += square * step
                fourths[place] += square * square
        n = float(window)
        for place in range(count):
            if squares[place] > 0:
                second, third, fourth = squares[place] / n, cubes[place] / n, fourths[place] / n
                skewness[window - 1 + place] = np.sqrt(n * (n - 1)) / (n - 2) * third / second**1.5
                excess = fourth / (second * second) - 3.0
                kurtosis[window - 1 + place] = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * excess + 6.0)
    return skewness, kurtosis


@compiled("float64[::1](float64[::1], int64)")
def window_rank(values: Series, window: int) -> Series:
    """Share of the window's other values that lie below the newest one; equal values count half."""
    result = np.full(values.size, np.nan)
    count = values.size - window + 1
    if count > 0:
        newest = values[window - 1 :]
        below = result[window - 1 :]
        below[:] = 0.0
        for age in range(window):
            part = values[age : age + count]
            for place in range(count):
                less = 0.5 if part[place] < newest[place] else 0.0
                not_more = 0.5 if part[place] <= newest[place] else 0.0
                below[place] += less + not_more + (part[place] - part[place])  # the last is 0, or null for a null
        for place in range(count):
            below[place] = (below[place] - 0.5) / (window - 1)  # less the half that it is of itself
    return result


@compiled("float64[::1](float64[::1], int64, int64)")
def window_entropy(values: Series, window: int, bins: int) -> Series:
    """Shannon entropy of the histogram of ``bins`` equal bins between the window's extremes, from 0 to 1 (all bins alike)."""
    result = np.full(values.size, np.nan)
    counts = np.zeros(bins, np.int64)
    terms = np.zeros(window + 1)
    for held in range(1, window + 1):
        terms[held] = held / window * np.log(held / window)
    for last in range(window - 1, values.size):
        low, high = np.inf, -np.inf
        complete = True
        for bar in range(last - window + 1, last + 1):
            value = values[bar]
            complete &= not np.isnan(value)
            low = min(low, value)
            high = max(high, value)
        if not complete or not high > low:
            continue
        counts[:] = 0
        for bar in range(last - window + 1, last + 1):
            counts[min(bins - 1, int((values[bar] - low) / (high - low) * bins))] += 1
        total = 0.0
        for count in counts:
            total -= terms[count]
        result[last] = total / np.log(bins)
    return result


@compiled("float64[::1](float64[::1], int64)")
def bars_since_max(values: Series, window: int) -> Series:
    """Bars since the window's highest value, 0 for the newest bar; the newest of equal ones counts."""
    result = np.full(values.size, np.nan)
    falling = np.zeros(values.size, np.int64)  # bars that no later bar has reached, oldest first
    first, end, seen = 0, 0, 0
    for bar in range(values.size):
        if np.isnan(values[bar]):
            first, end, seen = 0, 0, 0
            continue
        seen += 1
        while end > first and values[falling[end - 1]] <= values[bar]:
            end -= 1
        falling[end] = bar
        end += 1
        if falling[first] <= bar - window:
            first += 1
        if seen >= window:
            result[bar] = bar - falling[first]
    return result
