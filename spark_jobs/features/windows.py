"""Kernels over a moving window: sums, extremes, spread.

The value at a bar is made of the last ``window`` values; it is null while there are fewer, and where one of them is null.

They take a few steps a bar whatever the window: bars are cut into blocks as long as the window, so that every window is the end of one
block and the start of the next. Unlike in a running sum nothing is ever taken away again: no error is carried on, and a null or a
huge value leaves no trace once the window has passed it.
"""

from __future__ import annotations

import numpy as np

from spark_jobs.features.compiling import Series, compiled


@compiled("float64[::1](float64[::1], int64)")
def window_sum(values: Series, window: int) -> Series:
    """Sum."""
    size = values.size
    result = np.full(size, np.nan)
    tail = np.zeros(window + 1)  # tail[k]: the last window - k values of the block before
    for start in range(0, size, window):
        length = min(window, size - start)
        head = 0.0
        for offset in range(length):
            head += values[start + offset]
            if start > 0:
                result[start + offset] = tail[offset + 1] + head
        if start == 0 and length == window:
            result[window - 1] = head
        for offset in range(length - 1, -1, -1):
            tail[offset] = tail[offset + 1] + values[start + offset]
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
    """Sum of squared deviations from the window's mean (Welford's update, blocks joined by Chan's formula); exactly 0 for equal values."""
    size = values.size
    result = np.full(size, np.nan)
    tail_mean = np.zeros(window + 1)
    tail_squares = np.zeros(window + 1)
    for start in range(0, size, window):
        length = min(window, size - start)
        mean, squares = 0.0, 0.0
        for offset in range(length):
            step = values[start + offset] - mean
            mean += step / (offset + 1)
            squares += step * (values[start + offset] - mean)
            before = window - 1 - offset
            if start > 0:
                gap = mean - tail_mean[offset + 1]
                joined = gap * gap * (before * (offset + 1) / window)
                result[start + offset] = tail_squares[offset + 1] + squares + joined
        if start == 0 and length == window:
            result[window - 1] = squares
        mean, squares = 0.0, 0.0
        for offset in range(length - 1, -1, -1):
            step = values[start + offset] - mean
            mean += step / (length - offset)
            squares += step * (values[start + offset] - mean)
            tail_mean[offset] = mean
            tail_squares[offset] = squares
    return result


def window_deviation(values: Series, window: int, ddof: int) -> Series:
    """Standard deviation with divisor ``window - ddof``."""
    return np.sqrt(window_squares(values, window) / (window - ddof))
