"""One price scale for all rows of a symbol, whenever each was fetched.

A source gives prices on the scale of the day on which it was asked (or, raw, of the bar's own day). A split that came later than
that has to be applied here; then an appended month never sits on another scale than the months before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from include.landing import Adjustment
from spark_jobs.features.compiling import Series

Stamps = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """``ratio`` new shares for one old share from ``date`` (microseconds since 1970, UTC) on."""

    date: int
    ratio: float


def split_ratios(splits: Sequence[Split], timestamps: Stamps, as_of: Stamps, adjustments: npt.NDArray[np.object_]) -> Series:
    """By what each row's prices have to be divided, and its volume multiplied.

    Parameters
    ----------
    timestamps, as_of
        When each bar opened, and when it was fetched; microseconds since 1970, UTC.
    adjustments
        Each row's :class:`include.landing.Adjustment`.
    """
    adjusted_until = np.where(adjustments == Adjustment.RAW.value, timestamps, as_of)
    adjustable = adjustments != Adjustment.NONE.value
    ratios = np.ones(timestamps.size)
    for split in splits:
        ratios[adjustable & (adjusted_until < split.date)] *= split.ratio
    return ratios
