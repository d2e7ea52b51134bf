"""Which sessions an answer should hold: the second fact beside Yahoo's own word."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

from include.calendars import closed_at, exchange_calendar
from include.errors import ConfigurationError
from include.timeframes import timeframe_length

#: For so long a session that is missing at the end of an answer is taken for late; after that for one that Yahoo does not have.
LATE = timedelta(days=7)


def finished_until(calendar: str, timeframe: str, now: datetime) -> datetime:
    """End of the part of time whose bars are all complete at ``now`` (UTC); a daily bar is complete when its session has closed."""
    if timeframe != "1d":
        return now - timeframe_length(timeframe)
    today = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    days = pd.date_range(today - timedelta(days=1), periods=3, freq="D")
    closed = closed_at(calendar, "1d", days)
    unfinished = days[closed > pd.Timestamp(now)]
    return unfinished[0].to_pydatetime() if len(unfinished) else today + timedelta(days=2)


def sessions_between(calendar: str, zone: ZoneInfo, first: date, last: date) -> list[date] | None:
    """Dates of the sessions from ``first`` to ``last``, both included; None where the calendar does not tell.

    It does not where it ends before ``last``, or is of another time zone than the exchange that Yahoo names: a symbol that no universe
    knows is taken for a US stock.
    """
    try:
        known = exchange_calendar(calendar)
    except ConfigurationError:
        return None
    low, high = pd.Timestamp(first), pd.Timestamp(last)
    if low < known.first_session or high > known.last_session or not _same_time(known.tz, zone, last):
        return None
    return [session.date() for session in known.sessions_in_range(low, high)] if first <= last else []


def late_session(missing: Collection[date], now: datetime) -> date | None:
    """First of the missing sessions that may only be late at ``now``."""
    return min((day for day in missing if datetime.combine(day, time(), UTC) > now - LATE), default=None)


def _same_time(one: ZoneInfo, other: ZoneInfo, day: date) -> bool:
    noon = datetime.combine(day, time(12))
    return one.utcoffset(noon) == other.utcoffset(noon)
