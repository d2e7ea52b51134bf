"""Which sessions an answer should hold: the second fact beside Yahoo's own word."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import pandas as pd

from include.calendars import closed_at, exchange_calendar
from include.errors import ConfigurationError
from include.months import as_utc
from include.timeframes import timeframe_length

#: For so long a session that is missing at the end of an answer is taken for late; after that for one that Yahoo does not have.
LATE = timedelta(days=7)


def finished_until(calendar: str, timeframe: str, now: datetime) -> datetime:
    """End of the part of time whose bars are all complete at ``now`` (UTC); a daily bar is complete when its session has closed."""
    if timeframe != "1d":
        return now - timeframe_length(timeframe)
    today = now.astimezone(UTC).date()
    return next(as_utc(day) for day, closed in _closings(calendar, today) if closed > now)


@lru_cache(maxsize=64)
def _closings(calendar: str, today: date) -> list[tuple[date, datetime]]:
    """When the bars of yesterday and the days after it close; the last of them does so after today."""
    days = pd.date_range(today - timedelta(days=1), periods=4, freq="D", tz="UTC")
    return [(day.date(), closed.to_pydatetime()) for day, closed in zip(days, closed_at(calendar, "1d", days), strict=True)]


def sessions_between(calendar: str, zone: ZoneInfo, first: date, last: date) -> list[date] | None:
    """Dates of the sessions from ``first`` to ``last``, both included; None where the calendar does not tell.

    It does not where ``last`` lies outside of it, or where its time zone is not that of the exchange that Yahoo names: a symbol that
    no universe knows is taken for a US stock.
    """
    try:
        known = exchange_calendar(calendar)
    except ConfigurationError:
        return None
    low, high = pd.Timestamp(first), pd.Timestamp(last)
    if not known.first_session <= high <= known.last_session or not _same_time(known.tz, zone, last):
        return None
    return list(known.sessions_in_range(max(low, known.first_session), high).date) if first <= last else []


def late_session(missing: Collection[date], now: datetime) -> date | None:
    """First of the missing sessions that may only be late at ``now``."""
    return min((day for day in missing if datetime.combine(day, time(), UTC) > now - LATE), default=None)


def _same_time(one: ZoneInfo, other: ZoneInfo, day: date) -> bool:
    noon = datetime.combine(day, time(12))
    return one.utcoffset(noon) == other.utcoffset(noon)
