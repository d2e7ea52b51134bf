"""What the peers share: where the bars are, how results are written, and when the clock starts."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

BARS = ["symbol", "timestamp", "open", "high", "low", "close", "volume"]
KEYS = ["symbol", "timestamp"]

LAKE, OUT = Path(sys.argv[1]), Path(sys.argv[2])


def bar_files() -> list[str]:
    """Parquet files of all months, oldest first."""
    return sorted(str(path) for path in LAKE.glob("bars/timeframe=1d/month=*/*.parquet"))


def ready() -> None:
    """Everything is imported: the clock of the work starts."""
    print("ready", flush=True)


def write(tables: Iterable[pa.Table], name: str = "features") -> None:
    """One Parquet file, as the project writes its own: lz4, no dictionaries of numbers."""
    writer = None
    for table in tables:
        if writer is None:
            writer = pq.ParquetWriter(OUT / f"{name}.parquet", table.schema, compression="lz4", use_dictionary=KEYS[:1])
        writer.write_table(table)
    if writer is not None:
        writer.close()
        print("columns", len(table.column_names) - len(KEYS), flush=True)
