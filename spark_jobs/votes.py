"""The pass over all symbols that breadth needs: each task counts the votes of its symbols, the driver adds them up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from include.lake import Lake
from spark_jobs.history import Column
from spark_jobs.task import BucketTask

#: With fewer votes a share says nothing about a market.
FEWEST_VOTES = 3


@dataclass(frozen=True)
class Votes:
    """Votes by the moment at which the bars closed.

    ``closed_at`` (sorted, unique, microseconds since 1970, UTC) has n entries; ``yes`` and ``cast`` have a row for each breadth
    feature and n columns.
    """

    closed_at: npt.NDArray[np.int64]
    yes: npt.NDArray[np.int64]
    cast: npt.NDArray[np.int64]

    def shares(self, closed_at: Column) -> npt.NDArray[np.float32]:
        """Share of yes at each moment asked for, a row for each breadth feature; null where fewer than three voted.

        Only symbols that closed at the very moment count: nobody's close is known before it happened.
        """
        enough = self.cast >= FEWEST_VOTES
        share = np.where(enough, self.yes / np.where(enough, self.cast, 1), np.nan).astype(np.float32)
        place = np.searchsorted(self.closed_at, closed_at)
        known = place < self.closed_at.size
        known[known] = self.closed_at[place[known]] == closed_at[known]
        result = np.full((self.yes.shape[0], closed_at.size), np.nan, np.float32)
        result[:, known] = share[:, place[known]]
        return result


def count_votes(task: BucketTask) -> Votes:
    """Votes of the symbols of some buckets, in the months that are wanted."""
    from spark_jobs.features.catalog import FEATURES  # with the kernels, which who adds up does not need

    breadth = [feature for feature in FEATURES if feature.cross_sectional]
    longest = max(feature.facts.warm_up for feature in breadth)
    history = task.read(Lake(task.lake), ["closed_at", "close"])
    wanted = task.wanted(history)
    moments, of_row = np.unique(history.columns["closed_at"][wanted], return_inverse=True)
    moment = np.full(wanted.size, -1, np.int64)
    moment[wanted] = of_row
    yes, cast = np.zeros((2, len(breadth), moments.size), np.int64)
    for symbol, rows in [pair for bucket in task.buckets for pair in task.symbols(history, bucket)]:
        if symbol.startswith("^") or symbol in task.without_vote or not wanted[rows].any():
            continue
        start = max(0, int(np.argmax(wanted[rows])) - longest)
        bars = task.bars(history, symbol, rows).since(start)
        voting = wanted[rows][start:]
        at = moment[rows][start:][voting]
        for number, feature in enumerate(breadth):
            votes = feature.values(bars)[voting]
            # Counted, not set: two bars of a symbol can close at one moment (a holiday's index level).
            yes[number] += np.bincount(at[votes == 1.0], minlength=moments.size)
            cast[number] += np.bincount(at[~np.isnan(votes)], minlength=moments.size)
    return Votes(moments.astype(np.int64), yes, cast)


def add_votes(parts: Iterable[Votes]) -> Votes:
    """All votes; the order of the parts does not matter."""
    held = list(parts)
    moments = np.unique(np.concatenate([np.empty(0, np.int64), *(part.closed_at for part in held)]))
    kinds = held[0].yes.shape[0] if held else 0
    yes, cast = np.zeros((2, kinds, moments.size), np.int64)
    for part in held:
        place = np.searchsorted(moments, part.closed_at)
        yes[:, place] += part.yes
        cast[:, place] += part.cast
    return Votes(moments, yes, cast)
