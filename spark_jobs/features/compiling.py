"""How kernels are compiled: once a machine, to the letter of the formula, kept on disk for every later process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

#: One float64 a bar, oldest first, contiguous; NaN is null.
Series = npt.NDArray[np.float64]

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def compiled(signature: str) -> Callable[[Kernel], Kernel]:
    """Compile a function for exactly these argument types.

    Floating point is strict: no reordering, so that equal bars give equal bits. The cache of a function is renewed when its own
    file changes, so a kernel calls only kernels of its own module.
    """
    from numba import njit  # here, because who only wants the types should not pay for the compiler

    return cast("Callable[[Kernel], Kernel]", njit(signature, cache=True))
