"""Made bars for the stand-ins of the sources: random walks in cents, at the times at which a calendar or a clock has bars."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from include.calendars import exchange_calendar
from tests.servers.common import Row


def daily_bars(calendar: str, start: datetime, end: datetime) -> list[Row]:
    """A bar for each session."""
    days = exchange_calendar(calendar).sessions_in_range(start.date(), end.date())
    return _walk([day.to_pydatetime().replace(tzinfo=UTC) for day in days])


def steady_bars(start: datetime, end: datetime, step: timedelta) -> list[Row]:
    """A bar for each step of a market that never closes."""
    return _walk([start + number * step for number in range((end - start) // step)])


def around(span: tuple[datetime, datetime]) -> tuple[datetime, datetime]:
    """A longer span, so that nothing begins or ends where it is asked for."""
    return span[0] - timedelta(days=40), span[1] + timedelta(days=5)


def write_bars(path: Path, bars: list[Row]) -> Path:
    """Write a file that the stand-ins' processes read."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("timestamp", "open", "high", "low", "close", "volume"), *bars])
    return path


def _walk(moments: list[datetime]) -> list[Row]:
    draw = np.random.default_rng(7)
    closes = np.round(100 * np.exp(np.cumsum(draw.normal(0, 0.002, len(moments)))), 2)
    opens = np.round(closes * np.exp(draw.normal(0, 0.001, len(moments))), 2)
    highs, lows = np.maximum(opens, closes) + 0.05, np.minimum(opens, closes) - 0.05
    volumes = draw.integers(1_000, 9_000, len(moments))
    columns = (values.round(2).tolist() for values in (opens, highs, lows, closes, volumes))
    return list(zip(moments, *columns, strict=True))
