"""The month is the unit of every dataset: one key ``YYYY-MM``, one half-open UTC interval."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from include.errors import ConfigurationError

MONTH_FORMAT = "%Y-%m"
_MONTH = re.compile(r"(?:19|20|21)\d{2}-(?:0[1-9]|1[0-2])")


def parse_month(text: str) -> str:
    """Return ``text`` when it is a month key.

    Raises
    ------
    ConfigurationError
        If ``text`` is not of the form ``YYYY-MM``.
    """
    if not isinstance(text, str) or not _MONTH.fullmatch(text):
        raise ConfigurationError(f"month {text!r} is not of the form YYYY-MM, for example 2018-06")
    return text


def month_of(moment: date | datetime) -> str:
    """Month key that contains ``moment`` (an aware datetime is read in UTC)."""
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return f"{moment.year:04d}-{moment.month:02d}"


def month_start(month: str) -> datetime:
    """First instant of the month, UTC."""
    return datetime.strptime(parse_month(month), MONTH_FORMAT).replace(tzinfo=UTC)


def next_month(month: str) -> str:
    """Key of the month after ``month``."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + 1:04d}-01" if number == 12 else f"{year:04d}-{number + 1:02d}"


def month_end(month: str) -> datetime:
    """First instant after the month, UTC."""
    return month_start(next_month(month))


def months_between(start: date | datetime, end: date | datetime) -> list[str]:
    """Keys of all months that overlap the half-open interval ``[start, end)``, in order."""
    last = month_of(end)
    months = []
    current = month_of(start)
    while current < last:
        months.append(current)
        current = next_month(current)
    if as_utc(end) > month_start(last) and as_utc(start) < as_utc(end):
        months.append(last)
    return months


def as_utc(moment: date | datetime) -> datetime:
    """``moment`` as an aware UTC datetime; a date or naive datetime is taken as UTC."""
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def last_complete_month(now: datetime) -> str:
    """The newest month that has ended at ``now``."""
    current = as_utc(now)
    return f"{current.year - 1:04d}-12" if current.month == 1 else f"{current.year:04d}-{current.month - 1:02d}"
