"""Kernels that remember: smoothing, sums since the start, directional movement, parabolic stop.

A null gives null and ends the memory: the next value starts as if it were the first one, with the warm-up of a first one.

A kernel's memory is in its registers. It begins at the bar ``start`` with what they hold (zeros are the memory before a first bar),
and at the bar ``mark`` puts there what it remembers of the bars before; see :mod:`spark_jobs.features.memory`.
"""

from __future__ import annotations

import numpy as np

from spark_jobs.features.compiling import Series, compiled
from spark_jobs.features.memory import active


def smooth(values: Series, weight: float, seed: int, skip: int) -> Series:
    """Exponential smoothing: the new value counts ``weight``, the mean of ``seed`` values (after ``skip`` unused ones) is the start."""
    memory = active()
    return _smooth(values, weight, seed, skip, memory.start, memory.mark, memory.next_registers(2))


@compiled("float64[::1](float64[::1], float64, int64, int64, int64, int64, float64[::1])")
def _smooth(values: Series, weight: float, seed: int, skip: int, start: int, mark: int, registers: Series) -> Series:
    result = np.full(values.size, np.nan)
    seen, state = int(registers[0]), registers[1]
    for bar in range(start, values.size):
        if bar == mark:
            registers[0], registers[1] = seen, state
        value = values[bar]
        if np.isnan(value):
            seen, state = 0, 0.0
            continue
        seen += 1
        if seen <= skip:
            continue
        if seen < skip + seed:
            state += value
        elif seen == skip + seed:
            state = (state + value) / seed
            result[bar] = state
        else:
            state += weight * (value - state)
            result[bar] = state
    return result


def ema(values: Series, window: int, skip: int = 0) -> Series:
    """Exponential mean with weight 2 / (window + 1), started by the mean of ``window`` values (TA-Lib)."""
    return smooth(values, 2.0 / (window + 1), window, skip)


def wilder(values: Series, window: int) -> Series:
    """Wilder's mean: weight 1 / window, started by the mean of ``window`` values."""
    return smooth(values, 1.0 / window, window, 0)


def running_total(values: Series) -> Series:
    """Sum since the start."""
    memory = active()
    return _running_total(values, memory.start, memory.mark, memory.next_registers(1))


@compiled("float64[::1](float64[::1], int64, int64, float64[::1])")
def _running_total(values: Series, start: int, mark: int, registers: Series) -> Series:
    result = np.full(values.size, np.nan)
    total = registers[0]
    for bar in range(start, values.size):
        if bar == mark:
            registers[0] = total
        if np.isnan(values[bar]):
            total = 0.0
            continue
        total += values[bar]
        result[bar] = total
    return result


def directional_index(high: Series, low: Series, close: Series, window: int) -> tuple[Series, Series]:
    """Wilder's +DI and -DI in percent, started as TA-Lib does (sums of ``window - 1`` bars); null where no bar moved."""
    memory = active()
    return _directional_index(high, low, close, window, memory.start, memory.mark, memory.next_registers(4))


@compiled("UniTuple(float64[::1], 2)(float64[::1], float64[::1], float64[::1], int64, int64, int64, float64[::1])")
def _directional_index(
    high: Series, low: Series, close: Series, window: int, start: int, mark: int, registers: Series
) -> tuple[Series, Series]:
    plus = np.full(close.size, np.nan)
    minus = np.full(close.size, np.nan)
    seen, up_sum, down_sum, range_sum = int(registers[0]), registers[1], registers[2], registers[3]
    for bar in range(start, close.size):
        if bar == mark:
            registers[0], registers[1], registers[2], registers[3] = seen, up_sum, down_sum, range_sum
        bar_sum = high[bar] + low[bar] + close[bar]
        if np.isnan(bar_sum):
            seen, up_sum, down_sum, range_sum = 0, 0.0, 0.0, 0.0
            continue
        seen += 1
        if seen == 1:
            continue
        up, down = high[bar] - high[bar - 1], low[bar - 1] - low[bar]
        true_range = max(high[bar], close[bar - 1]) - min(low[bar], close[bar - 1])
        if seen > window:
            up_sum -= up_sum / window
            down_sum -= down_sum / window
            range_sum -= range_sum / window
        if up > down and up > 0:
            up_sum += up
        elif down > up and down > 0:
            down_sum += down
        range_sum += true_range
        if seen > window and range_sum > 0:
            plus[bar] = 100.0 * up_sum / range_sum
            minus[bar] = 100.0 * down_sum / range_sum
    return plus, minus


def parabolic_stop(high: Series, low: Series, step: float, limit: float) -> Series:
    """Wilder's parabolic stop and reverse, started as TA-Lib does: the second bar's movement gives the direction."""
    memory = active()
    return _parabolic_stop(high, low, step, limit, memory.start, memory.mark, memory.next_registers(5))


@compiled("float64[::1](float64[::1], float64[::1], float64, float64, int64, int64, float64[::1])")
def _parabolic_stop(  # noqa: C901 (the two directions are one idea)
    high: Series, low: Series, step: float, limit: float, start: int, mark: int, registers: Series
) -> Series:
    result = np.full(high.size, np.nan)
    seen, rising = int(registers[0]), registers[1] > 0
    stop, extreme, weight = registers[2], registers[3], registers[4]
    for bar in range(start, high.size):
        if bar == mark:
            registers[0], registers[1], registers[2], registers[3], registers[4] = seen, rising, stop, extreme, weight
        if np.isnan(high[bar]) or np.isnan(low[bar]):
            seen = 0
            continue
        seen += 1
        if seen == 1:
            continue
        before_high, before_low = high[bar - 1], low[bar - 1]
        if seen == 2:
            fall, rise = before_low - low[bar], high[bar] - before_high
            rising = not (fall > 0 and fall > rise)
            extreme = high[bar] if rising else low[bar]
            stop = before_low if rising else before_high
            weight = step
            before_high, before_low = high[bar], low[bar]
        if rising:
            if low[bar] <= stop:
                rising = False
                stop = max(extreme, before_high, high[bar])
                result[bar] = stop
                weight, extreme = step, low[bar]
                stop = max(stop + weight * (extreme - stop), before_high, high[bar])
            else:
                result[bar] = stop
                if high[bar] > extreme:
                    extreme, weight = high[bar], min(weight + step, limit)
                stop = min(stop + weight * (extreme - stop), before_low, low[bar])
        elif high[bar] >= stop:
            rising = True
            stop = min(extreme, before_low, low[bar])
            result[bar] = stop
            weight, extreme = step, high[bar]
            stop = min(stop + weight * (extreme - stop), before_low, low[bar])
        else:
            result[bar] = stop
            if low[bar] < extreme:
                extreme, weight = low[bar], min(weight + step, limit)
            stop = max(stop + weight * (extreme - stop), before_high, high[bar])
    return result
