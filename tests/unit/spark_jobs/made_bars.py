"""Bars made up for tests of the features: ordinary ones, awkward ones, and a lake that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.lake import Lake
from include.publish import publish_month
from include.schemas import BARS, TIMESTAMP
from spark_jobs.features.bars import COLUMNS, SymbolBars

Columns = dict[str, npt.NDArray[np.float64]]
DAY = 86_400_000_000
CLOSE = 21 * 3_600_000_000


def ordinary(size: int = 700, seed: int = 3) -> Columns:
    """A random walk with ranges, gaps and volume; no two numbers alike."""
    draw = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(draw.normal(0.0002, 0.015, size)))
    opened = close * np.exp(draw.normal(0, 0.006, size))
    high = np.maximum(opened, close) * np.exp(np.abs(draw.normal(0, 0.006, size)))
    low = np.minimum(opened, close) * np.exp(-np.abs(draw.normal(0, 0.006, size)))
    return {"open": opened, "high": high, "low": low, "close": close, "volume": draw.uniform(1e5, 9e5, size)}


def symbol_bars(columns: Mapping[str, npt.NDArray[np.float64]]) -> SymbolBars:
    return SymbolBars(*(columns[name] for name in COLUMNS))


def cut(columns: Columns, start: int, stop: int | None = None) -> Columns:
    return {name: values[start:stop] for name, values in columns.items()}


def flat(size: int, price: float = 10.0, volume: float = 0.0) -> Columns:
    return {name: np.full(size, volume if name == "volume" else price) for name in COLUMNS}


def weekdays(size: int, first: str = "2015-01-01") -> npt.NDArray[np.int64]:
    """Midnight UTC of ``size`` weekdays, in microseconds since 1970."""
    days = np.arange(np.datetime64(first), np.datetime64(first) + 2 * size + 7)
    return days[np.is_busday(days)][:size].astype("datetime64[us]").astype(np.int64)


def bars_table(
    symbol: str, columns: Mapping[str, npt.NDArray[np.float64]], stamps: npt.NDArray[np.int64], closes_after: int = CLOSE
) -> pa.Table:
    """Rows as the lake holds them; NaN becomes null."""
    size = stamps.size
    return pa.table(
        [
            pa.array([symbol] * size),
            pa.array(stamps).cast(TIMESTAMP),
            pa.array(stamps + closes_after).cast(TIMESTAMP),
            *(pa.array(columns[name], from_pandas=True) for name in COLUMNS),
            pa.array(columns["close"], from_pandas=True),
            pa.array(["made"] * size),
            pa.array(["split"] * size),
            pa.array([datetime(2024, 1, 1, tzinfo=UTC)] * size, TIMESTAMP),
            pa.nulls(size, pa.string()),
        ],
        schema=BARS,
    )


def publish_bars(lake: Lake, rows: pa.Table, timeframe: str = "1d", months: list[str] | None = None) -> None:
    """Publish all months of ``rows``, or those of ``months``, replacing what they hold."""
    month_of = np.array(rows["timestamp"].to_numpy(), dtype="datetime64[us]").astype("datetime64[M]").astype(str)
    for month in np.unique(month_of):
        if months is None or month in months:
            part = rows.filter(pa.array(month_of == month))
            publish_month(lake, lake.bars(timeframe), str(month), lambda _, part=part: part)


def small_universe(size: int = 330) -> dict[str, pa.Table]:
    """Five stocks, an index without a vote, and one without volume; one stock starts late, one has a hole."""
    stamps = weekdays(size)
    tables = {name: bars_table(name, ordinary(size, seed), stamps) for seed, name in enumerate(["AAA", "BBB", "CCC", "DDD"])}
    late, hole = ordinary(size - 100, 11), ordinary(size, 12)
    tables["LATE"] = bars_table("LATE", late, stamps[100:])
    hole["volume"][150:160] = np.nan
    tables["BBB"] = bars_table("BBB", cut(hole, 0), stamps)
    tables["^GSPC"] = bars_table("^GSPC", ordinary(size, 13), stamps)
    tables["^VIX"] = bars_table("^VIX", ordinary(size, 14) | {"volume": np.zeros(size)}, stamps, CLOSE + 900_000_000)
    return tables
