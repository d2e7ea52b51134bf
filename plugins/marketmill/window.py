"""Which part of time a backfill is about: whole months, none of them unfinished."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from include.errors import ConfigurationError
from include.months import as_utc, last_complete_month, month_end, month_of, month_start

#: A month is whole with a bar in its last days: a weekend and a holiday may follow it.
_LAST_DAYS = timedelta(days=5)


@dataclass(frozen=True)
class Wish:
    """What a form says about time; dates are ``YYYY-MM-DD``, ``end`` is the first day that is not wanted."""

    start: str | None = None
    end: str | None = None
    years: int = 10
    days: int | None = None


@dataclass(frozen=True)
class Window:
    """Half-open UTC interval of whole months; ``notes`` say where it differs from what was asked for, and why."""

    start: datetime
    end: datetime
    notes: tuple[str, ...] = ()


def choose_window(wish: Wish, last_day: date | None, now: datetime) -> Window:
    """Make whole months of a wish.

    Without ``end`` it ends with the last month that the source holds whole, without ``start`` it begins ``days`` or ``years`` before
    its end. It is widened to whole months (a month is published from all that landed for it) and never reaches into a month
    that has not ended at ``now``.

    Raises
    ------
    ConfigurationError
        If a date is none, start is not before end, start and days are both given, or no ended month is left.
    """
    if wish.start and wish.days:
        raise ConfigurationError(f"start {wish.start} and days {wish.days} are both given; leave one of them empty")
    finished = month_end(last_complete_month(now))
    notes = []
    if wish.end:
        end = parse_day("end", wish.end)
    elif last_day is None:
        end = finished
    else:
        month = month_of(last_day)
        end = month_end(month)
        if end - as_utc(last_day) > _LAST_DAYS:
            end = month_start(month)
            notes.append(f"the source's bars end on {last_day}: the month {month} is not whole and is left out; give an end to take it")
    start = _start(wish, end)
    if start >= end:
        raise ConfigurationError(f"start {start:%Y-%m-%d} is not before end {end:%Y-%m-%d}")
    whole = month_start(month_of(start)), month_end(month_of(end - timedelta(microseconds=1)))
    if whole[1] > finished:
        if whole[0] >= finished:
            raise ConfigurationError(
                f"start {start:%Y-%m-%d}: the month {month_of(start)} has not ended; months are taken whole, up to {finished:%Y-%m-%d}"
            )
        notes.append(f"the month {month_of(finished)} has not ended and is left out")
        whole = whole[0], finished
    elif wish.end and whole[1] != end:
        notes.append(f"end {wish.end} is widened to {whole[1]:%Y-%m-%d}: months are taken whole")
    if (wish.start or wish.days) and whole[0] != start:
        notes.append(f"start {start:%Y-%m-%d} is widened to {whole[0]:%Y-%m-%d}: months are taken whole")
    return Window(*whole, tuple(notes))


def _start(wish: Wish, end: datetime) -> datetime:
    if wish.start:
        return parse_day("start", wish.start)
    if wish.days:
        return end - timedelta(days=wish.days)
    try:
        return end.replace(year=end.year - wish.years)
    except ValueError:  # 29 February, or before the year 1
        raise ConfigurationError(f"{wish.years} years before {end:%Y-%m-%d} is no date; give a start") from None


def parse_day(name: str, text: str) -> datetime:
    """Return the day of a form's field ``name`` as its first instant, UTC.

    Raises
    ------
    ConfigurationError
        If it is no date.
    """
    try:
        return as_utc(datetime.fromisoformat(text).replace(tzinfo=UTC))
    except ValueError:
        raise ConfigurationError(f"{name} {text!r} is not a date of the form YYYY-MM-DD") from None
