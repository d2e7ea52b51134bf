"""Kernels that remember go on from their registers with the bits of a run without a break, wherever it was broken."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spark_jobs.features.memory import Memory, remembering
from spark_jobs.features.recursions import directional_index, ema, parabolic_stop, running_total, wilder

Series = npt.NDArray[np.float64]
numbers = st.one_of(st.integers(1, 9).map(float), st.floats(0.1, 1e6), st.just(math.nan))
series = arrays(np.float64, st.integers(1, 40), elements=numbers)

KERNELS: dict[str, Callable[[Series], Any]] = {
    "smoothing": lambda values: (ema(ema(values, 3), 2), wilder(values, 4), ema(values, 2, 3)),
    "total": lambda values: (running_total(values),),
    "directional": lambda values: directional_index(values * 1.1, values * 0.9, values, 3),
    "parabolic": lambda values: (parabolic_stop(values * 1.1, values * 0.9, 0.02, 0.2),),
}


@pytest.mark.parametrize("name", KERNELS)
@settings(max_examples=100, deadline=None)
@given(values=series, places=st.tuples(st.integers(0, 40), st.integers(0, 40)))
def test_a_run_that_goes_on_has_the_bits_of_one_without_a_break(name: str, values: Series, places: tuple[int, int]) -> None:
    kernel = KERNELS[name]
    first, second = sorted(place % values.size for place in places)
    whole = np.array(kernel(values))
    memories = [Memory(mark=first)]
    for start, mark in ((first, second), (second, -1)):
        with remembering(memories[-1]):
            kernel(values)
        memories.append(Memory(start, memories[-1].taken, mark))
    with remembering(memories[-1]):
        result = np.array(kernel(values))
    assert result[:, second:].tobytes() == whole[:, second:].tobytes()
    assert np.isnan(result[:, :second]).all()


def test_a_memory_is_active_only_where_it_is_given() -> None:
    values = np.arange(5.0)
    with pytest.raises(ZeroDivisionError), remembering(Memory(mark=2)):
        raise ZeroDivisionError
    np.testing.assert_array_equal(running_total(values), [0, 1, 3, 6, 10])
