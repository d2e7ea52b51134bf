"""Bars as the stand-ins hold them: one table per symbol and timeframe, replaceable while they run."""

from __future__ import annotations

import bisect
import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import NamedTuple

#: Timeframes that tables may have, in seconds.
TIMEFRAMES = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "1d": 86400}

#: (timestamp, open, high, low, close, volume) with an optional adjusted close. The timestamp is an aware datetime, or a
#: date for daily bars; None in place of the numbers is a row that the vendor lists without values.
Row = Sequence[datetime | date | float | None]

#: symbol (Marketmill's name) -> timeframe -> rows in any order.
Tables = Mapping[str, Mapping[str, Iterable[Row]]]


class Bar(NamedTuple):
    """One bar; ``start`` in epoch seconds (midnight UTC of its date for daily bars)."""

    start: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    adjusted_close: float | None = None

    @property
    def is_null(self) -> bool:
        """Whether the vendor lists the row without values."""
        return math.isnan(self.close)

    @property
    def day(self) -> date:
        """Date of a daily bar."""
        return datetime.fromtimestamp(self.start, UTC).date()


class BarStore:
    """Tables of bars; reading is safe while another thread replaces a table.

    Parameters
    ----------
    tables
        The bars to begin with.

    Raises
    ------
    ValueError
        If a timeframe is unknown, a timestamp naive or doubled, a row too short.
    """

    def __init__(self, tables: Tables) -> None:
        self._lock = threading.Lock()
        self._tables: dict[str, dict[str, list[Bar]]] = {}
        self._version = 0
        for symbol, by_timeframe in tables.items():
            for timeframe, rows in by_timeframe.items():
                self.replace(symbol, timeframe, rows)

    @property
    def symbols(self) -> list[str]:
        """Symbols with at least one table."""
        with self._lock:
            return list(self._tables)

    @property
    def version(self) -> int:
        """Grows with every replaced table."""
        return self._version

    def tables(self, symbol: str) -> dict[str, list[Bar]]:
        """Timeframe -> bars in order; empty for an unknown symbol."""
        with self._lock:
            return dict(self._tables.get(symbol, {}))

    def bars(self, symbol: str, timeframe: str) -> list[Bar]:
        """One table in order; empty where there is none."""
        return self.tables(symbol).get(timeframe, [])

    def replace(self, symbol: str, timeframe: str, rows: Iterable[Row]) -> None:
        """Put a table in place of the one held: restated history."""
        if timeframe not in TIMEFRAMES:
            raise ValueError(f"{symbol}: timeframe {timeframe!r} is not one of {', '.join(TIMEFRAMES)}")
        bars = sorted((bar_of(row) for row in rows), key=lambda bar: bar.start)
        for before, after in pairwise(bars):
            if before.start == after.start:
                raise ValueError(f"{symbol} {timeframe}: two rows at {datetime.fromtimestamp(after.start, UTC)}")
        with self._lock:
            self._tables[symbol] = {**self._tables.get(symbol, {}), timeframe: bars}
            self._version += 1


def bar_of(row: Row) -> Bar:
    """The row as a bar.

    Raises
    ------
    ValueError
        If its timestamp is naive or numbers are missing.
    TypeError
        If its timestamp is none.
    """
    stamp, *values = row
    if not 5 <= len(values) <= 6:
        raise ValueError(f"{row!r} has not the columns timestamp, open, high, low, close, volume[, adjusted close]")
    if isinstance(stamp, datetime):
        if stamp.tzinfo is None:
            raise ValueError(f"timestamp {stamp} has no time zone")
        start = int(stamp.timestamp())
    elif isinstance(stamp, date):
        start = int(datetime(stamp.year, stamp.month, stamp.day, tzinfo=UTC).timestamp())
    else:
        raise TypeError(f"timestamp {stamp!r} is neither a datetime nor a date")
    numbers = [math.nan if value is None else float(value) for value in values]  # type: ignore[arg-type]
    return Bar(start, *numbers)


def null_bar(start: int) -> Bar:
    """A row that the vendor lists without values."""
    return Bar(start, math.nan, math.nan, math.nan, math.nan, math.nan)


def between(bars: Sequence[Bar], first: float, last: float) -> Sequence[Bar]:
    """Bars whose ``start`` lies in the closed interval ``[first, last]``."""
    low = bisect.bisect_left(bars, first, key=lambda bar: bar.start)
    return bars[low : bisect.bisect_right(bars, last, lo=low, key=lambda bar: bar.start)]


def merged(start: int, group: Sequence[Bar]) -> Bar:
    """One longer bar of several shorter ones; null rows count for nothing."""
    real = [bar for bar in group if not bar.is_null]
    if not real:
        return null_bar(start)
    high, low = max(bar.high for bar in real), min(bar.low for bar in real)
    return Bar(start, real[0].open, high, low, real[-1].close, math.fsum(bar.volume for bar in real))


def unfinished(bar: Bar, passed: float) -> Bar:
    """The bar as a vendor shows it before its end; nobody recorded its path, so it goes half-way to its close.

    Parameters
    ----------
    bar
        The bar as it will be.
    passed
        Share of its time that has passed, 0 to 1.
    """
    close = bar.open + (bar.close - bar.open) * passed / 2
    adjusted = None if bar.adjusted_close is None else close * bar.adjusted_close / bar.close
    volume = float(math.floor(bar.volume * passed))
    return Bar(bar.start, bar.open, max(bar.open, close), min(bar.open, close), close, volume, adjusted)
