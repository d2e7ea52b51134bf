"""The last step of every feature: to single precision, into its column."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spark_jobs.features.compiling import Series, compiled


@compiled("void(float64[::1], int64[:, ::1], float32[::1])")
def store(values: Series, runs: npt.NDArray[np.int64], column: npt.NDArray[np.float32]) -> None:
    """Put the values of some runs of bars into the column; what float32 cannot hold is null.

    ``runs`` has a row each: its first bar, the one behind its last, and the place of the first in the column.
    """
    for run in range(runs.shape[0]):
        first, end, place = runs[run]
        part, target = values[first:end], column[place:]
        for bar in range(part.size):
            value = np.float32(part[bar])
            target[bar] = value if np.isfinite(value) else np.float32(np.nan)
