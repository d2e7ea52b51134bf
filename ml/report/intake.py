"""What came in: the bars of a universe as the lake holds them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from include.errors import LakeError
from include.lake import Lake
from include.landing import Adjustment
from include.publish import list_months, read_month
from include.universes import Instrument, Universe

_COLUMNS = ["symbol", "timestamp", "open", "high", "low", "volume", "source", "adjustment", "as_of", "flags"]
_SCALES = {
    Adjustment.RAW: "as traded",
    Adjustment.SPLIT: "split-adjusted",
    Adjustment.SPLIT_AND_DIVIDEND: "split- and dividend-adjusted",
    Adjustment.NONE: "nothing to adjust",
}


@dataclass
class SymbolBars:
    """The bars of one instrument; times are UTC. ``changed`` counts the rows in the months that the run changed."""

    instrument: Instrument
    rows: int = 0
    changed: int = 0
    close_only: int = 0
    without_volume: int = 0
    flagged: int = 0
    first: datetime | None = None
    last: datetime | None = None
    as_of: datetime | None = None
    sources: set[str] = field(default_factory=set)
    scales: set[str] = field(default_factory=set)

    def add(self, rows: pd.DataFrame, *, changed: bool) -> None:
        """Count the rows of one month."""
        self.rows += len(rows)
        self.changed += len(rows) if changed else 0
        self.close_only += int(rows[["open", "high", "low"]].isna().any(axis=1).sum())
        self.without_volume += int(rows["volume"].isna().sum())
        self.flagged += int(rows["flags"].notna().sum())
        first, last, as_of = rows["timestamp"].min(), rows["timestamp"].max(), rows["as_of"].max()
        self.first = min(self.first or first, first)
        self.last = max(self.last or last, last)
        self.as_of = max(self.as_of or as_of, as_of)
        self.sources.update(rows["source"].unique())
        self.scales.update(_SCALES.get(name, name) for name in rows["adjustment"].unique())

    @property
    def remarks(self) -> list[str]:
        """What a reader should know about these rows."""
        remarks = []
        if self.close_only:
            remarks.append("closes only" if self.close_only == self.rows else f"{self.close_only} rows without open, high or low")
        if self.without_volume and self.instrument.trades_volume:
            remarks.append(f"{self.without_volume} rows without volume")
        if self.flagged:
            remarks.append(f"{self.flagged} rows with a warning")
        return remarks


@dataclass(frozen=True)
class Intake:
    """Bars of each instrument of the universe, in its order; ``others`` are symbols of the lake that are not in it."""

    symbols: list[SymbolBars]
    others: list[str]

    @property
    def present(self) -> list[SymbolBars]:
        """Instruments that have bars."""
        return [symbol for symbol in self.symbols if symbol.rows]

    @property
    def sources(self) -> list[str]:
        """Where the bars came from."""
        return sorted({source for symbol in self.symbols for source in symbol.sources})

    @property
    def rows(self) -> int:
        """Bars of all instruments."""
        return sum(symbol.rows for symbol in self.symbols)

    @property
    def changed(self) -> int:
        """Bars in the months that the run changed."""
        return sum(symbol.changed for symbol in self.symbols)


def read_intake(lake: Lake, universe: Universe, timeframe: str, changed: set[str]) -> Intake:
    """Go through all months of bars, one at a time.

    Raises
    ------
    LakeError
        If there is no bar of the universe, or a month is damaged.
    """
    found = {instrument.symbol: SymbolBars(instrument) for instrument in universe.instruments}
    others: set[str] = set()
    dataset = lake.bars(timeframe)
    for month in list_months(lake, dataset):
        table = read_month(lake, dataset, month, _COLUMNS)
        if table is None:
            continue
        for symbol, rows in table.to_pandas().groupby("symbol", sort=False):
            if symbol in found:
                found[str(symbol)].add(rows, changed=month in changed)
            else:
                others.add(str(symbol))
    intake = Intake(list(found.values()), sorted(others))
    if not intake.rows:
        raise LakeError(
            f"{lake.url} holds no {timeframe} bars of universe {universe.name!r}: there is nothing to report; run backfill_market"
        )
    return intake
