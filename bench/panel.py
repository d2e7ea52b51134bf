"""Made bars in a lake: every symbol a random walk of its own, a row for each weekday of ten years."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bench.published_bars import bars_table, publish
from include.lake import Lake

ROWS = 2520
TIMEFRAME = "1d"
_HOUR = 3_600_000_000
_CLOSE = 21 * _HOUR


def weekdays(rows: int = ROWS) -> npt.NDArray[np.int64]:
    """The first ``rows`` weekdays from 2014 on, midnight UTC in microseconds since 1970."""
    days = np.arange(np.datetime64("2014-01-01"), np.datetime64("2014-01-01") + 2 * rows)
    return days[np.is_busday(days)][:rows].astype("datetime64[us]").astype(np.int64)


def make_lake(folder: Path, symbols: int) -> Lake:
    """Publish the bars of that many symbols, month by month; a folder that holds them all is left as it is."""
    lake, complete = Lake(str(folder)), folder / ".complete"
    if complete.exists():
        return lake
    lake.delete_folder("bars")
    draw = np.random.default_rng(7)
    stamps = weekdays()
    month_of = stamps.astype("datetime64[us]").astype("datetime64[M]")
    names = np.array([f"S{number:04d}" for number in range(symbols)])
    last = np.full(symbols, 50.0)
    for month in np.unique(month_of):
        days = stamps[month_of == month]
        rows = _month(names, days, last, draw)
        publish(lake, TIMEFRAME, str(month), rows)
    complete.touch()
    return lake


def _month(names: npt.NDArray[np.str_], days: npt.NDArray[np.int64], last: npt.NDArray[np.float64], draw: np.random.Generator) -> pa.Table:
    """Rows by symbol and day; ``last`` are the closes before, and after it those of the month's last day."""
    shape = names.size, days.size
    close = last[:, None] * np.exp(np.cumsum(draw.normal(0.0002, 0.015, shape), axis=1))
    opened = close * np.exp(draw.normal(0, 0.006, shape))
    high = np.maximum(opened, close) * np.exp(np.abs(draw.normal(0, 0.006, shape)))
    low = np.minimum(opened, close) * np.exp(-np.abs(draw.normal(0, 0.006, shape)))
    volume = draw.integers(100_000, 900_000, shape).astype(float)
    last[:] = close[:, -1]
    stamps = np.tile(days, names.size)
    numbers = [values.round(4).ravel() for values in (opened, high, low, close, volume, close)]
    return bars_table(np.repeat(names, days.size), stamps, stamps + _CLOSE, numbers)


if __name__ == "__main__":
    make_lake(Path(sys.argv[1]), int(sys.argv[2]))
