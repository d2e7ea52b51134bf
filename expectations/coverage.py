"""Collect, piece by piece of time, which of the bars of one symbol that should be there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from expectations.request import SymbolCoverage
from include.completeness import Gap, MonthCount, compare, gap_words, opens_by_the_clock
from include.landing import Interval
from include.quality import Outage
from include.sessions import expected_openings
from include.universes import Instrument

_SHOWN = 50


@dataclass
class Coverage:
    """One symbol in the time for which its source was asked and did not say "nothing", while it was listed.

    ``months`` counts the bars of each month that should be there and those that are missing. ``moved`` counts sessions without
    a bar that have one on a weekday beside them on which the exchange was said to be closed. ``before`` and ``after`` count the
    openings of its calendar before its first bar and after its last one, whoever is to blame.
    """

    instrument: Instrument
    timeframe: str
    outages: Sequence[Outage]
    months: dict[str, MonthCount] = field(default_factory=dict)
    moved: int = 0
    before: int = 0
    after: int = 0
    first: datetime | None = None
    last: datetime | None = None
    gaps: list[Gap] = field(default_factory=list)
    outage_gaps: list[Gap] = field(default_factory=list)
    _by_clock: bool = False
    _gap_is_open: bool = False

    def add(
        self,
        start: datetime,
        end: datetime,
        kept: pd.DataFrame,
        refused: pd.DatetimeIndex,
        fetched: pd.DatetimeIndex,
        asked: Iterable[Interval],
    ) -> None:
        """Count one piece of time; pieces are whole months, come in order and follow one another.

        Parameters
        ----------
        kept
            Kept rows of the piece, with their place in the calendar.
        refused
            Openings of the refused rows of the piece.
        fetched
            Openings of all rows of the piece and of the time before it.
        asked
            Intervals for which the source gave an answer and did not say that there is nothing.
        """
        if len(kept) and self.timeframe != "1d":
            self._by_clock = opens_by_the_clock(kept)
        self._note_ends(start, end, fetched)
        promised = compare(self.instrument, self.timeframe, asked, kept, refused, self.outages, by_clock=self._by_clock)
        self.moved += promised.moved
        self.months |= dict(promised.by_month())
        for gap in promised.gaps():
            if gap.name:
                self.outage_gaps.append(gap)
            else:
                self._add(gap, promised.openings)
        if len(promised.openings):
            self._gap_is_open = bool(promised.missing[-1])

    @property
    def all(self) -> MonthCount:
        """Bars of all months."""
        counts = [(of.expected, of.missing, of.refused, of.outage) for of in self.months.values()]
        return MonthCount(*(sum(numbers) for numbers in zip(*counts, strict=True))) if counts else MonthCount(0, 0, 0, 0)

    def words(self, *, refused: bool, most: int = 5, month: str | None = None) -> str:
        """The first gaps, or those that touch a month, for people: where no row came, or where it was refused."""
        gaps = [gap for gap in self.gaps if gap.refused == refused]
        if month is not None:
            gaps = [gap for gap in gaps if f"{gap.first:%Y-%m}" <= month <= f"{gap.last:%Y-%m}"]
        shown = "; ".join(gap_words(gap, self.timeframe) for gap in gaps[:most])
        return shown + (f"; and {len(gaps) - most} more gaps" if len(gaps) > most else "")

    def told(self) -> SymbolCoverage:
        """The same for the summary."""
        outages = "; ".join(gap_words(gap, self.timeframe) for gap in self.outage_gaps)
        unit = "sessions" if self.timeframe == "1d" else f"bars of {self.timeframe}"
        begins = f"{self.first:%Y-%m-%d}, {self.before} {unit} after the time asked for" if self.first and self.before else ""
        ends = f"{self.last:%Y-%m-%d}, {self.after} {unit} before the time asked for ends" if self.last and self.after else ""
        gaps, refused_gaps = (self.words(refused=refused, most=_SHOWN) for refused in (False, True))
        counts = self.all
        return SymbolCoverage(counts.expected, counts.missing, counts.refused, self.moved, gaps, refused_gaps, outages, begins, ends)

    def _note_ends(self, start: datetime, end: datetime, fetched: pd.DatetimeIndex) -> None:
        calendar = expected_openings(self.instrument.calendar, self.timeframe, start, end, from_open=not self._by_clock)
        if not len(fetched):
            self.before += len(calendar)
            return
        if self.first is None:
            self.first = fetched.min().to_pydatetime()
            self.before += int((calendar < _opening(self.first, self.timeframe)).sum())
        self.last = fetched.max().to_pydatetime()
        later = int((calendar > _opening(self.last, self.timeframe)).sum())
        self.after = later if self.last >= start else self.after + later

    def _add(self, gap: Gap, openings: np.ndarray) -> None:
        """Keep a gap, as one with that of the piece before where they touch."""
        if self._gap_is_open and _opening(gap.first) == openings[0] and gap.refused == self.gaps[-1].refused:
            self.gaps[-1].last = gap.last
            self.gaps[-1].bars += gap.bars
        else:
            self.gaps.append(gap)


def _opening(moment: datetime, timeframe: str = "") -> np.datetime64:
    opening = np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")
    return opening.astype("datetime64[D]").astype("datetime64[us]") if timeframe == "1d" else opening
