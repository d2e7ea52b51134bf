"""Check landed bars: split the rows a source gave into kept and refused ones, and stage both for publication."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from expectations.bars import bar_suite, prepare
from expectations.beside import beside
from expectations.completeness import completeness_suite, incomplete
from expectations.counts import Counts
from expectations.data_docs import FOLDER, write_docs
from expectations.holding import UNIT_JUMP, UnitJumps
from expectations.price_scale import Scales
from expectations.reading import Symbol, joined
from expectations.releases import RELEASED, Releases
from expectations.request import CheckRequest, CheckSummary, SymbolCounts
from expectations.series import series_suite
from expectations.staging import Plan, PlannedMonth, clear, folder_of, stage, write_plan
from expectations.suite_run import SuiteRun
from include.lake import Lake
from include.months import month_end, month_start, next_month
from include.quality import load_quality
from include.schemas import BARS, QUARANTINE, TIMESTAMP, conform
from include.sessions import ALWAYS, place
from include.timeframes import timeframe_length

__all__ = ["CheckRequest", "CheckSummary", "SymbolCounts", "check_bars"]

_ROWS_AT_ONCE = 500_000


def check_bars(lake: Lake, request: CheckRequest, *, run: str) -> CheckSummary:
    """Check everything that landed for the request's months.

    Nothing is published: rows are staged under ``staging/checks/<run>/``, the plan last. Checking again gives the same
    bytes. Reads and checks about half a million rows at a time (but whole months), whatever the request's length.

    Raises
    ------
    ConfigurationError
        If the file of thresholds is wrong.
    LakeError
        If a landing file is damaged, a rule could not be evaluated, or the rows do not add up; nothing is left to publish then.
    """
    clear(lake, folder_of(run))
    check = _Check(lake, request, run)
    planned = [month for months in _chunks(request) for month in check.months(months)]
    check.counts.assert_nothing_lost()
    completeness = SuiteRun(completeness_suite())
    held = dict(incomplete(completeness, [symbol.coverage for symbol in check.symbols], check.thresholds))
    held |= check.jumps.causes()
    held |= check.scales.against_published(lake, request.timeframe, request.months)
    published = [month.without(held) for month in planned]
    plan = Plan(run, request.source, request.timeframe, tuple(month for month in published if month.symbols or month.held), held)
    counts = check.counts
    summary = CheckSummary(
        run=run,
        source=request.source,
        timeframe=request.timeframe,
        symbols={symbol.symbol: counts.of(symbol.symbol) for symbol in check.symbols},
        rules={rule: counts.rules[rule] for rule in check.bars.rules},
        flags={rule: counts.flags[rule] for rule in [*check.series.rules, RELEASED]},
        warned={rule: counts.warned(rule) for rule in [*check.series.rules, RELEASED] if counts.flags[rule]},
        coverage={symbol.symbol: symbol.coverage.told() for symbol in check.symbols},
        held={symbol: cause.told for symbol, cause in held.items()},
        not_fetched=dict(request.not_fetched),
        months=[month.month for month in planned if month.bars or month.quarantine],
        plan=write_plan(lake, plan),
        docs=f"{FOLDER}/index.html",
    )
    write_docs(lake, [check.bars, check.series, completeness], summary, counts.refused, counts.flagged)
    return summary


class _Check:
    """One check: its suites, its symbols and what it counted."""

    def __init__(self, lake: Lake, request: CheckRequest, run: str) -> None:
        quality = load_quality()
        self.thresholds = quality.of(request.universe)
        self.bars, self.series = SuiteRun(bar_suite()), SuiteRun(series_suite())
        self.symbols = [
            Symbol(lake, request, number, self.thresholds, quality.crypto_outages) for number in range(len(request.instruments))
        ]
        self.counts, self.scales, self.jumps = Counts(), Scales(), UnitJumps(lake, request)
        self._releases = Releases(quality.releases, [*self.bars.rules, UNIT_JUMP])
        self._lake, self._timeframe, self._run = lake, request.timeframe, run

    def months(self, months: list[str]) -> list[PlannedMonth]:
        """Check some months that follow one another, and stage their rows."""
        start, end = month_start(months[0]), month_end(months[-1])
        pieces = {symbol.symbol: symbol.read(start, end) for symbol in self.symbols}
        rows = joined(pieces.values())
        counted = pc.greater_equal(rows["timestamp"], pa.scalar(start, TIMESTAMP)).to_numpy()
        for name, piece in pieces.items():
            self.counts.superseded[name] += piece.superseded
        self.counts.fetched.update(rows.filter(counted)["symbol"].to_pylist())
        kept, refused = self._refuse(rows, counted)
        self.scales.add(kept)
        frame = self._placed(kept.to_pandas())
        inside = (frame["timestamp"] >= start).to_numpy()
        of_symbol = {str(symbol): held for symbol, held in frame.groupby("symbol", sort=False)}
        in_piece = {str(symbol): held for symbol, held in frame[inside].groupby("symbol", sort=False)}
        turned_away = {
            str(symbol): times for symbol, times in refused.select(["symbol", "timestamp"]).to_pandas().groupby("symbol")["timestamp"]
        }
        others = []
        for symbol in self.symbols:
            name, piece = symbol.symbol, pieces[symbol.symbol]
            others.append(symbol.others(of_symbol.get(name, frame[:0]), start, end))
            times = pd.DatetimeIndex(turned_away.get(name, []), tz="UTC")
            symbol.coverage.add(start, end, in_piece.get(name, frame[:0]), times, piece.times, piece.asked)
        bars = self._flag(kept, frame, pd.concat(others), inside)
        bars_of, refused_of = _by_month(bars, months), _by_month(refused, months)
        return [self._stage(month, bars_of[month], refused_of[month]) for month in months]

    def _placed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Put beside each row its place in its exchange's calendar."""
        calendars = frame["symbol"].map({symbol.symbol: symbol.facts.instrument.calendar for symbol in self.symbols})
        placed = [
            place(str(calendar), self._timeframe, pd.DatetimeIndex(rows)).set_index(rows.index)
            for calendar, rows in frame["timestamp"].groupby(calendars, sort=False)
        ]
        return frame.join(pd.concat(placed)) if placed else frame.join(place(ALWAYS, self._timeframe, pd.DatetimeIndex([], tz="UTC")))

    def _refuse(self, rows: pa.Table, counted: np.ndarray) -> tuple[pa.Table, pa.Table]:
        """Split into kept rows, ordered by symbol and time, and the counted refused ones as quarantine."""
        broken = self._releases.without(self.bars.broken(prepare(rows.to_pandas(), self._timeframe), counted), rows)
        positions = sorted(position for position in broken if counted[position])
        bad = rows.take(pa.array(positions, pa.int64()))
        reasons = [self.bars.reason(broken[position], row) for position, row in zip(positions, bad.to_pylist(), strict=True)]
        bad = bad.append_column("rule", pa.array([broken[position][0] for position in positions], pa.string()))
        bad = bad.append_column("reason", pa.array(reasons, pa.string()))
        good = np.ones(rows.num_rows, bool)
        good[list(broken)] = False
        kept = rows.filter(pa.array(good)).sort_by([("symbol", "ascending"), ("timestamp", "ascending")])
        return kept, conform(bad.select(QUARANTINE.names), QUARANTINE, "refused rows")

    def _flag(self, kept: pa.Table, frame: pd.DataFrame, others: pd.DataFrame, counted: np.ndarray) -> pa.Table:
        """Make bars of the counted kept rows: each with the warnings it carries."""
        seen = beside(frame, {symbol.symbol: symbol.facts for symbol in self.symbols}, others)
        broken = self.series.broken(seen, counted)
        self._hold(seen, broken, counted)
        flags = np.full(len(seen), None, object)
        for position in {*broken, *(released := self._releases.among(kept))}:
            rules = [*broken.get(position, []), *([RELEASED] if position in released else [])]
            flags[position] = ",".join(rules)
            if counted[position]:
                self.counts.flag(str(seen["symbol"].iloc[position]), seen["timestamp"].iloc[position], rules)
        for position in self.counts.to_show(broken, counted):
            row = {str(name): value for name, value in seen.iloc[position].items()}
            self.counts.show(row, {rule: self.series.reason([rule], row) for rule in broken[position]})
        bars = kept.append_column("flags", pa.array(flags, pa.string())).filter(pa.array(counted))
        return conform(bars.select(BARS.names), BARS, "kept bars")

    def _hold(self, seen: pd.DataFrame, broken: dict[int, list[str]], counted: np.ndarray) -> None:
        """Take note of bars that hold their symbol back, unless they were released."""
        for position, rules in broken.items():
            if UNIT_JUMP in rules and counted[position]:
                row = {str(name): value for name, value in seen.iloc[position].items()}
                if not self._releases.lets(row["symbol"], row["timestamp"], UNIT_JUMP):
                    self.jumps.add(row, self.series.reason([UNIT_JUMP], row))

    def _stage(self, month: str, bars: pa.Table, quarantine: pa.Table) -> PlannedMonth:
        start, end = month_start(month), month_end(month)
        quarantine = quarantine.sort_by([(name, "ascending") for name in ("symbol", "timestamp", "as_of", "row")])
        stage(self._lake, self._run, "bars", month, bars)
        stage(self._lake, self._run, "quarantine", month, quarantine)
        self.counts.kept.update(bars["symbol"].to_pylist())
        for row in quarantine.select(["symbol", "timestamp", "rule", "reason"]).to_pylist():
            self.counts.refuse(row)
        answered = sorted(symbol.symbol for symbol in self.symbols if any(low < end and high > start for low, high in symbol.answered))
        return PlannedMonth(month, tuple(answered), bars.num_rows, quarantine.num_rows)


def _chunks(request: CheckRequest) -> Iterator[list[str]]:
    """Yield the request's months, as many together as hold about :data:`_ROWS_AT_ONCE` rows at most."""
    rows_a_month = len(request.instruments) * (timedelta(days=31) / timeframe_length(request.timeframe))
    size = max(1, int(_ROWS_AT_ONCE / rows_a_month))
    for first in range(0, len(request.months), size):
        yield request.months[first : first + size]


def _by_month(table: pa.Table, months: Sequence[str]) -> dict[str, pa.Table]:
    """Rows of each month, in their order; ``months`` follow one another and hold all rows."""
    of_row = table["timestamp"].to_numpy().astype("datetime64[M]")
    order = np.argsort(of_row, kind="stable")
    sorted_rows, borders = (
        table.take(pa.array(order)),
        np.searchsorted(of_row[order], np.array([*months, next_month(months[-1])], "datetime64[M]")),
    )
    return {month: sorted_rows.slice(low, high - low) for month, low, high in zip(months, borders, borders[1:], strict=False)}
