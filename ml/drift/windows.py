"""Ranking the newest window among the windows of equal length before it.

Features of one day resemble those of the day before, so the usual bounds (a population stability index above 0.25, a
Kolmogorov-Smirnov test) call every half year a drift. Here the past is its own yardstick: a figure of the newest months is ranked
among the same figure of all windows of as many months that the model was made from.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

#: Months of a window, or as many as there are.
MOST_MONTHS = 6
#: Among fewer windows nothing is strange.
FEWEST_WINDOWS = 24
#: A figure that at most this share of the windows before reached is strange.
STRANGE = 0.01


class Verdict(StrEnum):
    """What the newest window is."""

    STEADY = "steady"
    DRIFTED = "drifted"
    EARLY = "too early to tell"


@dataclass(frozen=True)
class Rank:
    """A figure of the newest window, its median over the windows before, and how many of these it is ranked among.

    ``share`` is the share of them whose figure is at least as large; larger is stranger.
    """

    figure: float
    usual: float
    share: float
    windows: int

    @property
    def verdict(self) -> Verdict:
        """Strange, or not, or not to be told."""
        if self.windows < FEWEST_WINDOWS:
            return Verdict.EARLY
        return Verdict.DRIFTED if self.share <= STRANGE else Verdict.STEADY


def rank(figure: float, before: np.ndarray) -> Rank:
    """Rank a figure among those of the windows before; figures that are not finite (a window without rows) do not count."""
    known = before[np.isfinite(before)]
    if not len(known) or not np.isfinite(figure):
        return Rank(float(figure), float("nan"), 1.0, 0)
    return Rank(float(figure), float(np.median(known)), float(np.mean(known >= figure)), len(known))


def rolling_sums(by_month: np.ndarray, months: int) -> np.ndarray:
    """Sums over each run of ``months`` consecutive rows; shape (rows - months + 1, ...), empty where there are fewer rows."""
    if len(by_month) < months:
        return by_month[:0]
    summed = np.concatenate([np.zeros_like(by_month[:1]), np.cumsum(by_month, axis=0)])
    return np.asarray(summed[months:] - summed[:-months])


def worst(verdicts: list[Verdict]) -> Verdict:
    """Drifted where one is, else steady where one is."""
    return next((verdict for verdict in (Verdict.DRIFTED, Verdict.STEADY) if verdict in verdicts), Verdict.EARLY)
