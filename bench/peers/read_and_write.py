"""The floor: two processes that read the bars and write Parquet of the size of the features, and compute nothing."""

from __future__ import annotations

import multiprocessing
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from common import BARS, KEYS, OUT, bar_files, ready

_COLUMNS = int(sys.argv[3])


def copy(task: tuple[int, list[str]]) -> None:
    pa.set_cpu_count(1)
    number, names = task
    for name in names:
        bars = pq.read_table(name, columns=BARS, partitioning=None)
        numbers = [bars[column].to_numpy().astype(np.float32) for column in BARS[2:]]
        # Column after column of the bars' own numbers: no codec or encoding finds anything to save.
        columns = {f"copy_{place:03d}": numbers[place % len(numbers)] for place in range(_COLUMNS)}
        table = pa.table({key: bars[key] for key in KEYS} | columns)
        pq.write_table(table, OUT / f"{number}-{names.index(name)}.parquet", compression="lz4", use_dictionary=KEYS[:1])


if __name__ == "__main__":
    files = bar_files()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        ready()
        pool.map(copy, [(0, files[::2]), (1, files[1::2])], chunksize=1)
    print("columns", _COLUMNS, flush=True)
