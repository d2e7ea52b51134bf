"""When a bar was known: exchange sessions from ``exchange_calendars``, 24/7 for markets that never close."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from include.errors import ConfigurationError
from include.special_sessions import CBOE, EVENING_CLOSE, cboe_calendar, evening_sessions
from include.timeframes import timeframe_length

if TYPE_CHECKING:
    from exchange_calendars import ExchangeCalendar

#: A decision on a daily bar falls this long after its close: what was known by then may be used, wherever it came from
#: (^VIX is printed at 21:15 UTC when New York closed at 21:00).
DECISION_DELAY = pd.Timedelta(hours=1)
#: On shorter bars nothing is waited for but the computation, and a decision must fall while the next bar is open.
_DELAY_SHARE = 12

_EARLIEST = pd.Timestamp("1980-01-01")


def decision_delay(timeframe: str) -> pd.Timedelta:
    """How long after the close of a bar a decision on it falls: an hour, but at most a twelfth of a bar that is shorter than a day."""
    length = pd.Timedelta(timeframe_length(timeframe))
    return min(DECISION_DELAY, length / _DELAY_SHARE)


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
        kind = cboe_calendar() if name == CBOE else type(factory.get_calendar(name))
    except InvalidCalendarName:
        raise ConfigurationError(f"exchange calendar {name!r} is unknown; see exchange_calendars for the names") from None
    bound = kind.bound_min()
    return kind(start=_EARLIEST if bound is None else max(_EARLIEST, bound))


@lru_cache(maxsize=32)
def regular_sessions(calendar: str) -> np.ndarray:
    """Dates of the sessions that should have a bar (``datetime64[us]``, rising): all but the evenings on a holiday."""
    sessions = exchange_calendar(calendar).sessions.to_numpy("datetime64[us]")
    regular: np.ndarray = sessions[~np.isin(sessions, evening_sessions(calendar))]
    return regular


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
        this exchange ever closed, so that it is never known too early; an evening session on a holiday closes in the evening.
        Intraday bars close one bar length after they open.
    """
    if timeframe != "1d" or calendar == "24/7":
        return timestamps + timeframe_length(timeframe)
    sessions, closes, latest = _session_closes(calendar)
    dates = timestamps.tz_convert(None).to_numpy("datetime64[D]").astype("datetime64[us]")
    at = np.searchsorted(sessions, dates).clip(max=len(sessions) - 1)
    known = np.where(sessions[at] == dates, closes[at], dates + latest)
    known = np.where(np.isin(dates, evening_sessions(calendar)), dates + EVENING_CLOSE, known)
    return pd.DatetimeIndex(known, tz="UTC")


@lru_cache(maxsize=32)
def _session_closes(calendar: str) -> tuple[np.ndarray, np.ndarray, np.timedelta64]:
    """Dates of the sessions, their closes (both UTC without a zone, rising) and the latest time of day of a close."""
    closes = exchange_calendar(calendar).closes
    sessions = pd.DatetimeIndex(closes.index).to_numpy("datetime64[us]")
    moments = pd.DatetimeIndex(closes).tz_convert(None).to_numpy("datetime64[us]")
    return sessions, moments, (moments - sessions).max()
