"""The last step of every feature: to single precision, into its column."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spark_jobs.features.compiling import Series, compiled


@compiled("void(float64[::1], int64[::1], float32[::1])")
def store(values: Series, places: npt.NDArray[np.int64], column: npt.NDArray[np.float32]) -> None:
    """Put each value at its place in the column; a negative place is left out, and what float32 cannot hold is null."""
    for bar in range(values.size):
        if places[bar] >= 0:
            value = np.float32(values[bar])
            column[places[bar]] = value if np.isfinite(value) else np.nan
