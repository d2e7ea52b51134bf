"""Which bars of an instrument there should be in the time that was asked for, and which of them are missing.

A bar should be there where its exchange's calendar promises it, the instrument was listed, and the source was asked and did not say
that it has nothing (:meth:`include.landing.SymbolLanding.read`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from include.landing import Interval, missing_intervals
from include.months import as_utc
from include.quality import Outage
from include.sessions import ALWAYS, expected_openings, place, stands_in
from include.universes import Instrument, Kind


@dataclass
class Gap:
    """Missing bars that follow one another: openings of the first and the last (UTC), and how many.

    ``name`` is that of the known outage, if any; ``refused``: their rows came and broke a rule, else none came.
    """

    first: datetime
    last: datetime
    bars: int
    name: str = ""
    refused: bool = False


@dataclass(frozen=True)
class MonthCount:
    """Bars of one month: how many should be there, are ``missing``, are missing since their rows were ``refused``, fell into an outage."""

    expected: int
    missing: int
    refused: int
    outage: int


@dataclass(frozen=True)
class Promised:
    """Openings of the bars that should be there (``datetime64[us]``, UTC, rising).

    ``lacking`` marks those that are not, but for ``moved`` sessions, which have a bar on a day beside theirs; ``refused`` those of
    them for which a row came and was refused. ``outage`` names the known outage of a market that never closes (else an empty
    string): those bars are not missing.
    """

    openings: np.ndarray
    lacking: np.ndarray
    refused: np.ndarray
    outage: np.ndarray
    moved: int

    @property
    def missing(self) -> np.ndarray:
        """Which bars are missing: they lack, and no known outage explains it."""
        unexplained: np.ndarray = self.lacking & (self.outage == "")
        return unexplained

    def by_month(self) -> Iterator[tuple[str, MonthCount]]:
        """Each month with its counts."""
        months, places = np.unique(self.openings.astype("datetime64[M]"), return_inverse=True)
        marks = (None, self.missing, self.missing & self.refused, self.lacking & ~self.missing)
        counts = np.array([np.bincount(places, weights, len(months)) for weights in marks], np.int64)
        for month, *numbers in zip(months, *counts.tolist(), strict=True):
            yield str(month), MonthCount(*numbers)

    def months_of(self, openings: np.ndarray) -> dict[str, int]:
        """How many of some openings are promised, by month."""
        held = np.intersect1d(openings, self.openings).astype("datetime64[M]")
        months, counts = np.unique(held, return_counts=True)
        return dict(zip(months.astype(str).tolist(), counts.tolist(), strict=True))

    @property
    def longest(self) -> int:
        """The most missing bars in a row."""
        edges = np.flatnonzero(np.diff(self.missing.astype(np.int8), prepend=0, append=0))
        return int((edges[1::2] - edges[::2]).max(initial=0))

    def gaps(self) -> list[Gap]:
        """Runs of lacking bars; one cause (an outage, refused rows, or neither) to a gap."""
        places = np.flatnonzero(self.lacking)
        if not len(places):
            return []
        names, refused = self.outage[places], self.refused[places]
        breaks = (np.diff(places) > 1) | (names[1:] != names[:-1]) | (refused[1:] != refused[:-1])
        runs = np.split(places, np.flatnonzero(breaks) + 1)
        return [
            Gap(
                _moment(self.openings[run[0]]),
                _moment(self.openings[run[-1]]),
                len(run),
                str(self.outage[run[0]]),
                bool(self.refused[run[0]]),
            )
            for run in runs
        ]


def opens_by_the_clock(placed: pd.DataFrame) -> bool:
    """Whether intraday bars (placed by :func:`include.sessions.place`) open at round hours, not counted from the session's open."""
    return bool((placed["by_clock"] == 0).sum() > (placed["from_open"] == 0).sum())


def compare(
    instrument: Instrument,
    timeframe: str,
    asked: Iterable[Interval],
    placed: pd.DataFrame,
    refused: pd.DatetimeIndex,
    outages: Sequence[Outage],
    *,
    by_clock: bool,
) -> Promised:
    """Compare bars with what should be there.

    Parameters
    ----------
    asked
        Half-open UTC intervals, rising, for which there is an answer that does not say that there is nothing.
    placed
        The bars of that time, as :func:`include.sessions.place` places them.
    refused
        Openings (UTC) of the rows of that time that came and were refused.
    outages
        Known times without trading of crypto.
    """
    calendar = instrument.calendar
    parts = [expected_openings(calendar, timeframe, start, end, from_open=not by_clock) for start, end in _while_listed(instrument, asked)]
    openings = np.concatenate([np.array([], "datetime64[us]"), *parts])
    slot = "slot_by_clock" if by_clock else "slot_from_open"
    lacking = ~np.isin(openings, placed[slot].to_numpy("datetime64[us]"))
    moved = 0
    if timeframe == "1d" and calendar != ALWAYS and lacking.any():
        elsewhere = stands_in(openings, lacking, placed.loc[placed["off_calendar"] == 1, "slot_from_open"].to_numpy("datetime64[us]"))
        lacking &= ~elsewhere
        moved = int(elsewhere.sum())
    names = np.full(len(openings), "", object)
    if instrument.kind is Kind.CRYPTO:
        for outage in outages:
            start, end = (np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us") for moment in outage.interval)
            names[lacking & (openings >= start) & (openings < end)] = outage.name
    came = np.zeros(len(openings), bool)
    if len(refused) and lacking.any():
        came = lacking & np.isin(openings, place(calendar, timeframe, refused)[slot].to_numpy("datetime64[us]"))
    return Promised(openings, lacking, came, names, moved)


def asked_for(covered: Iterable[Interval], empty: Iterable[Interval], start: datetime, end: datetime) -> list[Interval]:
    """The parts of a time for which there is an answer that does not say that there is nothing."""
    return missing_intervals((start, end), [*missing_intervals((start, end), covered), *empty])


def gap_words(gap: Gap, timeframe: str) -> str:
    """One gap as its dates or times, and how many bars where it is not one."""
    form = "%Y-%m-%d" if timeframe == "1d" else "%Y-%m-%d %H:%M"
    span = f"{gap.first:{form}}" if gap.bars == 1 else f"{gap.first:{form}} to {gap.last:{form}} ({gap.bars})"
    return f"{span}, {gap.name}" if gap.name else span


def _while_listed(instrument: Instrument, asked: Iterable[Interval]) -> Iterator[Interval]:
    for start, end in asked:
        low = start if instrument.listed is None else max(start, as_utc(instrument.listed))
        high = end if instrument.delisted is None else min(end, as_utc(instrument.delisted) + timedelta(days=1))
        if low < high:
            yield low, high


def _moment(time: np.datetime64) -> datetime:
    return pd.Timestamp(time).to_pydatetime().replace(tzinfo=UTC)
