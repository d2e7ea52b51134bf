"""Kernels over a moving window that see more of it than its sum: fits, ranks, shapes of a distribution.

As in :mod:`spark_jobs.features.windows` the value at a bar is null while the window is not full and where one of its values is null,
and is made of its window alone; and as there, windows are put together from stretches of 1, 2, 4 ... values where that can be done.
Also null is what the formula leaves open (0 / 0).
"""

from __future__ import annotations

import numpy as np

from spark_jobs.features.compiling import Series, compiled


@compiled("float64[::1](float64[::1], int64)")
def window_slope(values: Series, window: int) -> Series:
    """Slope of the least-squares line, per bar; exactly 0 for equal values."""
    result = np.full(values.size, np.nan)
    count = values.size - window + 1
    if count > 0:
        # Sums of each value's distance from the middle in bars, times the value: of two stretches that of each, and that of their means.
        slope, mean = result[window - 1 :], np.zeros(count)
        means, longer_means = values.copy(), np.empty_like(values)
        stretch, longer = values - values, np.empty_like(values)  # 0, or null for a null
        held, length = 0, 1
        while True:
            if window & length:
                part, part_means = stretch[held : held + count], means[held : held + count]
                if held == 0:
                    slope[:] = part
                    mean[:] = part_means
                else:
                    share, weight = length / (held + length), held * length / 2.0
                    for place in range(count):
                        step = part_means[place] - mean[place]
                        slope[place] += part[place] + step * weight
                        mean[place] += step * share
                held += length
            if held == window:
                break
            weight = length * length / 2.0
            for place in range(values.size - 2 * length + 1):
                step = means[length + place] - means[place]
                longer[place] = stretch[place] + stretch[length + place] + step * weight
                longer_means[place] = means[place] + step * 0.5
            stretch, longer, means, longer_means = longer, stretch, longer_means, means
            length *= 2
        spread = window * (window * window - 1.0) / 12.0
        for place in range(count):
            slope[place] /= spread
    return result


@compiled("float64[::1](float64[::1], float64[::1], int64)")
def window_correlation(left: Series, right: Series, window: int) -> Series:
    """Pearson correlation; null where a side is constant."""
    result = np.full(left.size, np.nan)
    count = left.size - window + 1
    if count > 0:
        # Means of both sides, sums of their products and squares about them (Chan, Golub and LeVeque, 1979); a row each.
        stretch, longer = np.zeros((5, left.size)), np.empty((5, left.size))
        stretch[0], stretch[1] = left, right
        total = np.zeros((5, count))
        held, length = 0, 1
        while True:
            if window & length:
                share, weight = length / (held + length), held * length / (held + length)
                for place in range(count):
                    a = stretch[0, held + place] - total[0, place]
                    b = stretch[1, held + place] - total[1, place]
                    total[0, place] += a * share
                    total[1, place] += b * share
                    total[2, place] += stretch[2, held + place] + a * b * weight
                    total[3, place] += stretch[3, held + place] + a * a * weight
                    total[4, place] += stretch[4, held + place] + b * b * weight
                held += length
            if held == window:
                break
            weight = length / 2.0
            for place in range(left.size - 2 * length + 1):
                a = stretch[0, length + place] - stretch[0, place]
                b = stretch[1, length + place] - stretch[1, place]
                longer[0, place] = stretch[0, place] + a * 0.5
                longer[1, place] = stretch[1, place] + b * 0.5
                longer[2, place] = stretch[2, place] + stretch[2, length + place] + a * b * weight
                longer[3, place] = stretch[3, place] + stretch[3, length + place] + a * a * weight
                longer[4, place] = stretch[4, place] + stretch[4, length + place] + b * b * weight
            stretch, longer = longer, stretch
            length *= 2
        for place in range(count):
            if total[3, place] > 0 and total[4, place] > 0:
                value = total[2, place] / np.sqrt(total[3, place] * total[4, place])
                result[window - 1 + place] = value if np.isnan(value) else min(1.0, max(-1.0, value))
    return result


@compiled("float64[::1](float64[::1], float64[::1])")
def window_weighted_sum(values: Series, weights: Series) -> Series:
    """Sum of as many values as there are weights, the oldest value times the first weight."""
    result = np.full(values.size, np.nan)
    count = values.size - weights.size + 1
    if count > 0:
        total = result[weights.size - 1 :]
        total[:] = 0.0
        for age in range(weights.size):
            part, weight = values[age : age + count], weights[age]
            for place in range(count):
                total[place] += part[place] * weight
    return result


