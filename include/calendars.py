"""When a bar was known: exchange sessions from ``exchange_calendars``, 24/7 for markets that never close."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import pandas as pd

from include.errors import ConfigurationError
from include.timeframes import timeframe_length

if TYPE_CHECKING:
    from exchange_calendars import ExchangeCalendar

#: A decision on a bar falls this long after its close: what was known by then may be used, wherever it came from
#: (^VIX is printed at 21:15 UTC when New York closed at 21:00).
DECISION_DELAY = pd.Timedelta(hours=1)

_EARLIEST = pd.Timestamp("1980-01-01")


@lru_cache(maxsize=32)
def exchange_calendar(name: str) -> ExchangeCalendar:
    """Calendar ``name`` over the longest span for which its holidays are recorded (from 1980 at the earliest).

    Raises
    ------
    ConfigurationError
        If no such calendar exists.
    """
    import exchange_calendars
    from exchange_calendars.errors import InvalidCalendarName

    try:
        factory = exchange_calendars.calendar_utils.global_calendar_dispatcher
        bound = type(factory.get_calendar(name)).bound_min()
    except InvalidCalendarName:
        raise ConfigurationError(f"exchange calendar {name!r} is unknown; see exchange_calendars for the names") from None
    start = _EARLIEST if bound is None else max(_EARLIEST, bound)
    return exchange_calendars.get_calendar(name, start=start)


def closed_at(calendar: str, timeframe: str, timestamps: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """When each bar was complete.

    Parameters
    ----------
    calendar
        Name known to ``exchange_calendars``, for example ``XNYS``; ``24/7`` for crypto.
    timeframe
        Bar size; daily bars are labelled by midnight UTC of their session's date.
    timestamps
        UTC opening times, any order.

    Returns
    -------
    pandas.DatetimeIndex
        UTC, same length. A daily bar closes with its session (half-days included); a date that is no session
        (index levels printed on a holiday) or lies outside the calendar closes at the latest time of day at which
        this exchange ever closed, so that it is never known too early. Intraday bars close one bar length after they open.
    """
    if timeframe != "1d" or calendar == "24/7":
        return timestamps + timeframe_length(timeframe)
    closes = exchange_calendar(calendar).closes
    dates = timestamps.tz_convert("UTC").tz_localize(None).normalize()
    known = pd.DatetimeIndex(closes.reindex(dates))
    known = known.tz_localize("UTC") if known.tz is None else known.tz_convert("UTC")
    latest = (pd.DatetimeIndex(closes).tz_convert(None) - pd.DatetimeIndex(closes.index)).max()
    fallback = (dates + latest).tz_localize("UTC")
    return known.where(known.notna(), fallback)
