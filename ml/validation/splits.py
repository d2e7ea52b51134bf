"""Folds in time order: an expanding training part, a test part of a year or a month, purged by the time a label is known."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

_LEAST_YEARS, _MOST_YEARS = 2, 5
_YEAR = pd.Timedelta(days=365.25)
_MONTH = pd.Timedelta(days=30)


@dataclass(frozen=True)
class Fold:
    """Rows closed in ``[start, end)`` are tested by a model that knows what was known at ``start``."""

    start: pd.Timestamp
    end: pd.Timestamp


def expanding_folds(closed_at: pd.Series) -> list[Fold]:
    """Yearly folds over rows closed at these times (UTC, any order).

    The first training part is a third of the whole years, but at least two and at most five; half of the time where
    there are less than four years. Folds begin on anniversaries of the first row, so that new rows leave the earlier
    folds as they were; the last test part is what remains of a year.
    """
    first, last = closed_at.min(), closed_at.max()
    years = min(max(int((last - first) / _YEAR / 3), _LEAST_YEARS), _MOST_YEARS)
    anchor = min(first + pd.DateOffset(years=years), first + (last - first) / 2).normalize()
    folds: list[Fold] = []
    start = anchor
    while start <= last:
        end = start + _MONTH if last - first < _YEAR else anchor + pd.DateOffset(years=len(folds) + 1)
        folds.append(Fold(start, end))
        start = end
    return folds
