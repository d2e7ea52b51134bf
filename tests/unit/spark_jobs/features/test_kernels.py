"""The kernels against the formula written out, with holes and ties; beyond what ordinary bars bring up."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spark_jobs.features import recursions, shapes, windows
from spark_jobs.features.storing import store

Series = npt.NDArray[np.float64]
numbers = st.one_of(st.integers(-5, 5).map(float), st.floats(-1e6, 1e6), st.just(math.nan))
series = arrays(np.float64, st.integers(0, 40), elements=numbers)


def naive(values: Series, window: int, formula) -> Series:  # type: ignore[no-untyped-def]
    result = np.full(values.size, np.nan)
    for last in range(window - 1, values.size):
        part = values[last + 1 - window : last + 1]
        if not np.isnan(part).any():
            result[last] = formula(part)
    return result


def _mean_distance(values: Series, window: int) -> Series:
    return shapes.window_mean_distance(values, windows.window_mean(values, window), window)


EXACT = {
    "max": (windows.window_max, np.max),
    "min": (windows.window_min, np.min),
    "since max": (shapes.bars_since_max, lambda part: np.argmax(part[::-1])),
    "rank": (shapes.window_rank, lambda part: ((part[:-1] < part[-1]).sum() + (part[:-1] == part[-1]).sum() / 2) / (part.size - 1)),
}
CLOSE = {
    "sum": (windows.window_sum, np.sum),
    "mean": (windows.window_mean, np.mean),
    "squares": (windows.window_squares, lambda part: ((part - part.mean()) ** 2).sum()),
    "mean distance": (_mean_distance, lambda part: np.abs(part - part.mean()).mean()),
    "slope": (shapes.window_slope, lambda part: np.polyfit(np.arange(part.size), part, 1)[0]),
}


@pytest.mark.parametrize("name", EXACT)
@settings(max_examples=150, deadline=None)
@given(values=series, window=st.integers(2, 9))
def test_exact_kernels(name: str, values: Series, window: int) -> None:
    kernel, formula = EXACT[name]
    np.testing.assert_array_equal(kernel(values, window), naive(values, window, formula))


@pytest.mark.parametrize("name", CLOSE)
@settings(max_examples=150, deadline=None)
@given(values=series, window=st.integers(2, 9))
def test_close_kernels(name: str, values: Series, window: int) -> None:
    kernel, formula = CLOSE[name]
    size = np.nanmax(np.abs(values), initial=1.0)
    tolerance = 1e-11 * (size * size if name == "squares" else size)
    np.testing.assert_allclose(kernel(values, window), naive(values, window, formula), rtol=1e-9, atol=tolerance)


def test_spread_of_equal_values_is_exactly_nothing() -> None:
    values = np.full(100, 0.1)
    assert (windows.window_squares(values, 7)[6:] == 0.0).all()
    assert np.isnan(shapes.window_correlation(values, np.arange(100.0), 7)).all()
    assert np.isnan(np.array(shapes.window_moments(values, 7))).all()
    assert (shapes.window_slope(values, 7)[6:] == 0.0).all()
    assert np.isnan(shapes.window_entropy(values, values, values, 7, 3)).all()


def test_a_huge_value_does_not_spoil_the_sums_after_it() -> None:
    values = np.full(60, 0.1)
    values[20] = 1e18
    assert windows.window_sum(values, 5)[26] == pytest.approx(0.5, rel=1e-15)
    assert windows.window_squares(values, 5)[26] == 0.0


def test_smoothing_starts_again_after_a_null() -> None:
    values = np.array([1.0, 2.0, 3.0, math.nan, 5.0, 7.0, 9.0])
    np.testing.assert_array_equal(recursions.ema(values, 2), [math.nan, 1.5, 2.5, math.nan, math.nan, 6.0, 8.0])
    np.testing.assert_array_equal(recursions.running_total(values), [1, 3, 6, math.nan, 5, 12, 21])
    np.testing.assert_array_equal(recursions.ema(values, 1, skip=1), [math.nan, 2.0, 3.0, math.nan, math.nan, 7.0, 9.0])


def test_storing_leaves_out_what_is_not_wanted_and_what_does_not_fit() -> None:
    column = np.full(4, 5.0, np.float32)
    store(np.array([1.0, 1e39, -math.inf, math.nan, 2.0]), np.array([[0, 1, 3], [2, 4, 0]]), column)
    np.testing.assert_array_equal(column, np.array([math.nan, math.nan, 5.0, 1.0], np.float32))
    store(np.array([1e39]), np.array([[0, 1, 2]]), column)
    assert np.isnan(column[2])
