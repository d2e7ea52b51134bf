"""The pass over all symbols that breadth needs: each task counts the votes of its symbols, the driver adds them up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from include.lake import Lake
from spark_jobs.features.catalog import FEATURES
from spark_jobs.history import Column
from spark_jobs.task import BucketTask

BREADTH = tuple(feature for feature in FEATURES if feature.cross_sectional)

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
        result = np.full((len(BREADTH), closed_at.size), np.nan, np.float32)
        result[:, known] = share[:, place[known]]
        return result


def count_votes(task: BucketTask) -> Votes:
    """Votes of the symbols of some buckets."""
    history = task.read(Lake(task.lake), ["closed_at", "close"])
    moments, of_row = np.unique(history.columns["closed_at"], return_inverse=True)
    yes, cast = np.zeros((2, len(BREADTH), moments.size), np.int64)
    for symbol, rows in [pair for bucket in task.buckets for pair in task.symbols(history, bucket)]:
        if symbol.startswith("^") or symbol in task.without_vote:
            continue
        bars = task.bars(history, symbol, rows)
        for number, feature in enumerate(BREADTH):
            votes = feature.values(bars)
            # Two bars of a symbol can close at one moment (a holiday's index level): add, do not overwrite.
            np.add.at(yes[number], of_row[rows], votes == 1.0)
            np.add.at(cast[number], of_row[rows], ~np.isnan(votes))
    return Votes(moments.astype(np.int64), yes, cast)


def add_votes(parts: Iterable[Votes]) -> Votes:
    """All votes; the order of the parts does not matter."""
    held = list(parts)
    moments = np.unique(np.concatenate([np.empty(0, np.int64), *(part.closed_at for part in held)]))
    yes, cast = np.zeros((2, len(BREADTH), moments.size), np.int64)
    for part in held:
        place = np.searchsorted(moments, part.closed_at)
        yes[:, place] += part.yes
        cast[:, place] += part.cast
    return Votes(moments, yes, cast)
