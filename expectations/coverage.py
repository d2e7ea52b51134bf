"""Collect, piece by piece of time, which expected bars of one symbol there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from expectations.request import SymbolCoverage
from include.landing import Interval, missing_intervals
from include.quality import Outage
from include.sessions import ALWAYS, expected_openings, stands_in
from include.universes import Instrument, Kind

_SHOWN = 50
_NONE = np.array([], "datetime64[us]")


@dataclass
class Gap:
    """Bars that follow one another and are missing: the first and the last opening (UTC), how many, and the outage's name if any."""

    first: datetime
    last: datetime
    bars: int
    name: str = ""


@dataclass
class Coverage:
    """One symbol, from its first bar to the end of the month of its last, where its source was asked and did not say "nothing".

    ``moved`` counts sessions without a bar that have one on a weekday beside them on which the exchange was said to be closed.
    ``before`` and ``after`` count the openings of its calendar before its first bar and after the month of its last one: there the
    source has nothing, which may be a listing, a delisting, or a file that ends too early.
    """

    instrument: Instrument
    timeframe: str
    outages: Sequence[Outage]
    expected: int = 0
    missing: int = 0
    moved: int = 0
    before: int = 0
    after: int = 0
    first: datetime | None = None
    last: datetime | None = None
    gaps: list[Gap] = field(default_factory=list)
    outage_gaps: list[Gap] = field(default_factory=list)
    _seen: bool = False
    _waiting: np.ndarray = field(default_factory=lambda: _NONE)
    _gap_is_open: bool = False

    def add(self, start: datetime, end: datetime, kept: pd.DataFrame, fetched: pd.DatetimeIndex, asked: Iterable[Interval]) -> None:
        """Count one piece of time; pieces come in order and follow one another.

        Parameters
        ----------
        kept
            Kept rows of the piece, with their place in the calendar.
        fetched
            Openings of all rows of the piece and of the time before it. What was expected after the last of them counts when a
            later one comes.
        asked
            Intervals for which the source gave an answer with rows.
        """
        by_clock = bool((kept["by_clock"] == 0).sum() > (kept["from_open"] == 0).sum())
        expected = expected_openings(self.instrument.calendar, self.timeframe, start, end, from_open=not by_clock)
        self._note_ends(expected, start, fetched)
        expected = expected[_inside(expected, asked)]
        if not self._seen:
            expected = expected[expected >= _first(fetched, self.timeframe)] if len(fetched) else expected[:0]
        self._seen |= len(fetched) > 0
        expected = np.concatenate([self._waiting, expected])
        if not len(fetched) or fetched.max() < start:
            self._waiting = expected
            return
        counting = expected < _end_of_month(fetched)
        expected, self._waiting = expected[counting], expected[~counting]
        lacking = ~np.isin(expected, kept["slot_by_clock" if by_clock else "slot_from_open"].to_numpy("datetime64[us]"))
        if self.timeframe == "1d" and self.instrument.calendar != ALWAYS:
            moved = stands_in(expected, lacking, kept.loc[kept["off_calendar"] == 1, "slot_from_open"].to_numpy("datetime64[us]"))
            lacking &= ~moved
            self.moved += int(moved.sum())
        if self.instrument.kind is Kind.CRYPTO:
            for outage in self.outages:
                self._name_outage(expected, lacking, outage)
        self._add_gaps(expected, lacking)
        self.expected += len(expected)
        self.missing += int(lacking.sum())

    @property
    def share(self) -> float:
        """Missing bars as a share of the expected ones, 0 to 1."""
        return self.missing / self.expected if self.expected else 0.0

    def words(self, most: int = 5) -> str:
        """The first gaps, for people."""
        shown = "; ".join(gap_words(gap, self.timeframe) for gap in self.gaps[:most])
        return shown + (f"; and {len(self.gaps) - most} more gaps" if len(self.gaps) > most else "")

    def told(self) -> SymbolCoverage:
        """The same for the summary."""
        outages = "; ".join(gap_words(gap, self.timeframe) for gap in self.outage_gaps)
        return SymbolCoverage(self.expected, self.missing, self.moved, self.words(_SHOWN), outages, self.ends())

    def ends(self) -> str:
        """Where its bars begin late or end early, for people."""
        parts = []
        if self.first and self.before:
            parts.append(f"they begin on {self.first:%Y-%m-%d}, {self.before} sessions after the time asked for")
        if self.last and self.after:
            parts.append(f"they end on {self.last:%Y-%m-%d}, {self.after} sessions before it ends")
        return " and ".join(parts)

    def _note_ends(self, calendar: np.ndarray, start: datetime, fetched: pd.DatetimeIndex) -> None:
        if not len(fetched):
            self.before += len(calendar)
            return
        if self.first is None:
            self.first = fetched.min().to_pydatetime()
            self.before += int((calendar < _first(fetched, self.timeframe)).sum())
        self.last = fetched.max().to_pydatetime()
        self.after = int((calendar >= _end_of_month(fetched)).sum()) if self.last >= start else self.after + len(calendar)

    def _name_outage(self, expected: np.ndarray, lacking: np.ndarray, outage: Outage) -> None:
        within = lacking & _inside(expected, [outage.interval])
        if within.any():
            self.outage_gaps.append(Gap(_moment(expected[within][0]), _moment(expected[within][-1]), int(within.sum()), outage.name))
            lacking[within] = False

    def _add_gaps(self, expected: np.ndarray, lacking: np.ndarray) -> None:
        places = np.flatnonzero(lacking)
        for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if len(places) else []:
            gap = Gap(_moment(expected[run[0]]), _moment(expected[run[-1]]), len(run))
            if run[0] == 0 and self._gap_is_open:
                self.gaps[-1].last = gap.last
                self.gaps[-1].bars += gap.bars
            else:
                self.gaps.append(gap)
        if len(expected):
            self._gap_is_open = bool(lacking[-1])


def gap_words(gap: Gap, timeframe: str) -> str:
    """One gap as its dates or times, and how many bars where it is not one."""
    form = "%Y-%m-%d" if timeframe == "1d" else "%Y-%m-%d %H:%M"
    span = f"{gap.first:{form}}" if gap.bars == 1 else f"{gap.first:{form}} to {gap.last:{form}} ({gap.bars})"
    return f"{span}, {gap.name}" if gap.name else span


def asked_for(covered: Iterable[Interval], empty: Iterable[Interval], start: datetime, end: datetime) -> list[Interval]:
    """The parts of a time for which there is an answer that does not say that there is nothing."""
    return missing_intervals((start, end), [*missing_intervals((start, end), covered), *empty])


def _end_of_month(fetched: pd.DatetimeIndex) -> np.datetime64:
    end: np.datetime64 = (_utc(fetched.max()).astype("datetime64[M]") + 1).astype("datetime64[us]")
    return end


def _first(fetched: pd.DatetimeIndex, timeframe: str) -> np.datetime64:
    first = fetched.min()
    return _utc(first.normalize() if timeframe == "1d" else first)


def _inside(times: np.ndarray, intervals: Iterable[Interval]) -> np.ndarray:
    inside = np.zeros(len(times), bool)
    for start, end in intervals:
        inside |= (times >= _utc(start)) & (times < _utc(end))
    return inside


def _utc(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")


def _moment(time: np.datetime64) -> datetime:
    return pd.Timestamp(time).to_pydatetime().replace(tzinfo=UTC)
