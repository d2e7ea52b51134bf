"""The work of one task: the features of its symbols from their first bar on, written for the months that are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.feature_sets import FeatureSet
from include.lake import Lake
from include.publish import Part, stage_part
from include.schemas import TIMESTAMP
from spark_jobs.features.bars import COLUMNS
from spark_jobs.history import History
from spark_jobs.task import BucketTask
from spark_jobs.votes import Votes

if TYPE_CHECKING:
    from spark_jobs.memories import Memories

Places = npt.NDArray[np.int64]

#: Writing waits for the disk, and a disk makes several files safe in the time that it takes for one.
_WRITERS = 8
#: The place of a row that is not wanted: no row lies before or behind it.
_NOWHERE = -2


def build_buckets(task: BucketTask, votes: Votes) -> list[tuple[str, Part]]:
    """Stage the task's parts: for each wanted month, one for each bucket that has rows in it."""
    from spark_jobs.memories import Memories  # with the kernels, which the driver does not need

    lake, feature_set = Lake(task.lake), describe_set(task.feature_set)
    dataset = lake.features(task.timeframe, feature_set.id)
    history = task.read(lake, ["closed_at", *COLUMNS])
    parts: list[tuple[str, Part]] = []

    def stage(bucket: int, built: tuple[str, pa.Table]) -> tuple[str, Part]:
        month, table = built
        return month, stage_part(lake, dataset, month, f"bucket-{bucket:03d}", table, compression="lz4")

    with ThreadPoolExecutor(_WRITERS) as writers:
        for bucket in task.buckets:
            memories = Memories(task, history, lake, bucket)
            parts += writers.map(partial(stage, bucket), bucket_months(task, history, bucket, votes, feature_set, memories))
            memories.write(lake, bucket)
    return parts


def describe_set(identity: str, *, adjust_dividends: bool = False) -> FeatureSet:
    """The feature set of that identity; loads the kernels."""
    from spark_jobs.features.catalog import make_feature_set

    return make_feature_set(identity, adjust_dividends=adjust_dividends)


def bucket_months(
    task: BucketTask, history: History, bucket: int, votes: Votes, feature_set: FeatureSet, memories: Memories | None = None
) -> Iterator[tuple[str, pa.Table]]:
    """The bucket's rows of each wanted month that has any, ordered by symbol and timestamp; ``memories`` as :func:`_values` has it."""
    rows = _wanted_rows(task, history, bucket)
    places = np.full(history.month.size, _NOWHERE, np.int64)
    places[rows] = np.arange(rows.size)
    closed_at = history.columns["closed_at"][rows]
    values = _values(task, history, bucket, places, votes.shares(closed_at), memories)
    codes = np.searchsorted(history.bounds, rows, side="right") - 1
    keys = [
        pa.array(history.symbols, pa.string()).take(_arrow(codes, pa.int64())),
        _arrow(history.columns["timestamp"][rows], TIMESTAMP),
        _arrow(closed_at, TIMESTAMP),
    ]
    table = pa.table([*keys, *(_arrow(column, pa.float32(), np.isnan(column)) for column in values)], schema=feature_set.schema)
    bounds = np.searchsorted(history.month[rows], np.arange(len(task.history) + 1))
    for place, month in enumerate(task.history):
        count = int(bounds[place + 1] - bounds[place])
        if count:
            yield month, table.slice(int(bounds[place]), count)


def _wanted_rows(task: BucketTask, history: History, bucket: int) -> Places:
    """Row numbers of the bucket in the wanted months, ordered by month, symbol and timestamp."""
    wanted = task.wanted(history)
    parts = [np.empty(0, np.int64)]
    for _, rows in task.symbols(history, bucket):
        parts.append(rows.start + np.flatnonzero(wanted[rows]))
    chosen = np.concatenate(parts)
    return chosen[np.argsort(history.month[chosen], kind="stable")]


def _values(
    task: BucketTask, history: History, bucket: int, places: Places, shares: npt.NDArray[np.float32], memories: Memories | None
) -> list[npt.NDArray[np.float32]]:
    """A column for each feature, in the order of the set; a row for each place.

    Features that remember all bars go on from ``memories``, and keep there what they remember; None: they begin at the first bar.
    """
    from spark_jobs.features.catalog import FEATURES, LONGEST_WINDOW
    from spark_jobs.features.memory import Memory, remembering
    from spark_jobs.features.storing import store

    share = iter(shares)
    columns = [next(share) if feature.cross_sectional else np.full(shares.shape[1], np.nan, np.float32) for feature in FEATURES]
    for symbol, rows in task.symbols(history, bucket):
        runs = _runs(places[rows])
        memory = Memory() if memories is None else memories.begin(symbol, rows)
        if runs.size == 0 and memory.mark < 0:
            continue
        bars = task.bars(history, symbol, rows)
        # What only its window decides comes out the same, to the bit, without the bars before.
        start = max(0, int(runs[0, 0]) - LONGEST_WINDOW) if runs.size else len(bars)
        newest, newest_runs = bars.since(start), runs - np.array([start, start, 0])
        with np.errstate(all="ignore"):  # once for all features: to enter it takes as long as a small kernel
            for feature, column in zip(FEATURES, columns, strict=True):
                if feature.facts.recursive:
                    with remembering(memory):
                        store(feature.formula(bars, feature.facts.window), runs, column)
                elif not feature.cross_sectional:
                    store(feature.formula(newest, feature.facts.window), newest_runs, column)
        if memories is not None:
            memories.end(symbol, rows, memory)
    return columns


def _runs(place: Places) -> Places:
    """Stretches of rows with neighbouring places, as :func:`spark_jobs.features.storing.store` takes them."""
    starts = np.flatnonzero(np.diff(place, prepend=_NOWHERE) != 1)
    ends = np.append(starts[1:], place.size)
    return np.column_stack([starts, ends, place[starts]])[place[starts] >= 0]


def _arrow(values: npt.NDArray[Any], kind: pa.DataType, null: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """The memory of an array as an Arrow column, without a copy."""
    valid = None if null is None or not null.any() else pa.py_buffer(np.packbits(~null, bitorder="little"))
    return pa.Array.from_buffers(kind, values.size, [valid, pa.py_buffer(values)])
