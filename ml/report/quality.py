"""The quality page: how complete the bars are, what was refused or looks odd, and whether all rows that came are accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from include.completeness import asked_for
from include.holds import read_holds
from include.lake import Lake
from include.landing import SymbolLanding
from include.publish import list_months, read_month
from include.quality import load_quality
from include.schemas import BARS, QUARANTINE
from include.symbols import symbol_from_path
from include.universes import Universe, tell_assumed
from ml.report.quality_months import Answered, SymbolQuality, find_missing

_JUMPS = ("suspected_split", "split", "large_move")
_BAR_COLUMNS = ["symbol", "timestamp", "open", "close", "source", "flags"]


@dataclass(frozen=True)
class Jump:
    """A bar that begins far from the close ``before`` it; ``flag`` says as what, ``reached`` is its open (large move: its close)."""

    symbol: str
    timestamp: datetime
    flag: str
    before: float | None
    reached: float


@dataclass(frozen=True)
class QualityPage:
    """What the page tells.

    ``warnings`` holds the times of the bars by the warning they carry, most bars first, and by symbol; ``refused`` are the rows of
    the quarantine. ``assumed`` says by which calendars the lake's symbols were checked that no universe names, and so no page shows.
    """

    symbols: list[SymbolQuality]
    jumps: list[Jump]
    warnings: dict[str, dict[str, list[datetime]]]
    refused: list[dict[str, Any]]
    assumed: str = ""

    @property
    def years(self) -> dict[str, list[str]]:
        """The columns of the heat map: all months from the first to the last of any symbol, by year."""
        keys = sorted({month for symbol in self.symbols for month in symbol.months})
        months = [str(month) for month in pd.period_range(keys[0], keys[-1], freq="M")] if keys else []
        return {year: [month for month in months if month.startswith(year)] for year in dict.fromkeys(month[:4] for month in months)}

    def total(self, count: str) -> int:
        """Sum of a count over all symbols."""
        return sum(symbol.total(count) for symbol in self.symbols)

    @property
    def adds_up(self) -> bool:
        """Whether each checked row of each symbol is a bar or in quarantine."""
        return all(symbol.adds_up for symbol in self.symbols)


def read_quality_page(lake: Lake, universe: Universe, timeframe: str) -> QualityPage:
    """Go through the bars, the quarantine, the holds and the landed answers of a universe.

    Raises
    ------
    LakeError
        If a file is damaged.
    """
    bars = _rows(lake, lake.bars(timeframe), BARS, _BAR_COLUMNS, universe)
    refused = _rows(lake, lake.quarantine(timeframe), QUARANTINE, QUARANTINE.names, universe)
    bars, refused = bars.sort_values(["symbol", "timestamp"]), refused.sort_values(["symbol", "timestamp", "row"])
    kept_of, refused_of = ({str(symbol): rows for symbol, rows in frame.groupby("symbol", sort=False)} for frame in (bars, refused))
    thresholds, symbols = load_quality(), []
    for instrument in universe.instruments:
        found = SymbolQuality(instrument, holds=read_holds(lake, timeframe, [instrument.symbol]))
        kept = kept_of.get(instrument.symbol, bars[:0])
        answered = [_answered(lake, source, timeframe, found.symbol) for source in _sources(lake)]
        find_missing(found, pd.DatetimeIndex(kept["timestamp"]), timeframe, answered, thresholds, universe.name)
        _account(found, kept, refused_of.get(instrument.symbol, refused[:0]), answered)
        symbols.append(found)
    put_aside = pa.Table.from_pandas(refused, schema=QUARANTINE).to_pylist()
    return QualityPage(symbols, _jumps(bars), _warnings(bars), put_aside, tell_assumed(_landed_symbols(lake, timeframe)))


def _rows(lake: Lake, dataset: str, schema: pa.Schema, columns: Sequence[str], universe: Universe) -> pd.DataFrame:
    tables = [schema.empty_table().select(columns)]
    wanted = pa.array(universe.symbols, pa.string())
    for month in list_months(lake, dataset):
        table = read_month(lake, dataset, month, list(columns))
        if table is not None:
            tables.append(table.filter(pc.is_in(table["symbol"], value_set=wanted)))
    whole: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    return whole


def _warnings(bars: pd.DataFrame) -> dict[str, dict[str, list[datetime]]]:
    found: dict[str, dict[str, list[datetime]]] = {}
    warned = bars[bars["flags"].notna()]
    for symbol, timestamp, flags in zip(warned["symbol"], warned["timestamp"], warned["flags"], strict=True):
        for flag in str(flags).split(","):
            found.setdefault(flag, {}).setdefault(str(symbol), []).append(timestamp)
    return dict(sorted(found.items(), key=lambda item: -sum(map(len, item[1].values()))))


def _account(found: SymbolQuality, kept: pd.DataFrame, refused: pd.DataFrame, answered: Sequence[Answered]) -> None:
    """Count month by month the rows that the sources sent, and what became of them."""
    source_of: dict[str, str] = {}
    for rows, count in ((kept, "kept"), (refused, "refused")):
        months = rows["timestamp"].dt.strftime("%Y-%m")
        source_of |= dict(zip(months, rows["source"], strict=True))
        for key, held in months.value_counts().items():
            setattr(found.month(str(key)), count, int(held))
    held_back = {(hold.source, key) for hold in found.holds for key in hold.months}
    for source, key in held_back:
        found.month(key).held |= source_of.get(key, source) == source
    for answer in answered:
        for key, rows_there in answer.rows.items():
            if (answer.source, key) in held_back:
                found.held_rows += rows_there
            elif source_of.get(key) == answer.source:
                found.month(key).fetched += rows_there
            elif key not in source_of:
                found.waiting += rows_there


def _sources(lake: Lake) -> list[str]:
    return [folder.removeprefix("source=") for folder in lake.folders("landing")]


def _landed_symbols(lake: Lake, timeframe: str) -> list[str]:
    folders = {folder for source in _sources(lake) for folder in lake.folders(f"landing/source={source}/timeframe={timeframe}")}
    return sorted(symbol_from_path(folder.removeprefix("symbol=")) for folder in folders)


def _answered(lake: Lake, source: str, timeframe: str, symbol: str) -> Answered:
    """What a source says today, its newest answer counting where several overlap."""
    landing = SymbolLanding(lake, source, timeframe, symbol)
    covered = [(answer.start, answer.end) for answer in landing.answers]
    if not covered:
        return Answered(source, {}, [])
    start, end = min(low for low, _ in covered), max(high for _, high in covered)
    landed = landing.read(start, end)
    months = Counter(landed.rows["timestamp"].to_numpy().astype("datetime64[M]").astype(str).tolist())
    return Answered(source, months, asked_for(covered, landed.empty, start, end))


def _jumps(bars: pd.DataFrame) -> list[Jump]:
    """Bars that carry one of :data:`_JUMPS`, the most doubtful first; ``bars`` are ordered by symbol and time."""
    before = bars.groupby("symbol", sort=False)["close"].shift().to_numpy(float)
    said = bars["flags"].fillna("").str.split(",")
    jumps = []
    for flag in _JUMPS:
        for at in np.flatnonzero(said.map(lambda flags, flag=flag: flag in flags).to_numpy(bool)):
            row = bars.iloc[at]
            reached = row["close"] if flag == "large_move" or np.isnan(row["open"]) else row["open"]
            jumps.append(Jump(row["symbol"], row["timestamp"], flag, None if np.isnan(before[at]) else float(before[at]), float(reached)))
    return jumps
