"""Check landed bars: split the rows a source gave into kept and refused ones, and stage both for publication."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from expectations.data_docs import write_docs
from expectations.request import CheckRequest, CheckSummary, SymbolCounts
from expectations.staging import Plan, PlannedMonth, clear, folder_of, stage, write_plan
from expectations.suite_run import SuiteRun
from include.calendars import closed_at
from include.errors import LakeError
from include.lake import Lake
from include.landing import Interval, list_landed, read_landed
from include.months import month_end, month_start
from include.schemas import BARS, QUARANTINE, TIMESTAMP, conform
from include.timeframes import timeframe_length
from include.universes import Instrument

__all__ = ["CheckRequest", "CheckSummary", "SymbolCounts", "check_bars"]

_ROWS_AT_ONCE = 500_000
_EXAMPLES = 20
_PRICES = ["open", "high", "low", "close", "volume", "adjusted_close"]


@dataclass
class _Counts:
    """Rows by symbol, each counted where it happens."""

    superseded: Counter[str] = field(default_factory=Counter)
    fetched: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, row: dict[str, Any]) -> None:
        self.quarantined[row["symbol"]] += 1
        self.rules[row["rule"]] += 1
        if self.rules[row["rule"]] <= _EXAMPLES:
            self.examples.append(row)

    def of(self, symbol: str) -> SymbolCounts:
        fetched, superseded = self.fetched[symbol], self.superseded[symbol]
        return SymbolCounts(fetched + superseded, superseded, fetched, self.kept[symbol], self.quarantined[symbol])


def check_bars(lake: Lake, request: CheckRequest, *, run: str) -> CheckSummary:
    """Check everything that landed for the request's months.

    Nothing is published: rows are staged under ``staging/checks/<run>/``, the plan last. Checking again gives the same
    bytes. Reads and checks about half a million rows at a time (but whole months), whatever the request's length.

    Raises
    ------
    LakeError
        If a landing file is damaged, a rule could not be evaluated, or the rows do not add up; nothing is left to publish then.
    """
    clear(lake, folder_of(run))
    suite, counts = SuiteRun(), _Counts()
    planned: list[PlannedMonth] = []
    covered = {instrument.symbol: _covered(lake, request, instrument.symbol) for instrument in request.instruments}
    for months in _chunks(request):
        kept, refused = _check(suite, _landed(lake, request, months, counts))
        planned += [_stage_month(lake, run, month, kept, refused, counts, covered) for month in months]
    for symbol in covered:
        if counts.fetched[symbol] != counts.kept[symbol] + counts.quarantined[symbol]:
            raise LakeError(
                f"{symbol}: {counts.fetched[symbol]} rows fetched, but {counts.kept[symbol]} kept and "
                f"{counts.quarantined[symbol]} quarantined; nothing was published"
            )
    summary = CheckSummary(
        run=run,
        source=request.source,
        timeframe=request.timeframe,
        symbols={symbol: counts.of(symbol) for symbol in covered},
        rules={rule: counts.rules[rule] for rule in suite.rules},
        months=[month.month for month in planned if month.bars or month.quarantine],
        plan=write_plan(lake, Plan(run, request.source, request.timeframe, tuple(month for month in planned if month.symbols))),
        docs="reports/data_docs/index.html",
    )
    write_docs(lake, suite, summary, counts.examples)
    return summary


def _covered(lake: Lake, request: CheckRequest, symbol: str) -> list[Interval]:
    return [(answer.start, answer.end) for answer in list_landed(lake, request.source, request.timeframe, symbol)]


def _chunks(request: CheckRequest) -> Iterator[list[str]]:
    """Yield the request's months, as many together as hold about :data:`_ROWS_AT_ONCE` rows at most."""
    rows_a_month = len(request.instruments) * (timedelta(days=31) / timeframe_length(request.timeframe))
    size = max(1, int(_ROWS_AT_ONCE / rows_a_month))
    for first in range(0, len(request.months), size):
        yield request.months[first : first + size]


def _landed(lake: Lake, request: CheckRequest, months: list[str], counts: _Counts) -> pa.Table:
    """Read all instruments' rows of ``months``, with the time they were known."""
    start, end = month_start(months[0]), month_end(months[-1])
    tables = []
    for instrument in request.instruments:
        landed = read_landed(lake, request.source, request.timeframe, instrument.symbol, start, end)
        counts.superseded[instrument.symbol] += landed.superseded
        counts.fetched[instrument.symbol] += landed.rows.num_rows
        tables.append(_with_closed_at(landed.rows, instrument, request.timeframe))
    return pa.concat_tables(tables).combine_chunks()


def _with_closed_at(rows: pa.Table, instrument: Instrument, timeframe: str) -> pa.Table:
    times = pd.DatetimeIndex(rows["timestamp"].to_pandas(), tz="UTC")
    known = closed_at(instrument.calendar, timeframe, times) if len(times) else times
    return rows.append_column("closed_at", pa.array(known, TIMESTAMP))


def _check(suite: SuiteRun, rows: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Split into kept rows as bars and refused rows as quarantine."""
    for name in _PRICES:  # A source's "not a number" is a missing value, whatever wrote the file.
        values = rows[name]
        rows = rows.set_column(rows.column_names.index(name), name, pc.if_else(pc.is_nan(values), None, values))
    refused = suite.refused(rows.select(["symbol", "timestamp", *_PRICES]).to_pandas())
    positions = sorted(refused)
    bad = rows.take(pa.array(positions, pa.int64()))
    reasons = [suite.reason(refused[position], _for_words(row)) for position, row in zip(positions, bad.to_pylist(), strict=True)]
    bad = bad.append_column("rule", pa.array([refused[position][0] for position in positions], pa.string()))
    bad = bad.append_column("reason", pa.array(reasons, pa.string()))
    good = rows.filter(pa.array([position not in refused for position in range(rows.num_rows)], pa.bool_()))
    good = good.append_column("flags", pa.nulls(good.num_rows, pa.string()))
    return (
        conform(good.select(BARS.names), BARS, "kept bars"),
        conform(bad.select(QUARANTINE.names), QUARANTINE, "refused rows"),
    )


def _for_words(row: dict[str, Any]) -> dict[str, Any]:
    return {name: float("nan") if value is None else value for name, value in row.items()}


def _stage_month(
    lake: Lake, run: str, month: str, kept: pa.Table, refused: pa.Table, counts: _Counts, covered: dict[str, list[Interval]]
) -> PlannedMonth:
    start, end = month_start(month), month_end(month)
    bars, quarantine = _between(kept, start, end), _between(refused, start, end)
    bars = bars.sort_by([("symbol", "ascending"), ("timestamp", "ascending")])
    quarantine = quarantine.sort_by([(name, "ascending") for name in ("symbol", "timestamp", "as_of", "row")])
    stage(lake, run, "bars", month, bars)
    stage(lake, run, "quarantine", month, quarantine)
    counts.kept.update(bars["symbol"].to_pylist())
    for row in quarantine.select(["symbol", "timestamp", "rule", "reason"]).to_pylist():
        counts.refuse(row)
    symbols = sorted(symbol for symbol, answers in covered.items() if any(low < end and high > start for low, high in answers))
    return PlannedMonth(month, tuple(symbols), bars.num_rows, quarantine.num_rows)


def _between(table: pa.Table, start: datetime, end: datetime) -> pa.Table:
    times = table["timestamp"]
    inside = pc.and_(pc.greater_equal(times, pa.scalar(start, TIMESTAMP)), pc.less(times, pa.scalar(end, TIMESTAMP)))
    return table.filter(inside)
