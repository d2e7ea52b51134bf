"""Which bars an exchange's calendar promises, and whether a bar lies where one can be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from include.calendars import exchange_calendar, regular_sessions
from include.special_sessions import evening_sessions
from include.timeframes import timeframe_length

ALWAYS = "24/7"

#: A session of an exchange that was moved is held at most this many days beside its date in the calendar.
_MOVED = np.timedelta64(3, "D")


def expected_openings(calendar: str, timeframe: str, start: datetime, end: datetime, *, from_open: bool = True) -> np.ndarray:
    """Openings of all bars with ``start <= opening < end``.

    Parameters
    ----------
    from_open
        Whether intraday bars are counted from the session's open (New York: 9:30, 10:30, ...) or by the clock (9:00, 10:00, ...);
        daily bars are labelled by midnight of their session's date. Evening sessions on a holiday need no bar.

    Returns
    -------
    numpy.ndarray
        ``datetime64[us]``, UTC, rising. Intraday, a session that ends early has fewer; breaks have none.
    """
    first, last = _utc(start), _utc(end)
    if timeframe == "1d":
        sessions = regular_sessions(calendar)
        whole: np.ndarray = sessions[(sessions >= first) & (sessions < last)]
        return whole
    length = np.timedelta64(timeframe_length(timeframe))
    if calendar == ALWAYS:
        earliest = _floor(np.array(first + length - np.timedelta64(1, "us")), length)
        return _steps(earliest, last, length)
    opens, closes, pauses, resumes = _hours(calendar)
    near = (closes > first) & (opens < last)
    openings: list[np.ndarray] = [np.array([], "datetime64[us]")]
    for begin, finish, pause, resume in zip(opens[near], closes[near], pauses[near], resumes[near], strict=True):
        bars = _steps(begin if from_open else _floor(begin, length), finish, length)
        openings.append(bars if np.isnat(pause) else bars[(bars < pause) | (bars >= resume)])
    found = np.concatenate(openings)
    inside: np.ndarray = found[(found >= first) & (found < last)]
    return inside


def place(calendar: str, timeframe: str, times: pd.DatetimeIndex) -> pd.DataFrame:
    """Say of each bar where it lies; the rows are those of ``times`` (UTC openings, any order).

    Returns
    -------
    pandas.DataFrame
        ``off_calendar`` (0 or 1: the exchange was closed; before and after the calendar's own span nobody knows: 0), ``from_open``
        and ``by_clock``: seconds since the last time at which a bar opens, counted from the session's open or by the clock (0 for
        daily bars and where the exchange was closed), and
        ``slot_from_open``, ``slot_by_clock``: that time.
    """
    moments = times.tz_convert("UTC").tz_localize(None).to_numpy("datetime64[us]")
    if timeframe == "1d":
        dates = moments.astype("datetime64[D]").astype("datetime64[us]")
        sessions = regular_sessions(calendar)
        closed = ~np.isin(dates, sessions) & ~np.isin(dates, evening_sessions(calendar))
        closed &= (dates >= sessions[0]) & (dates <= sessions[-1])
        return _placed(closed, dates, dates, dates)
    length = np.timedelta64(timeframe_length(timeframe))
    by_clock = _floor(moments, length)
    if calendar == ALWAYS:
        return _placed(np.zeros(len(moments), bool), moments, by_clock, by_clock)
    opens, closes, _, _ = _hours(calendar)
    at = np.searchsorted(closes, moments, side="right").clip(max=len(opens) - 1)
    known = (moments >= opens[0]) & (moments < closes[-1])
    closed = known & ((moments <= opens[at] - length) | (moments >= closes[at]))
    from_open = opens[at] + _floor_length(moments - opens[at], length)
    return _placed(closed, moments, from_open, by_clock)


def stands_in(expected: np.ndarray, lacking: np.ndarray, odd: np.ndarray) -> np.ndarray:
    """Mark each expected daily bar that is lacking but has a bar near it on a weekday on which the exchange was said to be closed.

    Holidays are moved at short notice, and calendars learn of it late.

    Parameters
    ----------
    expected
        Dates that should have a bar (``datetime64[us]``, rising).
    lacking
        Which of them have none.
    odd
        Dates with a bar on which the exchange was said to be closed.
    """
    marked = np.zeros(len(expected), bool)
    for date in odd[np.is_busday(odd.astype("datetime64[D]"))]:
        beside = np.flatnonzero(lacking & ~marked & (np.abs(expected - date) <= _MOVED))
        if len(beside):
            marked[beside[np.abs(expected[beside] - date).argmin()]] = True
    return marked


def _steps(begin: Any, end: Any, length: np.timedelta64) -> np.ndarray:
    return np.asarray(np.arange(begin, end, length), "datetime64[us]")


def _placed(closed: np.ndarray, moments: np.ndarray, from_open: np.ndarray, by_clock: np.ndarray) -> pd.DataFrame:
    def beside(slots: np.ndarray) -> np.ndarray:
        return np.where(closed, 0.0, (moments - slots) / np.timedelta64(1, "s"))

    return pd.DataFrame(
        {
            "off_calendar": closed.astype(np.int64),
            "from_open": beside(from_open),
            "by_clock": beside(by_clock),
            "slot_from_open": from_open,
            "slot_by_clock": by_clock,
        }
    )


def _hours(calendar: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    exchange = exchange_calendar(calendar)
    columns = (exchange.opens, exchange.closes, exchange.break_starts, exchange.break_ends)
    opens, closes, pauses, resumes = (pd.DatetimeIndex(column).tz_convert(None).to_numpy("datetime64[us]") for column in columns)
    return opens, closes, pauses, resumes


def _utc(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")


def _floor_length(span: np.ndarray, length: np.timedelta64) -> np.ndarray:
    floored: np.ndarray = span // length * length
    return floored


def _floor(moment: np.ndarray, length: np.timedelta64) -> np.ndarray:
    origin = np.datetime64(0, "us")
    floored: np.ndarray = origin + _floor_length(moment - origin, length)
    return floored
