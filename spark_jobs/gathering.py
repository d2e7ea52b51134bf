"""Bring the bars from months to buckets: every month is read once, and each bucket then finds its rows together.

A task writes one Arrow file for some months in a row, with a record batch for each bucket of symbols. The files are kept beside what
is staged, and only while the job runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.lake import Lake
from include.publish import read_month
from include.schemas import BARS
from spark_jobs.carrying import read_carried
from spark_jobs.history import History, encode, make_history, to_numpy
from spark_jobs.task import BucketTask, bucket_of

_PLACE = "month"


@dataclass(frozen=True)
class GatherTask:
    """Some months in a row, the first of them at ``first`` in the history, to be dealt into ``of`` buckets and written to ``path``."""

    lake: str
    timeframe: str
    months: tuple[str, ...]
    first: int
    of: int
    columns: tuple[str, ...]
    path: str


@dataclass(frozen=True)
class GatheredTask(BucketTask):
    """A task that finds its bars in files that :func:`gather` wrote."""

    gathered: tuple[str, ...]

    def read(self, lake: Lake, columns: Sequence[str]) -> History:
        """The past of all symbols of the buckets, with the columns that their price scale needs."""
        names = list(dict.fromkeys(["timestamp", *columns, *self.state]))
        return make_history(self._tables(lake, names), names, self.holds)

    def _tables(self, lake: Lake, names: Sequence[str]) -> Iterator[tuple[pa.Table, npt.NDArray[np.int32]]]:
        for bucket in self.buckets:
            if self.carried is not None:
                table, _ = read_carried(lake, self.carried[bucket])
                yield table, np.zeros(table.num_rows, np.int32)
            for path in self.gathered:
                table = _batch(lake, path, bucket, names)
                yield table, to_numpy(table[_PLACE])


def gather(task: GatherTask) -> str:
    """Write the file; answers with its path below the lake."""
    lake = Lake(task.lake)
    names = ["symbol", *task.columns]
    tables = [pa.schema([BARS.field(name) for name in names]).empty_table()]
    places = [np.empty(0, np.int32)]
    for place, month in enumerate(task.months, task.first):
        table = read_month(lake, lake.bars(task.timeframe), month, names)
        if table is not None:
            tables.append(table)
            places.append(np.full(table.num_rows, place, np.int32))
    rows = pa.concat_tables(tables).append_column(_PLACE, pa.array(np.concatenate(places)))
    symbols, code = encode(rows["symbol"])
    bucket = np.array([bucket_of(symbol, task.of) for symbol in symbols.to_pylist()], np.int16)[code]
    order = np.argsort(bucket, kind="stable")
    bounds = np.searchsorted(bucket[order], np.arange(task.of + 1))
    rows = rows.set_column(0, "symbol", pa.DictionaryArray.from_arrays(code, symbols))
    batches = rows.combine_chunks().take(pa.array(order)).combine_chunks().to_batches()
    batch = batches[0] if batches else pa.RecordBatch.from_pylist([], rows.schema)
    with lake.filesystem.open_output_stream(lake.full(task.path)) as sink, pa.ipc.new_file(sink, rows.schema) as writer:
        for start, end in pairwise(bounds):
            writer.write_batch(batch.slice(start, end - start))
    return task.path


def _batch(lake: Lake, path: str, bucket: int, names: Sequence[str]) -> pa.Table:
    """Some columns of a bucket's rows in one file; nothing else of the file is read."""
    with lake.filesystem.open_input_file(lake.full(path)) as source:
        schema = pa.ipc.open_file(source).schema
        wanted = sorted(schema.get_field_index(name) for name in ["symbol", *names, _PLACE])
        reader = pa.ipc.open_file(source, options=pa.ipc.IpcReadOptions(included_fields=wanted))
        return pa.Table.from_batches([reader.get_batch(bucket)])
