"""The clock of a stand-in: the real one, or one that a test sets and moves."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What a stand-in takes for the time of day."""

    def now(self) -> datetime:
        """Aware UTC time."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Aware UTC time."""
        return datetime.now(UTC)


class AdjustableClock:
    """A clock that begins at a chosen moment and is moved by hand; with ``running`` it also runs on by itself.

    Parameters
    ----------
    start
        First moment, aware.
    running
        Whether real seconds pass on it as well.
    """

    def __init__(self, start: datetime, *, running: bool = False) -> None:
        if start.tzinfo is None:
            raise ValueError(f"the clock needs an aware start, not {start!r}")
        self._lock = threading.Lock()
        self._moment = start.astimezone(UTC)
        self._running = running
        self._since = datetime.now(UTC)

    def now(self) -> datetime:
        """Aware UTC time."""
        with self._lock:
            passed = datetime.now(UTC) - self._since if self._running else timedelta()
            return self._moment + passed

    def advance(self, seconds: float) -> None:
        """Move on by so many seconds."""
        with self._lock:
            self._moment += timedelta(seconds=seconds)


def parse_moment(text: str) -> datetime:
    """An ISO 8601 moment; without a time zone it is UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
