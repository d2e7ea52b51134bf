"""Kernels over a moving window: sums, extremes, spread.

The value at a bar is made of the last ``window`` values; it is null while there are fewer, and where one of them is null.

All windows are worked on at once, one age of bars after the other: the processor takes several steps at a time, and a value is made
of its own window alone, always in the same order. So nothing is ever taken away from a running sum: a null or a huge value leaves no
trace once the window has passed it, and the last bars alone give the same bits as all bars.
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
        total[:] = 0.0
        for age in range(window):
            part = values[age : age + count]
            for place in range(count):
                total[place] += part[place]
    return result


@compiled("float64[::1](float64[::1], int64)")
def window_max(values: Series, window: int) -> Series:
    """Highest value."""
    size = values.size
    result = np.full(size, np.nan)
    tail = np.full(window + 1, -np.inf)
    for start in range(0, size, window):
        length = min(window, size - start)
        head = -np.inf
        for offset in range(length):
            value = values[start + offset]
            # A null wins and stays: nothing compares greater than it.
            if value > head or np.isnan(value):
                head = value
            if start > 0:
                before = tail[offset + 1]
                result[start + offset] = before if before > head or np.isnan(before) else head
        if start == 0 and length == window:
            result[window - 1] = head
        for offset in range(length - 1, -1, -1):
            value = values[start + offset]
            tail[offset] = value if value > tail[offset + 1] or np.isnan(value) else tail[offset + 1]
    return result


def window_min(values: Series, window: int) -> Series:
    """Lowest value."""
    return -window_max(-values, window)


def window_mean(values: Series, window: int) -> Series:
    """Arithmetic mean."""
    return window_sum(values, window) / window


@compiled("float64[::1](float64[::1], int64)")
def window_squares(values: Series, window: int) -> Series:
    """Sum of squared deviations from the window's mean; exactly 0 for equal values."""
    result = np.full(values.size, np.nan)
    count = values.size - window + 1
    if count > 0:
        newest = values[window - 1 :]
        mean = np.zeros(count)
        for age in range(window):
            part = values[age : age + count]
            for place in range(count):
                mean[place] += part[place] - newest[place]
        squares = result[window - 1 :]
        squares[:] = 0.0
        for place in range(count):
            mean[place] = newest[place] + mean[place] / window
        for age in range(window):
            part = values[age : age + count]
            for place in range(count):
                step = part[place] - mean[place]
                squares[place] += step * step
    return result


def window_deviation(values: Series, window: int, ddof: int) -> Series:
    """Standard deviation with divisor ``window - ddof``."""
    return np.sqrt(window_squares(values, window) / (window - ddof))
