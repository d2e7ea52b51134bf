"""Made bars as published ones, for what begins with a lake."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from include.lake import Lake
from include.publish import publish_month
from include.schemas import BARS, TIMESTAMP

Times = np.ndarray | pd.DatetimeIndex


def bars_table(symbols: np.ndarray, stamps: Times, closes_at: Times, numbers: Sequence[np.ndarray]) -> pa.Table:
    """Rows of :data:`include.schemas.BARS`; ``numbers`` are open, high, low, close, volume and adjusted close."""
    size = len(symbols)
    columns = [
        pa.array(symbols),
        pa.array(stamps).cast(TIMESTAMP),
        pa.array(closes_at).cast(TIMESTAMP),
        *(pa.array(values) for values in numbers),
        pa.array(["made"] * size),
        pa.array(["split"] * size),
        pa.array([datetime(2024, 1, 1, tzinfo=UTC)] * size, TIMESTAMP),
        pa.nulls(size, pa.string()),
    ]
    return pa.table(columns, schema=BARS)


def publish(lake: Lake, timeframe: str, month: str, rows: pa.Table) -> None:
    """Make the rows the month."""
    publish_month(lake, lake.bars(timeframe), month, lambda _held: rows)