@compiled("float64[::1](float64[::1], float64[::1], int64)")
def window_mean_distance(values: Series, mean: Series, window: int) -> Series:
    """Mean absolute deviation from ``mean``, that of the window."""
    result = np.full(values.size, np.nan)
    count = values.size - window + 1
    if count > 0:
        middle, distance = mean[window - 1 :], result[window - 1 :]
        distance[:] = 0.0
        for age in range(window):
            part = values[age : age + count]
            for place in range(count):
                distance[place] += abs(part[place] - middle[place])
        for place in range(count):
            distance[place] /= window
    return result


@compiled("void(float64[:, ::1], float64[:, ::1], int64, float64[:, ::1], int64, int64, int64)")
def _join_moments(joined: Series, older: Series, m: int, newer: Series, first: int, n: int, count: int) -> None:
    """Moments of ``m`` values and the ``n`` that follow, which begin ``first`` places later."""
    both = float(m + n)
    share, weight = n / both, m * n / both
    of_old, of_new = m / both, n / both
    cubed, fourth = weight * (of_old - of_new), weight * (of_old * of_old - of_old * of_new + of_new * of_new)
    for place in range(count):
        step = newer[0, first + place] - older[0, place]
        square = step * step
        old, new = older[1, place], newer[1, first + place]
        old_cubes, new_cubes = older[2, place], newer[2, first + place]
        joined[3, place] = (
            older[3, place]
            + newer[3, first + place]
            + square * square * fourth
            + 6.0 * square * (of_old * of_old * new + of_new * of_new * old)
            + 4.0 * step * (of_old * new_cubes - of_new * old_cubes)
        )
        joined[2, place] = old_cubes + new_cubes + square * step * cubed + 3.0 * step * (of_old * new - of_new * old)
        joined[1, place] = old + new + square * weight
        joined[0, place] = older[0, place] + step * share


@compiled("UniTuple(float64[::1], 2)(float64[::1], int64)")
def window_moments(values: Series, window: int) -> tuple[Series, Series]:
    """Skewness and excess kurtosis, corrected for bias (as in pandas and SAS); null for equal values."""
    skewness = np.full(values.size, np.nan)
    kurtosis = np.full(values.size, np.nan)
    count = values.size - window + 1
    if count > 0:
        # Mean, and sums of the second to fourth powers about it, of two stretches put together (Pebay, 2008); a row each.
        stretch, longer = np.zeros((4, values.size)), np.empty((4, values.size))
        stretch[0] = values
        total = stretch.copy()
        held, length = 0, 1
        while True:
            if window & length:
                if held == 0:
                    total[:] = stretch
                else:
                    _join_moments(total, total, held, stretch, held, length, count)
                held += length
            if held == window:
                break
            _join_moments(longer, stretch, length, stretch, length, length, values.size - 2 * length + 1)
            stretch, longer = longer, stretch
            length *= 2
        n = float(window)
        for place in range(count):
            if total[1, place] > 0:
                second, third, fourth = total[1, place] / n, total[2, place] / n, total[3, place] / n
                skewness[window - 1 + place] = np.sqrt(n * (n - 1)) / (n - 2) * third / (second * np.sqrt(second))
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


@compiled("float64[::1](float64[::1], float64[::1], float64[::1], int64, int64)")
def window_entropy(values: Series, lowest: Series, highest: Series, window: int, bins: int) -> Series:
    """Shannon entropy of the histogram of ``bins`` equal bins between the window's extremes, from 0 to 1 (all bins alike)."""
    result = np.full(values.size, np.nan)
    counts = np.zeros(bins, np.int64)
    terms = np.zeros(window + 1)
    for held in range(1, window + 1):
        terms[held] = held / window * np.log(held / window) / np.log(bins)
    low, high, scale = np.nan, np.nan, np.nan
    for last in range(window - 1, values.size):
        same = lowest[last] == low and highest[last] == high
        low, high = lowest[last], highest[last]
        if not high > low:
            continue
        if same:  # then so are the bins: one value came, one went
            counts[min(bins - 1, int((values[last - window] - low) * scale))] -= 1
            first = last
        else:
            scale, first = bins / (high - low), last - window + 1
            counts[:] = 0
        for bar in range(first, last + 1):
            counts[min(bins - 1, int((values[bar] - low) * scale))] += 1
        total = 0.0
        for count in counts:
            total -= terms[count]
        result[last] = total
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
