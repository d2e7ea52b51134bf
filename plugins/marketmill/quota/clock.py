"""The clock that the ledger goes by, and how its times are written."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection

from include.results.engine import database_now

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    """Something that tells the time and can wait."""

    def now(self, connection: Connection) -> int:
        """Microseconds since 1970 UTC, never earlier than what another process was told before it."""

    def sleep(self, seconds: float) -> None:
        """Return when so many seconds have passed."""


class DatabaseClock:
    """The clock of the database server: the machines of the workers need not agree on the time."""

    def now(self, connection: Connection) -> int:
        """Ask the database."""
        return database_now(connection)

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)


def to_datetime(microseconds: int) -> datetime:
    """Microseconds since 1970 as a UTC time."""
    return _EPOCH + timedelta(microseconds=microseconds)


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of an aware time.

    Raises
    ------
    ValueError
        If the time has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone; give an aware time")
    return (moment - _EPOCH) // _MICROSECOND
