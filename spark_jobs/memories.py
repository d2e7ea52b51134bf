"""What the features of a bucket's symbols remember: at the first bar of a run, and for the next run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from include.lake import Lake
from spark_jobs.carrying import Reach, read_carried, write_carried
from spark_jobs.features.catalog import LONGEST_MEMORY_WARM_UP, LONGEST_WINDOW
from spark_jobs.features.compiling import Series
from spark_jobs.features.memory import Memory
from spark_jobs.history import History
from spark_jobs.task import BucketTask

#: Whatever a feature is made of has its full window behind it where it begins to remember, and before what is wanted of it.
REACH = Reach(max(LONGEST_WINDOW, 2 * LONGEST_MEMORY_WARM_UP) + 1, max(LONGEST_WINDOW - LONGEST_MEMORY_WARM_UP, LONGEST_MEMORY_WARM_UP))


class Memories:
    """The memories of one bucket's symbols.

    Parameters
    ----------
    history
        What the task read.
    """

    def __init__(self, task: BucketTask, history: History, lake: Lake, bucket: int) -> None:
        self._history, self._carry = history, task.carry
        self._registers: Mapping[str, Series] = {} if task.carried is None else read_carried(lake, task.carried[bucket])[1]
        self._is_known = history.month == (-1 if task.carried is None else 0)
        self._is_before = history.month < (0 if task.carry is None else len(task.history) - 1)
        self._rows = [np.empty(0, np.int64)]
        self._taken: dict[str, Series] = {}

    def begin(self, symbol: str, rows: slice) -> Memory:
        """Where the symbol's features begin to remember, and where what they remember is wanted for the next run."""
        known, before = int(self._is_known[rows].sum()), int(self._is_before[rows].sum())
        start = REACH.split(known)[1] - REACH.split(known)[0]
        return Memory(start, self._registers[symbol] if start else None, REACH.split(before)[1] if before else -1)

    def end(self, symbol: str, rows: slice, memory: Memory) -> None:
        """Keep what the symbol's features remember at the mark."""
        if memory.mark >= 0:
            before = int(self._is_before[rows].sum())
            self._rows.append(np.arange(rows.start + REACH.split(before)[0], rows.start + before))
            self._taken[symbol] = memory.taken

    def write(self, lake: Lake, bucket: int) -> None:
        """Leave all that was kept to the next run, where it is wanted."""
        if self._carry is not None:
            write_carried(lake, self._carry, bucket, self._history, np.concatenate(self._rows), self._taken)
