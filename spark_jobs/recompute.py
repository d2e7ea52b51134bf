"""Compute features again from the bars that were known at a moment, without Spark and without writing anything.

What comes out other than published saw a bar from after that moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from include.lake import Lake
from spark_jobs.buckets import bucket_months
from spark_jobs.features.catalog import make_feature_set
from spark_jobs.history import History, read_history
from spark_jobs.plan import plan_features
from spark_jobs.task import BucketTask
from spark_jobs.votes import count_votes

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class _PastTask(BucketTask):
    """A task that sees the bars of ``only`` (None: of all symbols) that closed at ``known_at`` (microseconds, UTC) or before."""

    known_at: int
    only: frozenset[str] | None

    def holds(self, symbol: str) -> bool:
        return self.only is None or symbol in self.only

    def read(self, lake: Lake, columns: Sequence[str]) -> History:
        state = ("as_of", "adjustment") if self.splits or self.dividends else ()
        return _known(read_history(lake, self.timeframe, self.history, self.holds, [*columns, *state, "closed_at"]), self.known_at)


def features_as_known(
    lake: Lake, timeframe: str, month: str, symbols: Sequence[str], known_at: datetime, *, adjust_dividends: bool = False
) -> pa.Table:
    """Features of ``symbols`` in ``month`` for the bars that closed at ``known_at`` (UTC) or before; columns of the feature set.

    Raises
    ------
    LakeError
        If a month of bars or a file of actions is damaged.
    """
    plan = plan_features(lake, timeframe, adjust_dividends=adjust_dividends)
    task = _PastTask(
        lake=lake.url,
        timeframe=timeframe,
        feature_set=plan.feature_set,
        buckets=(0,),
        of=1,
        history=tuple(earlier for earlier in plan.months if earlier <= month),
        months=(month,),
        splits=plan.splits,
        dividends=plan.dividends,
        without_volume=plan.without_volume,
        without_vote=plan.without_vote,
        known_at=(known_at - _EPOCH) // timedelta(microseconds=1),
        only=None,
    )
    votes = count_votes(task)
    some = replace(task, only=frozenset(symbols))
    feature_set = make_feature_set(plan.feature_set, adjust_dividends=plan.adjust_dividends)
    history = some.read(lake, ["closed_at", "open", "high", "low", "close", "volume"])
    tables = [table for _, table in bucket_months(some, history, 0, votes, feature_set)]
    return pa.concat_tables(tables) if tables else feature_set.schema.empty_table()


def _known(history: History, known_at: int) -> History:
    kept = history.columns["closed_at"] <= known_at
    bounds = np.append(0, np.cumsum(kept))[history.bounds]
    return History(history.symbols, bounds, history.month[kept], {name: column[kept] for name, column in history.columns.items()})
