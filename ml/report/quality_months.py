"""One symbol month by month: how many bars its exchange's calendar promises, and which are missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from include.completeness import Gap, compare, opens_by_the_clock
from include.holds import NOT_FETCHED, Hold
from include.landing import Interval
from include.months import month_end, month_start
from include.quality import Quality
from include.sessions import place
from include.universes import Instrument


@dataclass(frozen=True)
class Answered:
    """What a source answered about one symbol: ``rows`` by month, and the time for which it did not say that there is nothing."""

    source: str
    rows: Mapping[str, int]
    asked: list[Interval]


@dataclass
class MonthQuality:
    """Rows of one symbol in one month. ``missing`` bars leave out those that a known ``outage`` explains.

    ``too_many``: so many are missing that the month alone would be held back. ``kept`` and ``refused`` are rows of the lake, ``fetched``
    what their source sent for the month; ``held``: the newest check of the month let nothing through.
    """

    expected: int = 0
    missing: int = 0
    too_many: bool = False
    outage: int = 0
    kept: int = 0
    refused: int = 0
    fetched: int = 0
    held: bool = False


@dataclass
class SymbolQuality:
    """One instrument in all months that were asked for.

    ``waiting`` counts rows that landed and were not checked yet, ``held_rows`` those held back.
    """

    instrument: Instrument
    months: dict[str, MonthQuality] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    held_rows: int = 0
    waiting: int = 0

    @property
    def symbol(self) -> str:
        """Its name."""
        return self.instrument.symbol

    def month(self, key: str) -> MonthQuality:
        """The month, made where it is new."""
        return self.months.setdefault(key, MonthQuality())

    def total(self, count: str) -> int:
        """Sum of a count over all months; rows (kept, refused, fetched) of those that are held back are counted apart."""
        rows = count in {"kept", "refused", "fetched"}
        return sum(getattr(month, count) for month in self.months.values() if not (rows and month.held))

    @property
    def adds_up(self) -> bool:
        """Whether each checked row is a bar or in quarantine."""
        return self.total("fetched") == self.total("kept") + self.total("refused")


def find_missing(
    found: SymbolQuality, times: pd.DatetimeIndex, timeframe: str, answered: Sequence[Answered], quality: Quality, universe: str
) -> None:
    """Count month by month the bars that there should be, and those that are missing; collect the gaps.

    Should be there what a source was asked for and did not say that it has nothing, also where it could not be asked.

    Parameters
    ----------
    times
        Openings of the bars (UTC, rising).
    quality
        Holds the outages that are known and the thresholds of ``universe``.
    """
    asked = _joined([*(part for answer in answered for part in answer.asked), *_not_fetched(found.holds)])
    placed = place(found.instrument.calendar, timeframe, times)
    by_clock = opens_by_the_clock(placed)
    promised = compare(found.instrument, timeframe, asked, placed, quality.crypto_outages, by_clock=by_clock)
    thresholds = quality.of(universe)
    for key, expected, missing, outage in promised.by_month():
        month = found.month(key)
        month.expected, month.missing, month.outage = expected, missing, outage
        month.too_many = missing > thresholds.missing_allowed(expected)
    found.gaps = promised.gaps()


def _not_fetched(holds: Iterable[Hold]) -> list[Interval]:
    return [(month_start(month), month_end(month)) for hold in holds if hold.rule == NOT_FETCHED for month in hold.months]


def _joined(intervals: Iterable[Interval]) -> list[Interval]:
    """The same time as intervals that rise and do not overlap."""
    joined: list[Interval] = []
    for start, end in sorted(intervals):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined
