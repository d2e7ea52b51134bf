"""Kernels over a moving window: sums, extremes, spread.

The value at a bar is made of the last ``window`` values; it is null while there are fewer, and where one of them is null.

All windows are worked on at once. Of two neighbouring stretches of 1, 2, 4 ... values one of twice the length is made, and each window
is put together from the stretches that its length has as a binary number: a window of 20 from one of 4 and one of 16, in six steps
instead of twenty. A value is made of its own window alone, always in the same order, and nothing is ever taken away from a running
sum: a null or a huge value leaves no trace once the window has passed it, and the last bars alone give the same bits as all bars.
"""

from __future__ import annotations

import numpy as np

from spark_jobs.features.compiling import Series, compiled


@compiled("float64[::1](float64[::1], int64)")
def window_sum(values: Series, window: int) -> Series:
    """Sum."""
    result = np.full(values.size, np.nan)
    count = values.size - window + 1
    if count > 0:
        total = result[window - 1 :]
        stretch, longer = values.copy(), np.empty_like(values)
        held, length = 0, 1
        while True:
            if window & length:
                part = stretch[held : held + count]
                if held == 0:
                    total[:] = part
                else:
                    for place in range(count):
                        total[place] += part[place]
                held += length
            if held == window:
                return result
            left, right = stretch[: values.size - 2 * length + 1], stretch[length:]
            for place in range(left.size):
                longer[place] = left[place] + right[place]
            stretch, longer = longer, stretch
            length *= 2
    return result


@compiled("float64[::1](float64[::1], int64)")
def window_max(values: Series, window: int) -> Series:
    """Highest value."""
    result = np.full(values.size, np.nan)
    count = values.size - window + 1
    if count > 0:
        stretch, longer = values.copy(), np.empty_like(values)
        length = 1
        while length < window:
            step = min(length, window - length)  # the last two overlap, which a maximum does not mind
            left, right = stretch[: values.size - length - step + 1], stretch[step:]
            for place in range(left.size):
                first, second = left[place], right[place]
                # A null wins and stays: nothing compares greater than it.
                longer[place] = first if first > second or np.isnan(first) else second
            stretch, longer = longer, stretch
            length += step
        result[window - 1 :] = stretch[:count]
    return result


def window_min(values: Series, window: int) -> Series:
    """Lowest value."""
    return -window_max(-values, window)


def window_mean(values: Series, window: int) -> Series:
    """Arithmetic mean."""
    return window_sum(values, window) / window


@compiled("float64[::1](float64[::1], int64)")
def window_squares(values: Series, window: int) -> Series:
    """Sum of squared deviations from the window's mean; exactly 0 for equal values.

    Two stretches have the squares of both, and those of the step between their means (Chan, Golub and LeVeque, 1979).
    """
    result = np.full(values.size, np.nan)
    count = values.size - window + 1
    if count > 0:
        squares = result[window - 1 :]
        mean = np.zeros(count)
        means, longer_means = values.copy(), np.empty_like(values)
        stretch, longer = values - values, np.empty_like(values)  # 0, or null for a null
        held, length = 0, 1
        while True:
            if window & length:
                part, part_means = stretch[held : held + count], means[held : held + count]
                if held == 0:
                    squares[:] = part
                    mean[:] = part_means
                else:
                    share, weight = length / (held + length), held * length / (held + length)
                    for place in range(count):
                        step = part_means[place] - mean[place]
                        squares[place] += part[place] + step * step * weight
                        mean[place] += step * share
                held += length
            if held == window:
                return result
            size = values.size - 2 * length + 1
            left, right, left_means, right_means = stretch[:size], stretch[length:], means[:size], means[length:]
            for place in range(size):
                step = right_means[place] - left_means[place]
                longer[place] = left[place] + right[place] + step * step * (length / 2)
                longer_means[place] = left_means[place] + step * 0.5
            stretch, longer, means, longer_means = longer, stretch, longer_means, means
            length *= 2
    return result


def window_deviation(values: Series, window: int, ddof: int) -> Series:
    """Standard deviation with divisor ``window - ddof``."""
    return np.sqrt(window_squares(values, window) / (window - ddof))
