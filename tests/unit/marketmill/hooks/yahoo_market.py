"""The Yahoo stand-in, a hook that asks it through its proxy, and a real ledger on the same clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from include.lake import Lake
from include.landing import read_landed
from include.results.address import parse_address
from include.results.engine import open_engine
from include.results.migrate import migrate
from include.universes import Instrument, known_instruments
from marketmill.fetch import Fetched, FetchPlan, fetch_batch
from marketmill.hooks.yahoo import YahooHook
from marketmill.quota.ledger import Ledger
from marketmill.quota.requests import Job
from marketmill.quota.spending import Quota
from tests.servers.common import BarStore, Row
from tests.servers.common_clock import AdjustableClock
from tests.servers.http.yahoo import Action, OptionLine, YahooStandIn

COLUMNS = ("timestamp", "open", "high", "low", "close", "volume", "adjusted_close")
SPLIT = Action(date(2020, 8, 31), "split", 4)
DIVIDENDS = [Action(date(2020, 8, 7), "dividend", 0.205), Action(date(2020, 11, 6), "dividend", 0.205)]


def day(text: str) -> datetime:
    """``2020-06-01`` or ``2020-06-01T12:30`` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class StandInClock:
    """The stand-in's clock as the ledger's; who waits moves it on."""

    def __init__(self, clock: AdjustableClock) -> None:
        self._clock = clock
        self.slept = 0.0

    def now(self, connection: object) -> int:
        return round(self._clock.now().timestamp() * 1_000_000)

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self._clock.advance(seconds)


class Market:
    """What a test needs."""

    def __init__(self, yahoo: YahooStandIn, ledger: Ledger, clock: StandInClock) -> None:
        self.yahoo, self.ledger, self.clock = yahoo, ledger, clock

    def hook(self, *, patience: float = 30, job: Job | None = None, timeout: float = 20.0) -> YahooHook:
        """A new hook, as a new task has it."""
        quota = Quota(self.ledger, "yahoo", job=job, patience=timedelta(seconds=patience))
        return YahooHook(quota=quota, timeout=timeout, now=self.yahoo.clock.now)

    def fetch(self, lake: Lake, symbol: str, timeframe: str, start: str, end: str, **hook: Any) -> Fetched:
        """What the fetch task does for one symbol."""
        plan = FetchPlan("yahoo", "global26", timeframe, day(start).isoformat(), day(end).isoformat(), [symbol])
        [fetched] = fetch_batch(lake, self.hook(**hook), plan)
        return fetched

    def charts(self, symbol: str = "") -> int:
        """Chart requests so far."""
        return len(self.yahoo.requests(f"chart/{symbol}"))


@contextmanager
def open_market(
    patch: pytest.MonkeyPatch,
    folder: Path,
    bars: Mapping[str, Mapping[str, list[Row]]],
    now: str,
    *,
    actions: Mapping[str, Sequence[Action]] | None = None,
    options: Mapping[str, Sequence[OptionLine]] | None = None,
    **quota: Any,
) -> Iterator[Market]:
    """Start the stand-in and lead this process to it; when the test is over no rule was broken."""
    clock = AdjustableClock(day(now))
    engine = open_engine(parse_address(f"sqlite:///{folder / 'results.db'}", Path("/nowhere")))
    migrate(engine)
    ledger_clock = StandInClock(clock)
    with YahooStandIn(BarStore(bars), actions=actions, options=options, clock=clock, **quota) as yahoo:
        for name, value in yahoo.environment.items():
            patch.setenv(name, value)
        yield Market(yahoo, Ledger(engine, ledger_clock), ledger_clock)
        assert yahoo.violations() == []
    engine.dispose()


def instrument(symbol: str) -> Instrument:
    """A symbol of one of the universes."""
    return known_instruments()[symbol]


def shown(market: Market, symbol: str, timeframe: str, start: str, end: str) -> list[tuple[Any, ...]]:
    """The stand-in's rows of an interval as a lake must hold them; adjusted closes for daily bars only."""
    rows = []
    for bar in market.yahoo.known(symbol, timeframe).bars:
        moment = datetime.fromtimestamp(bar.start, UTC)
        if timeframe == "1d":
            moment = datetime.combine(moment.date(), datetime.min.time(), UTC)  # all sessions of these tests open on their UTC date
        if day(start) <= moment < day(end):
            adjusted = bar.adjusted_close if timeframe == "1d" else None
            values = (bar.open, bar.high, bar.low, bar.close, bar.volume, adjusted)
            rows.append((moment, *([None] * 6 if bar.is_null else values)))
    return rows


def rows_of(table: Any) -> list[tuple[Any, ...]]:
    """Rows of a table of bars."""
    return [tuple(row[name] for name in COLUMNS) for row in table.to_pylist()]


def landed(lake: Lake, symbol: str, timeframe: str, start: str, end: str) -> list[tuple[Any, ...]]:
    """Rows of the lake by time; a doubled one would stay doubled."""
    return sorted(rows_of(read_landed(lake, "yahoo", timeframe, symbol, day(start), day(end)).rows), key=lambda row: row[0])
