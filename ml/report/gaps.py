"""Gaps: the sessions of an instrument's exchange on which the lake holds no bar of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

import pandas as pd

from include.calendars import exchange_calendar, regular_sessions
from include.special_sessions import evening_sessions
from ml.report.intake import SymbolBars


@dataclass(frozen=True)
class YearGaps:
    """One year: sessions of the exchange between the first and the last bar, and the dates among them without a bar."""

    year: int
    sessions: int
    missing: tuple[pd.Timestamp, ...]

    @property
    def share(self) -> float:
        """Missing sessions as a share of all, 0 to 1."""
        return len(self.missing) / self.sessions if self.sessions else 0.0


@dataclass(frozen=True)
class SymbolGaps:
    """One instrument against its exchange's calendar, between its first and its last bar.

    ``refused`` counts the missing sessions for which a row came and was refused. ``off_session`` are dates with a bar on which
    the exchange was closed, ``refused_off_session`` counts refused rows of such dates.
    """

    symbol: str
    calendar: str
    years: dict[int, YearGaps]
    refused: int
    off_session: tuple[pd.Timestamp, ...]
    refused_off_session: int

    @property
    def sessions(self) -> int:
        """Sessions that should have a bar."""
        return sum(year.sessions for year in self.years.values())

    @property
    def missing(self) -> int:
        """Sessions without a bar."""
        return sum(len(year.missing) for year in self.years.values())

    @property
    def longest(self) -> int:
        """The most missing sessions in a row."""
        dates = [date for year in self.years.values() for date in year.missing]
        if not dates:
            return 0
        sessions = pd.DatetimeIndex(regular_sessions(self.calendar))
        places = pd.Series(sessions.get_indexer(pd.DatetimeIndex(dates)))
        return int(places.groupby((places.diff() != 1).cumsum()).size().max())


def find_gaps(symbol: SymbolBars, timeframe: str, refused: pd.DatetimeIndex | None) -> SymbolGaps:
    """Compare the bars with the calendar; a session counts as there when it has any bar.

    Parameters
    ----------
    refused
        Openings of the symbol's refused rows, UTC; None where there are none.
    """
    calendar = exchange_calendar(symbol.instrument.calendar)
    sessions = pd.DatetimeIndex(regular_sessions(symbol.instrument.calendar))
    known_sessions = sessions.union(pd.DatetimeIndex(evening_sessions(symbol.instrument.calendar)))
    held = _dates(symbol.timestamps, timeframe, calendar.tz).unique()
    turned_away = _dates(refused, timeframe, calendar.tz).unique() if refused is not None else held[:0]
    within = sessions[(sessions >= held.min()) & (sessions <= held.max())]
    missing = within.difference(held)
    years = {
        year: YearGaps(year, int((within.year == year).sum()), tuple(missing[missing.year == year]))
        for year in sorted({int(year) for year in within.year})
    }
    known = held[(held >= sessions[0]) & (held <= sessions[-1])]
    return SymbolGaps(
        symbol.instrument.symbol,
        symbol.instrument.calendar,
        years,
        refused=len(missing.intersection(turned_away)),
        off_session=tuple(known.difference(known_sessions)),
        refused_off_session=len(turned_away.difference(known_sessions)),
    )


def _dates(times: pd.DatetimeIndex, timeframe: str, zone: tzinfo) -> pd.DatetimeIndex:
    """Dates of the sessions that the bars belong to, without a zone."""
    local = times if timeframe == "1d" else times.tz_convert(zone)
    return local.tz_localize(None).normalize()
