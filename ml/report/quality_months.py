"""One symbol month by month: how many bars its exchange's calendar promises, and which are missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from include.completeness import Gap, compare, opens_by_the_clock
from include.holds import NOT_FETCHED, Hold
from include.landing import Interval, missing_intervals
from include.months import month_end, month_start
from include.quality import Quality
from include.sessions import place
from include.universes import Instrument


@dataclass(frozen=True)
class Answered:
    """What a source answered about one symbol: openings of its ``rows``, and the time that was ``asked`` for.

    ``empty`` is the time for which it said that it has nothing; it is no part of ``asked``.
    """

    source: str
    rows: pd.DatetimeIndex
    asked: list[Interval]
    empty: list[Interval] = field(default_factory=list)


@dataclass(frozen=True)
class Came:
    """Openings of one symbol's rows (UTC, rising) by what became of them.

    ``held`` ones passed the rules and are held back with their symbol, ``older`` ones are bars of an earlier check that serve meanwhile.
    """

    bars: pd.DatetimeIndex
    refused: pd.DatetimeIndex
    held: pd.DatetimeIndex
    older: pd.DatetimeIndex


@dataclass
class MonthQuality:
    """One symbol in one month.

    Of the ``expected`` bars some are ``missing``: no row came, or (``turned_away``) it came and was refused; those that a known
    ``outage`` explains are not missing, and ``waiting`` ones came and are held back with their symbol, no older bar being there. Where
    a symbol is held back, what is missing is told of the rows that were held back, not of the older bars. ``unheld`` bars were asked for
    too, but every source says that it has none; they are not expected. ``too_many``: so many are
    missing that the month alone would be held back, or what holds the symbol back lies here.

    ``fetched`` rows are those of the source whose bars these are or would be: ``kept`` ones broke no rule, ``refused`` ones did.
    ``held_rows`` of the kept ones are no bars, since the newest check of their source held the symbol back (``held``); ``older`` bars
    of an earlier check serve there meanwhile.
    """

    expected: int = 0
    missing: int = 0
    turned_away: int = 0
    outage: int = 0
    waiting: int = 0
    unheld: int = 0
    too_many: bool = False
    fetched: int = 0
    kept: int = 0
    refused: int = 0
    held_rows: int = 0
    older: int = 0
    held: bool = False


@dataclass
class SymbolQuality:
    """One instrument in all months that were asked for.

    ``gaps`` are its missing bars, ``unheld`` the parts of its exchange's calendar of which every source says that it has nothing.
    ``longest`` is the most missing bars in a row, ``off_calendar`` are bars of times at which the exchange was closed,
    ``refused_off_calendar`` counts refused rows of such times, ``unchecked`` rows that landed and were not checked yet.
    ``outside``: the universe does not name it.
    """

    instrument: Instrument
    months: dict[str, MonthQuality] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    unheld: list[Gap] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    longest: int = 0
    off_calendar: list[datetime] = field(default_factory=list)
    refused_off_calendar: int = 0
    unchecked: int = 0
    outside: bool = False

    @property
    def symbol(self) -> str:
        """Its name."""
        return self.instrument.symbol

    def month(self, key: str) -> MonthQuality:
        """The month, made where it is new."""
        return self.months.setdefault(key, MonthQuality())

    def total(self, count: str) -> int:
        """Sum of a count over all months."""
        return sum(getattr(month, count) for month in self.months.values())

    @property
    def notable(self) -> list[tuple[str, MonthQuality]]:
        """Months that are not complete, or of which rows were refused."""
        return sorted(
            (key, month) for key, month in self.months.items() if month.missing or month.outage or month.refused or month.too_many
        )

    @property
    def adds_up(self) -> bool:
        """Whether each checked row was kept or is in quarantine."""
        return all(month.fetched == month.kept + month.refused for month in self.months.values())


def find_missing(found: SymbolQuality, came: Came, timeframe: str, answered: Sequence[Answered], quality: Quality, universe: str) -> None:
    """Count month by month the bars that there should be, and those that are missing; collect the gaps.

    Should be there what a source was asked for and did not say that it has nothing, also where it could not be asked.

    Parameters
    ----------
    quality
        Holds the outages that are known and the thresholds of ``universe``.
    """
    calendar, times = found.instrument.calendar, came.bars.union(came.held)
    asked = _joined([*(part for answer in answered for part in answer.asked), *_not_fetched(found.holds)])
    placed = place(calendar, timeframe, times)
    by_clock = opens_by_the_clock(placed)
    promised = compare(found.instrument, timeframe, asked, placed, came.refused, quality.crypto_outages, by_clock=by_clock)
    thresholds = quality.of(universe)
    for key, counts in promised.by_month():
        month = found.month(key)
        month.expected, month.missing, month.turned_away, month.outage = counts.expected, counts.missing, counts.refused, counts.outage
        month.too_many = counts.missing > thresholds.missing_allowed(counts.expected)
    found.gaps, found.longest = promised.gaps(), promised.longest
    nothing = [part for whole in _joined(part for answer in answered for part in answer.empty) for part in missing_intervals(whole, asked)]
    unheld = compare(found.instrument, timeframe, nothing, placed[:0], came.refused[:0], (), by_clock=by_clock)
    found.unheld = unheld.gaps()
    for key, counts in unheld.by_month():
        found.month(key).unheld = counts.missing
    slots = placed["slot_by_clock" if by_clock else "slot_from_open"]
    bars = times.isin(came.bars)
    for key, waiting in promised.months_of(slots[~bars & ~times.isin(came.older)].to_numpy("datetime64[us]")).items():
        found.month(key).waiting = waiting
    found.off_calendar = list(times[bars & (placed["off_calendar"] == 1).to_numpy()])
    found.refused_off_calendar = int(place(calendar, timeframe, came.refused)["off_calendar"].sum())


def _not_fetched(holds: Iterable[Hold]) -> list[Interval]:
    return [(month_start(month), month_end(month)) for hold in holds if hold.cause.rule == NOT_FETCHED for month in hold.months]


def _joined(intervals: Iterable[Interval]) -> list[Interval]:
    """The same time as intervals that rise and do not overlap."""
    joined: list[Interval] = []
    for start, end in sorted(intervals):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined
