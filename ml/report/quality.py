"""The quality page: how complete the bars are, what was refused or looks odd, and whether all rows that came are accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from include.completeness import asked_for
from include.holds import NOT_FETCHED, Hold, held_symbols, read_holds
from include.lake import Lake
from include.landing import SymbolLanding
from include.publish import list_months, read_month
from include.quality import load_quality
from include.schemas import BARS, QUARANTINE
from include.symbols import symbol_from_path
from include.universes import Instrument, Universe, pick_instruments, tell_assumed
from ml.report.quality_months import Answered, Came, SymbolQuality, find_missing

_JUMPS = ("suspected_split", "split", "large_move")
#: Symbols outside the universe beyond this are only named, so that the page of a small universe stays small in a large lake.
_MOST_OUTSIDE = 50
_NO_TIMES = pd.DatetimeIndex([], tz="UTC").as_unit("us")
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
class WarnedBars:
    """Bars of one symbol that carry one warning: how many, and the times of them, or of the first; ``held`` ones are held back."""

    symbol: str
    bars: int
    times: Sequence[datetime]
    held: bool = False


@dataclass(frozen=True)
class QualityPage:
    """What the page tells.

    ``symbols`` are those of the universe and, marked as outside, others that its sources were asked for; ``unseen`` names those that
    found no room. ``warnings`` are the odd bars by the warning they carry, most bars first, those that are held back among them;
    ``refused`` are the rows of the quarantine. ``assumed`` says by which calendars symbols were checked that no universe names.
    """

    symbols: list[SymbolQuality]
    jumps: list[Jump]
    warnings: dict[str, list[WarnedBars]]
    refused: list[dict[str, Any]]
    assumed: str = ""
    unseen: list[str] = field(default_factory=list)

    @property
    def outside(self) -> list[SymbolQuality]:
        """Symbols that the universe does not name."""
        return [symbol for symbol in self.symbols if symbol.outside]

    @property
    def within(self) -> QualityPage:
        """The same of the universe's own symbols alone; warnings and jumps are left as they are."""
        return replace(self, symbols=[symbol for symbol in self.symbols if not symbol.outside])

    @property
    def years(self) -> dict[str, list[str]]:
        """The columns of the heat map: all months from the first to the last of any symbol, by year."""
        keys = sorted({month for symbol in self.symbols for month in symbol.months})
        months = [str(month) for month in pd.period_range(keys[0], keys[-1], freq="M")] if keys else []
        return {year: [month for month in months if month.startswith(year)] for year in dict.fromkeys(month[:4] for month in months)}

    def of(self, symbol: str) -> SymbolQuality:
        """One symbol."""
        return next(one for one in self.symbols if one.symbol == symbol)

    def total(self, count: str) -> int:
        """Sum of a count over all symbols."""
        return sum(symbol.total(count) for symbol in self.symbols)

    @property
    def adds_up(self) -> bool:
        """Whether each checked row of each symbol was kept or is in quarantine."""
        return all(symbol.adds_up for symbol in self.symbols)


def read_quality_page(lake: Lake, universe: Universe, timeframe: str) -> QualityPage:
    """Go through the bars, the quarantine, the holds and the landed answers of a universe, and of what else its sources were asked for.

    Raises
    ------
    LakeError
        If a file is damaged.
    """
    others, unseen = _others(lake, universe, timeframe)
    instruments = [*universe.instruments, *others]
    names = [instrument.symbol for instrument in instruments]
    bars = _rows(lake, lake.bars(timeframe), BARS, _BAR_COLUMNS, names)
    refused = _rows(lake, lake.quarantine(timeframe), QUARANTINE, QUARANTINE.names, names)
    bars, refused = bars.sort_values(["symbol", "timestamp"]), refused.sort_values(["symbol", "timestamp", "row"])
    kept_of, refused_of = ({str(symbol): rows for symbol, rows in frame.groupby("symbol", sort=False)} for frame in (bars, refused))
    thresholds, symbols = load_quality(), []
    for instrument in instruments:
        found = SymbolQuality(instrument, holds=read_holds(lake, timeframe, [instrument.symbol]), outside=instrument in others)
        kept, turned_away = kept_of.get(instrument.symbol, bars[:0]), refused_of.get(instrument.symbol, refused[:0])
        answered = [_answered(lake, source, timeframe, found.symbol) for source in _sources(lake)]
        find_missing(found, _came(found.holds, kept, turned_away, answered), timeframe, answered, thresholds, universe.name)
        _account(found, kept, turned_away, answered)
        symbols.append(found)
    rows = pa.Table.from_pandas(refused, schema=QUARANTINE).to_pylist()
    assumed = tell_assumed([*names, *unseen])
    return QualityPage(symbols, _jumps(bars), _warnings(bars, symbols), rows, assumed, unseen)


def _others(lake: Lake, universe: Universe, timeframe: str) -> tuple[list[Instrument], list[str]]:
    """What the universe's sources were asked for that it does not name: the symbols to show, those held back first, and the rest."""
    asked = {source: set(symbols) for source, symbols in held_symbols(lake, timeframe).items()}
    held = {symbol for symbols in asked.values() for symbol in symbols}
    for source in _sources(lake):
        asked.setdefault(source, set()).update(_landed_symbols(lake, source, timeframe))
    own = set(universe.symbols)
    names = sorted(
        {symbol for symbols in asked.values() if symbols & own for symbol in symbols - own}, key=lambda one: (one not in held, one)
    )
    shown = pick_instruments(universe, names[:_MOST_OUTSIDE]) if names else []
    return [instrument for instrument in shown if instrument.symbol not in own], names[_MOST_OUTSIDE:]


def _rows(lake: Lake, dataset: str, schema: pa.Schema, columns: Sequence[str], symbols: Sequence[str]) -> pd.DataFrame:
    tables = [schema.empty_table().select(columns)]
    wanted = pa.array(symbols, pa.string())
    for month in list_months(lake, dataset):
        table = read_month(lake, dataset, month, list(columns))
        if table is not None:
            tables.append(table.filter(pc.is_in(table["symbol"], value_set=wanted)))
    whole: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    return whole


def _warnings(bars: pd.DataFrame, symbols: Sequence[SymbolQuality]) -> dict[str, list[WarnedBars]]:
    found: dict[str, dict[str, list[datetime]]] = {}
    odd = bars[bars["flags"].notna()]
    for symbol, timestamp, flags in zip(odd["symbol"], odd["timestamp"], odd["flags"], strict=True):
        for flag in str(flags).split(","):
            found.setdefault(flag, {}).setdefault(str(symbol), []).append(timestamp)
    warned = {rule: [WarnedBars(symbol, len(times), times) for symbol, times in by_symbol.items()] for rule, by_symbol in found.items()}
    for hold in [hold for symbol in symbols for hold in symbol.holds]:
        for rule, of in hold.warnings.items():
            warned.setdefault(rule, []).append(WarnedBars(hold.symbol, of.bars, of.times, held=True))
    return dict(sorted(warned.items(), key=lambda item: -sum(one.bars for one in item[1])))


def _checked(holds: Sequence[Hold]) -> list[Hold]:
    """Holds of rows that came: what could not be fetched left those that came before as they were."""
    return [hold for hold in holds if hold.cause.rule != NOT_FETCHED]


def _came(holds: Sequence[Hold], kept: pd.DataFrame, refused: pd.DataFrame, answered: Sequence[Answered]) -> Came:
    """Openings of the bars, of the refused rows, and of the rows that are held back: they landed and were not refused."""
    held, older = [_NO_TIMES], np.zeros(len(kept), bool)
    for answer in answered:
        months = {month for hold in _checked(holds) if hold.source == answer.source for month in hold.months}
        older |= (kept["source"] == answer.source).to_numpy() & np.isin(_months(pd.DatetimeIndex(kept["timestamp"])), sorted(months))
        landed = pd.Series(answer.rows[np.isin(_months(answer.rows), sorted(months))]).value_counts()
        turned_away = refused.loc[refused["source"] == answer.source, "timestamp"].value_counts()
        held.append(pd.DatetimeIndex(landed.index[(landed > turned_away.reindex(landed.index, fill_value=0)).to_numpy()]))
    passed = pd.DatetimeIndex(held[0].append(held[1:]).unique().sort_values())
    bars = pd.DatetimeIndex(kept["timestamp"])
    return Came(bars[~older], pd.DatetimeIndex(refused["timestamp"]), passed, bars[older])


def _account(found: SymbolQuality, kept: pd.DataFrame, refused: pd.DataFrame, answered: Sequence[Answered]) -> None:
    """Count month by month the rows that the sources sent, and what became of them.

    A month's rows are those of the source of its bars, and those that the newest check of another source holds back there.
    """
    bars, turned_away = _counts(kept), _counts(refused)
    held = {(hold.source, month): hold.kept.get(month, 0) for hold in _checked(found.holds) for month in hold.months}
    for (source, month), rows in bars.items():
        if (source, month) in held:
            found.month(month).older += rows
        else:
            found.month(month).kept += rows
    for (_, month), rows in turned_away.items():
        found.month(month).refused += rows
    for (_, month), rows in held.items():
        found.month(month).kept += rows
        found.month(month).held_rows += rows
    known = {*bars, *turned_away, *held}
    checked = {month for _, month in known}
    for answer in answered:
        for month, rows in Counter(_months(answer.rows).tolist()).items():
            if (answer.source, month) in known:
                found.month(month).fetched += rows
            elif month not in checked:
                found.unchecked += rows
    _mark_held(found, {month: source for source, month in bars})


def _mark_held(found: SymbolQuality, serving: Mapping[str, str]) -> None:
    """Mark the months that are held back, but where another source's bars serve, and those in which the cause lies."""
    for hold in found.holds:
        for month in hold.months:
            found.month(month).held |= serving.get(month, hold.source) == hold.source
        if hold.cause.month in hold.months:
            found.month(hold.cause.month).too_many = True


def _counts(rows: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Rows by source and month."""
    return Counter(zip(rows["source"], _months(pd.DatetimeIndex(rows["timestamp"])).tolist(), strict=True))


def _months(times: pd.DatetimeIndex) -> np.ndarray:
    return times.tz_localize(None).to_numpy("datetime64[M]").astype("U7")


def _sources(lake: Lake) -> list[str]:
    return [folder.removeprefix("source=") for folder in lake.folders("landing")]


def _landed_symbols(lake: Lake, source: str, timeframe: str) -> list[str]:
    folders = lake.folders(f"landing/source={source}/timeframe={timeframe}")
    return [symbol_from_path(folder.removeprefix("symbol=")) for folder in folders]


def _answered(lake: Lake, source: str, timeframe: str, symbol: str) -> Answered:
    """What a source says today, its newest answer counting where several overlap."""
    landing = SymbolLanding(lake, source, timeframe, symbol)
    covered = [(answer.start, answer.end) for answer in landing.answers]
    if not covered:
        return Answered(source, _NO_TIMES, [])
    start, end = min(low for low, _ in covered), max(high for _, high in covered)
    landed = landing.read(start, end)
    times = pd.DatetimeIndex(landed.rows["timestamp"].to_numpy(), tz="UTC")
    return Answered(source, times, asked_for(covered, landed.empty, start, end), list(landed.empty))


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
