"""One price scale for all rows of a symbol, whenever each was fetched.

A source gives prices on the scale of the day on which it was asked (or, raw, of the bar's own day). A split that came later than
that has to be applied here; then an appended month never sits on another scale than the months before it. Where the set asks for
it, the same goes for dividends: prices before one are lowered by the share of the price that it paid out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from include.errors import LakeError
from include.landing import Adjustment
from spark_jobs.features.compiling import Series

Stamps = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """``ratio`` new shares for one old share from ``date`` (microseconds since 1970, UTC) on."""

    date: int
    ratio: float


@dataclass(frozen=True)
class Dividend:
    """``amount`` currency units for each share of its day; from ``date`` (microseconds since 1970, UTC) on shares trade without it."""

    date: int
    amount: float


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


def dividend_factors(
    symbol: str,
    dividends: Sequence[Dividend],
    splits: Sequence[Split],
    columns: Mapping[str, npt.NDArray[Any]],
) -> Series:
    """By what each row's prices have to be multiplied: 1 - dividend / close before it, over all dividends later than the row's state.

    Parameters
    ----------
    dividends, splits
        Oldest first.
    columns
        ``timestamp``, ``as_of`` and ``adjustment`` as in :func:`split_ratios`, in order of time, and ``close`` after the splits.

    Raises
    ------
    LakeError
        If a dividend is as large as the price: then one of the two is wrong.
    """
    stamps, close, state = columns["timestamp"], columns["close"], columns["adjustment"]
    known = np.flatnonzero(close > 0)
    adjusted_until = np.where(state == Adjustment.SPLIT_AND_DIVIDEND.value, columns["as_of"], stamps)
    adjustable = state != Adjustment.NONE.value
    factors = np.ones(stamps.size)
    applied: list[tuple[int, float]] = []
    for dividend in reversed(dividends):
        place = np.searchsorted(stamps[known], dividend.date) - 1
        touched = adjustable & (stamps < dividend.date)
        if place < 0 or not touched.any():
            continue
        before = known[place]
        amount = dividend.amount / float(np.prod([split.ratio for split in splits if split.date > dividend.date]))
        # What the source took off the close before for dividends is put back first: the later ones, then this one.
        later = [(date, factor) for date, factor in applied if date <= adjusted_until[before]]
        paid_from = close[before] / float(np.prod([factor for _, factor in later]))
        if dividend.date <= adjusted_until[before]:
            paid_from += amount
        if amount >= paid_from:
            day = np.datetime64(dividend.date, "us").astype("datetime64[D]")
            raise LakeError(
                f"actions of {symbol}: the dividend of {dividend.amount:g} on {day} is not less than the close before it, "
                f"{paid_from:g}; append the right amount (0 takes it back), or correct the bar"
            )
        factor = 1.0 - amount / paid_from
        applied.append((dividend.date, factor))
        factors[touched & (adjusted_until < dividend.date)] *= factor
    return factors
