"""One symbol month by month: how many bars its exchange's calendar promises, and which are missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from include.holds import Hold
from include.quality import Quality
from include.sessions import ALWAYS, expected_openings, place, stands_in
from include.universes import Instrument, Kind


@dataclass(frozen=True)
class Gap:
    """Missing bars that follow one another: openings of the first and the last (UTC), how many, and the known outage's name if any."""

    first: datetime
    last: datetime
    bars: int
    name: str = ""


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
    """One instrument in all months. ``waiting`` counts rows that landed and were not checked yet, ``held_rows`` those held back."""

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
        """Sum of a count over the months that are not held back."""
        return sum(getattr(month, count) for month in self.months.values() if not month.held)

    @property
    def adds_up(self) -> bool:
        """Whether each checked row is a bar or in quarantine."""
        return self.total("fetched") == self.total("kept") + self.total("refused")


def find_missing(found: SymbolQuality, times: pd.DatetimeIndex, timeframe: str, quality: Quality, universe: str) -> None:
    """Count expected and missing bars between the first and the last of ``times`` (openings, UTC, rising), and collect the gaps.

    ``quality`` holds the outages that are known and the thresholds of ``universe``.
    """
    if not len(times):
        return
    calendar = found.instrument.calendar
    placed = place(calendar, timeframe, times)
    by_clock = bool((placed["by_clock"] == 0).sum() > (placed["from_open"] == 0).sum())
    after = (times[-1] + pd.Timedelta(microseconds=1)).to_pydatetime()
    expected = expected_openings(calendar, timeframe, times[0].to_pydatetime(), after, from_open=not by_clock)
    lacking = ~np.isin(expected, placed["slot_by_clock" if by_clock else "slot_from_open"].to_numpy("datetime64[us]"))
    if timeframe == "1d" and calendar != ALWAYS:
        odd = placed.loc[placed["off_calendar"] == 1, "slot_from_open"].to_numpy("datetime64[us]")
        lacking &= ~stands_in(expected, lacking, odd)
    names = np.full(len(expected), "", object)
    if found.instrument.kind is Kind.CRYPTO:
        for outage in quality.crypto_outages:
            start, end = (np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us") for moment in outage.interval)
            names[lacking & (expected >= start) & (expected < end)] = outage.name
    months = expected.astype("datetime64[M]").astype(str)
    explained, thresholds = names != "", quality.of(universe)
    for key in np.unique(months):
        inside, month = months == key, found.month(str(key))
        month.expected = int(inside.sum())
        month.missing, month.outage = int((lacking & inside & ~explained).sum()), int((explained & inside).sum())
        month.too_many = month.missing > thresholds.missing_allowed(month.expected)
    found.gaps = _gaps(expected, lacking, names)


def _gaps(expected: np.ndarray, lacking: np.ndarray, names: np.ndarray) -> list[Gap]:
    places = np.flatnonzero(lacking)
    if not len(places):
        return []
    breaks = (np.diff(places) > 1) | (names[places][1:] != names[places][:-1])
    runs = np.split(places, np.flatnonzero(breaks) + 1)
    return [Gap(_moment(expected[run[0]]), _moment(expected[run[-1]]), len(run), str(names[run[0]])) for run in runs]


def _moment(time: np.datetime64) -> datetime:
    return pd.Timestamp(time).to_pydatetime().replace(tzinfo=UTC)
