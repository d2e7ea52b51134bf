"""Which exchange sessions a range holds: the second fact beside IBKR's own word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pandas as pd

from include.calendars import exchange_calendar
from include.timeframes import timeframe_length

#: A bar of a session that ended so recently may still come.
_SETTLES_IN = timedelta(days=2)


@dataclass(frozen=True)
class Session:
    """One trading day; ``label`` is midnight UTC of its date, ``opens`` and ``closes`` are UTC."""

    label: datetime
    opens: datetime
    closes: datetime


class Sessions:
    """Sessions of a calendar, as bars of one timeframe see them.

    Parameters
    ----------
    calendar
        Name known to ``exchange_calendars``.
    timeframe
        Daily bars belong to a session by their date, others by their time.

    Raises
    ------
    ConfigurationError
        If there is no such calendar.
    """

    def __init__(self, calendar: str, timeframe: str) -> None:
        self._calendar = exchange_calendar(calendar)
        self._timeframe = timeframe

    def between(self, start: datetime, end: datetime) -> list[Session]:
        """Sessions whose bars may open in ``[start, end)``, oldest first."""
        opens, closes = self._calendar.opens, self._calendar.closes
        if self._timeframe == "1d":
            inside = (opens.index >= _naive(start)) & (opens.index < _naive(end))
        else:
            inside = ((opens < _utc(end)) & (closes > _utc(start))).to_numpy() & (start < end)
        return [
            Session(label.to_pydatetime(), opening.to_pydatetime(), closing.to_pydatetime())
            for label, opening, closing in zip(opens.index[inside].tz_localize(UTC), opens[inside], closes[inside], strict=True)
        ]

    def finished_until(self, now: datetime) -> datetime:
        """Bars that open before this moment are complete at ``now``."""
        if self._timeframe == "1d":
            today = now.replace(hour=0, minute=0, second=0, microsecond=0)
            near = self.between(today - timedelta(days=2), now + timedelta(days=4))
            return min(next((session.label for session in near if session.closes > now), today), today + timedelta(days=1))
        earlier = now - timeframe_length(self._timeframe)
        return earlier.replace(second=0, microsecond=0) if self.between(earlier, now) else now

    def begin_of(self, session: Session) -> datetime:
        """No bar of a session opens before this moment; a bar on the round hour may open before its session."""
        return session.label if self._timeframe == "1d" else session.opens - timeframe_length(self._timeframe)

    def without_bars(self, sessions: list[Session], times: list[datetime]) -> list[Session]:
        """Those of ``sessions`` in which no bar of ``times`` opens."""
        if self._timeframe == "1d":
            held = set(times)
            return [session for session in sessions if session.label not in held]
        return [session for session in sessions if not any(self.begin_of(session) < time < session.closes for time in times)]


def may_still_come(session: Session, now: datetime) -> bool:
    """Whether the session ended too recently to call its bars missing."""
    return now - session.closes < _SETTLES_IN


def _naive(moment: datetime) -> pd.Timestamp:
    return pd.Timestamp(moment).tz_convert("UTC").tz_localize(None)


def _utc(moment: datetime) -> pd.Timestamp:
    return pd.Timestamp(moment).tz_convert("UTC")
