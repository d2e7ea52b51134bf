"""Each source x each fault, over the whole fetch task: all bars after a rerun or a named gap, never a silent hole, never a double."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from include.lake import Lake
from include.landing import list_landed, missing_intervals, read_landed
from include.settings import settings
from marketmill import sources
from marketmill.fetch import Fetched, FetchPlan
from marketmill.operators.fetch import FetchBarsOperator
from tests.contracts.vendors import FAULTS, VENDORS, Vendor

#: Sources that get the bars in another way, so that the fault is no failure.
MADE_GOOD = {"BinanceBulk", "client id in use"}
CELLS = [(vendor, fault) for vendor in VENDORS for fault in FAULTS if fault not in vendor.absent]


class Task:
    """The fetch task of a DAG, run by hand on a lake of its own."""

    def __init__(self, lake: Lake, vendor: Vendor) -> None:
        self.lake, self.vendor = lake, vendor

    def run(self, *span: str, impatient: bool = False, since: str | None = None) -> dict[str, Fetched]:
        """The last try of a task: what came of each symbol. A wait that was asked for ends it as well."""
        plan = FetchPlan(self.vendor.source, "global26", self.vendor.timeframe, *map(_iso, span), list(self.vendor.symbols), since)
        hook = self.vendor.hook(impatient=impatient)
        context = {"params": {}, "dag": SimpleNamespace(dag_id="backfill_market"), "run_id": "manual__matrix"}
        context["ti"] = SimpleNamespace(try_number=3, max_tries=2)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sources, "open_source", lambda *_, **__: hook)
            try:
                results = FetchBarsOperator(task_id="fetch_bars", batch=plan.as_dict()).execute(context)
            except TaskDeferred as deferred:
                until = deferred.trigger.moment.isoformat()
                return {symbol: Fetched(symbol, "rate_limited", reason="deferred", until=until) for symbol in self.vendor.symbols}
        return {result["symbol"]: Fetched(**result) for result in results}

    def landed(self, symbol: str, *span: str) -> list[tuple[Any, ...]]:
        """Rows as everybody reads them, in order; a doubled one stays doubled."""
        rows = read_landed(self.lake, self.vendor.source, self.vendor.timeframe, symbol, _day(span[0]), _day(span[1])).rows.to_pylist()
        return sorted(tuple(row[name] for name in ("timestamp", "open", "high", "low", "close", "volume")) for row in rows)

    def holes(self, symbol: str, *span: str) -> list[Any]:
        """Parts of the interval that no answer covers."""
        answers = list_landed(self.lake, self.vendor.source, self.vendor.timeframe, symbol)
        return missing_intervals((_day(span[0]), _day(span[1])), [(answer.start, answer.end) for answer in answers])


@pytest.fixture
def task(tmp_path, monkeypatch) -> Iterator[Callable[..., Any]]:
    """Open a vendor at a moment, and see at the end that no rule of it was broken."""
    lake = Lake(str(tmp_path / "lake"))
    monkeypatch.setenv("LAKE", lake.url)
    settings.cache_clear()
    with ExitStack() as stack:
        opened: list[Vendor] = []

        def open_(kind: type[Vendor], now: str = "") -> Task:
            market = stack.enter_context(kind.opened(monkeypatch, tmp_path, now or kind.now))
            opened.append(kind(market))
            return Task(lake, opened[-1])

        yield open_
        for vendor in opened:
            assert vendor.violations() == []
    settings.cache_clear()


def test_each_cell_is_tested_or_says_why_there_is_none():
    for vendor in VENDORS:
        assert set(vendor.absent) <= set(FAULTS)
        assert all(vendor.absent.values())
    assert len(CELLS) + sum(len(vendor.absent) for vendor in VENDORS) == len(VENDORS) * len(FAULTS)


@pytest.mark.parametrize(("kind", "fault"), CELLS, ids=lambda value: getattr(value, "__name__", value))
def test_a_fault_leaves_a_named_gap_and_a_rerun_fills_it_and_nothing_else(task, kind, fault):
    running = task(kind)
    vendor, span, rows = running.vendor, kind.span, kind.held(kind.rows(), *kind.span)
    first, second = vendor.symbols
    assert not running.run(*kind.middle)[first].failed
    vendor.strike(fault)

    results = running.run(*span, impatient=fault in {"silent timeout", "truncated body", "garbage"})
    assert all(waiting["seen"] for waiting in vendor.server.faults.waiting()), "it struck"
    for symbol, result in results.items():
        holes = running.holes(symbol, *span)
        assert result.failed == bool(holes), "what is missing is named, and what is named is missing"
        assert not result.failed or result.reason
        assert (result.state == "rate_limited") == (result.until is not None)
        whole = [row for row in rows if not any(low <= row[0] < high for low, high in holes)]
        assert running.landed(symbol, *span) == whole, "all of what is covered, once"
    assert results[first].failed != bool(MADE_GOOD & {kind.__name__, fault})
    assert not results[second].failed or results[second].state == "rate_limited", "one that fails does not stop the others"

    missing = {symbol: len(running.holes(symbol, *span)) for symbol in vendor.symbols}
    vendor.mend()
    vendor.forget()
    again = running.run(*span)
    assert [result.state for result in again.values()] == ["complete", "complete"]
    assert {symbol: result.asked for symbol, result in again.items()} == missing
    for symbol in vendor.symbols:
        assert bool(vendor.asked(symbol)) == bool(missing[symbol])
        assert running.landed(symbol, *span) == rows
        assert running.holes(symbol, *span) == []


@pytest.mark.parametrize("kind", VENDORS, ids=lambda kind: kind.__name__)
def test_an_unfinished_bar_waits_until_it_is_finished(task, kind):
    running = task(kind, kind.opens)
    rows, symbol = kind.held(kind.rows(), *kind.span), kind.symbols[0]
    result = running.run(*kind.span)[symbol]
    assert result.state == "transient"
    assert "not finished yet" in result.reason
    assert running.landed(symbol, *kind.span) == rows[:-1]
    [(low, _)] = running.holes(symbol, *kind.span)
    assert low <= rows[-1][0]
    running.vendor.server.advance((_day(kind.closes) - _day(kind.opens)).total_seconds())
    running.run(*kind.span)
    assert running.landed(symbol, *kind.span) == rows


@pytest.mark.parametrize("kind", VENDORS, ids=lambda kind: kind.__name__)
def test_revised_history_is_taken_by_a_forced_fetch_and_the_old_answer_stays(task, kind):
    running = task(kind)
    symbol, rows = kind.symbols[0], kind.rows()
    running.run(*kind.span)
    before = list_landed(running.lake, kind.source, kind.timeframe, symbol)
    revised = [(*row[:5], row[5] + 1, *row[6:]) for row in rows]
    running.vendor.revise(revised)
    running.vendor.server.advance(60)
    assert not running.run(*kind.span, since=datetime.now(UTC).isoformat())[symbol].failed
    assert running.landed(symbol, *kind.span) == kind.held(revised, *kind.span)
    after = list_landed(running.lake, kind.source, kind.timeframe, symbol)
    assert after[: len(before)] == before
    assert len(after) == 2 * len(before)


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _iso(text: str) -> str:
    return _day(text).isoformat()
