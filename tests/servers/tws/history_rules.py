"""What a historical request may ask for: bar sizes, durations, their combinations, end times."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.servers.tws.refusals import TIME_LENGTH, Refusal, invalid
from tests.servers.tws.requests import HistoryRequest

_MINUTE, _HOUR, _DAY, _WEEK, _MONTH = 60, 3600, 86400, 7 * 86400, 31 * 86400

#: Legal bar sizes with their length in seconds.
BAR_SIZES = {
    "1 secs": 1,
    "5 secs": 5,
    "10 secs": 10,
    "15 secs": 15,
    "30 secs": 30,
    "1 min": _MINUTE,
    **{f"{count} mins": count * _MINUTE for count in (2, 3, 5, 10, 15, 20, 30)},
    "1 hour": _HOUR,
    **{f"{count} hours": count * _HOUR for count in (2, 3, 4, 8)},
    "1 day": _DAY,
    "1 week": _WEEK,
    "1 month": _MONTH,
}
#: Bars of this size or less stand under the pacing rules and reach back six months only.
SMALL = 30

WHAT_TO_SHOW = (
    "TRADES",
    "MIDPOINT",
    "BID",
    "ASK",
    "BID_ASK",
    "ADJUSTED_LAST",
    "HISTORICAL_VOLATILITY",
    "OPTION_IMPLIED_VOLATILITY",
    "SCHEDULE",
)

#: Duration up to so many seconds -> smallest and largest bar, in seconds.
_STEPS = (
    (60, 1, _MINUTE),
    (120, 1, 2 * _MINUTE),
    (1800, 1, 30 * _MINUTE),
    (3600, 5, _HOUR),
    (14400, 10, 3 * _HOUR),
    (28800, 30, 8 * _HOUR),
    (_DAY, _MINUTE, _DAY),
    (2 * _DAY, 2 * _MINUTE, _DAY),
    (_WEEK, 3 * _MINUTE, _WEEK),
    (_MONTH, 30 * _MINUTE, _MONTH),
)
_UNITS = {"S": 1, "D": _DAY, "W": _WEEK, "M": _MONTH, "Y": 366 * _DAY}
_DURATION = re.compile(r"([1-9]\d*) ([SDWMY])")
_END = re.compile(r"(\d{8})(?:-(\d\d:\d\d:\d\d)| (\d\d:\d\d:\d\d)(?: (\S+))?)")


@dataclass(frozen=True)
class Duration:
    """How far back a request reaches; ``unit`` is one of S D W M Y, days are trading days."""

    count: int
    unit: str

    @property
    def seconds(self) -> int:
        """Longest span that it can mean."""
        return self.count * _UNITS[self.unit]

    def back_from(self, end: datetime) -> datetime:
        """First moment of the span; not for days, whose number of sessions only the bars know."""
        if self.unit in "SW":
            return end - timedelta(seconds=self.seconds)
        return _months_back(end, self.count * (12 if self.unit == "Y" else 1))


@dataclass(frozen=True)
class Span:
    """A checked request: size of a bar in seconds, how far back, until when."""

    bar_seconds: int
    duration: Duration
    end: datetime


def check_history(request: HistoryRequest, now: datetime, zone: str) -> Span:
    """What the request means.

    Parameters
    ----------
    request
        As the client sent it.
    now
        End of a request that names none.
    zone
        Time zone of an end time that names none.

    Raises
    ------
    Refusal
        321 for what cannot be read or is not allowed, 162 for an illegal combination of duration and bar size.
    """
    if request.bar_size not in BAR_SIZES:
        legal = ", ".join(BAR_SIZES)
        raise invalid(f"Historical data bar size setting is invalid. Legal ones are: {legal}", "legal bar size")
    if request.what not in WHAT_TO_SHOW:
        raise invalid(f"Invalid historical data type {request.what!r}", "legal data type")
    if request.date_format not in {1, 2}:
        raise invalid(f"Date formatting selection of {request.date_format} rejected", "date format 1 or 2")
    if request.keep_up_to_date:
        raise invalid("the stand-in keeps no bars up to date", "supported by the stand-in")
    if request.what == "ADJUSTED_LAST" and request.end:
        raise invalid("End date not supported with adjusted last", "no end with ADJUSTED_LAST")
    seconds = BAR_SIZES[request.bar_size]
    duration = _read_duration(request.duration)
    _check_step(duration, seconds)
    end = _read_end(request.end, zone) if request.end else now
    return Span(seconds, duration, end)


def _read_duration(text: str) -> Duration:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise invalid(f"Invalid duration string {text!r}: an integer, a space and one of S D W M Y", "legal duration")
    duration = Duration(int(found[1]), found[2])
    most = {"D": 365, "W": 52, "M": 12}.get(duration.unit, duration.count)
    if duration.count > most:
        raise invalid("Historical data requests for durations longer than 365 days must be made in years", "years")
    return duration


def _check_step(duration: Duration, seconds: int) -> None:
    rows = ((smallest, largest) for limit, smallest, largest in _STEPS if duration.seconds <= limit)
    smallest, largest = next(rows, (_DAY, _MONTH))
    if not smallest <= seconds <= largest:
        raise Refusal(162, TIME_LENGTH, "step sizes")


def _read_end(text: str, default_zone: str) -> datetime:
    reason = f"Invalid end date {text!r}: yyyymmdd HH:MM:SS [zone], or yyyymmdd-HH:MM:SS for UTC"
    found = _END.fullmatch(text)
    if found is None:
        raise invalid(reason, "legal end date")
    try:
        zone = ZoneInfo("UTC" if found[2] else found[4] or default_zone)
        moment = datetime.fromisoformat(f"{found[1]} {found[2] or found[3]}").replace(tzinfo=zone)
    except (ValueError, OSError, KeyError):
        raise invalid(reason, "legal end date") from None
    return moment.astimezone(UTC)


def _months_back(end: datetime, months: int) -> datetime:
    year, month = divmod(end.year * 12 + end.month - 1 - months, 12)
    following = datetime(year + (month == 11), (month + 1) % 12 + 1, 1, tzinfo=UTC)
    last_day = (following - timedelta(days=1)).day
    return end.replace(year=year, month=month + 1, day=min(end.day, last_day))
