"""Read what landed for some months, with what the rules need beside each row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from expectations.agreement import NOTHING, OtherSources
from expectations.bars import PRICES
from expectations.beside import LOOK_BACK, Facts
from expectations.coverage import Coverage
from expectations.request import CheckRequest
from expectations.splits import read_splits
from include.calendars import closed_at
from include.completeness import asked_for
from include.lake import Lake
from include.landing import Interval, SymbolLanding, is_within, missing_intervals
from include.months import month_end, month_start
from include.quality import Outage, Thresholds
from include.schemas import TIMESTAMP


@dataclass(frozen=True)
class Piece:
    """Rows of one symbol: those of the piece of time and those of the time before it, in the order of landing."""

    rows: pa.Table
    times: pd.DatetimeIndex
    """Openings of the rows, UTC."""
    superseded: int
    asked: list[Interval]


class Symbol:
    """One symbol of the request, read piece by piece."""

    def __init__(self, lake: Lake, request: CheckRequest, place_in_request: int, thresholds: Thresholds, outages: Sequence[Outage]) -> None:
        instrument = request.instruments[place_in_request]
        self.symbol, self._calendar, self._timeframe = instrument.symbol, instrument.calendar, request.timeframe
        self.facts = Facts(instrument, thresholds, read_splits(lake, instrument.symbol))
        self.coverage = Coverage(instrument, request.timeframe, outages)
        self._left_out = [(month_start(month), month_end(month)) for month in request.left_out.get(instrument.symbol, ())]
        self._landing = SymbolLanding(lake, request.source, request.timeframe, instrument.symbol)
        self._others = OtherSources(lake, request.source, request.timeframe, instrument.symbol, self.facts.splits)

    @property
    def answered(self) -> list[Interval]:
        """Intervals for which the source gave an answer, but for the months that are left out."""
        return [part for answer in self._landing.answers for part in missing_intervals((answer.start, answer.end), self._left_out)]

    def read(self, start: datetime, end: datetime) -> Piece:
        """Rows from :data:`expectations.beside.LOOK_BACK` before ``start``, with the time they were known."""
        landed = self._landing.read(start, end, look_back=LOOK_BACK.to_pytimedelta())
        rows = landed.rows
        for low, high in self._left_out:
            rows = rows.filter(pc.invert(is_within(rows, low, high)))
        times = pd.DatetimeIndex(rows["timestamp"].to_numpy().astype("datetime64[us]"), tz="UTC")
        known = closed_at(self._calendar, self._timeframe, times) if len(times) else times
        rows = rows.append_column("closed_at", pa.array(known, TIMESTAMP))
        return Piece(rows, times, landed.superseded, asked_for(self.answered, landed.empty, start, end))

    def others(self, bars: pd.DataFrame, start: datetime, end: datetime) -> pd.DataFrame:
        """Closes of another source for kept rows."""
        return self._others.closes(bars, start, end, self.facts.thresholds) if len(bars) else NOTHING


def joined(pieces: Iterable[Piece]) -> pa.Table:
    """All rows of some pieces; a source's "not a number" is a missing value, whatever wrote the file."""
    rows = pa.concat_tables([piece.rows for piece in pieces]).combine_chunks()
    for name in PRICES:
        values = rows[name]
        rows = rows.set_column(rows.column_names.index(name), name, pc.if_else(pc.is_nan(values), None, values))
    return rows
