"""A TWS stand-in, a ledger that goes by the stand-in's clock, and hooks that talk to both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.landing import read_landed
from include.results.address import parse_address
from include.results.engine import open_engine
from include.results.migrate import migrate
from include.universes import Instrument, load_universe, pick_instruments
from marketmill.fetch import FetchPlan
from marketmill.hooks.ibkr import IbkrHook
from marketmill.quota.ledger import Ledger
from marketmill.quota.requests import Job
from marketmill.quota.spending import Quota
from tests.servers.common import TIMEFRAMES, BarStore
from tests.servers.common_clock import AdjustableClock
from tests.servers.tws import TwsServer, TwsSettings
from tests.unit.servers.tws.real_bars import index_days, stock_minutes

#: The stand-in's data end with 2018 (index) and with the first days of August 2026 (stock, by the minute).
NEW_YEAR = datetime(2019, 1, 2, 3, 0, tzinfo=UTC)
AUGUST = datetime(2026, 8, 6, 3, 0, tzinfo=UTC)


class StandInClock:
    """The ledger's clock: that of the stand-in, which a sleep moves on."""

    def __init__(self, clock: AdjustableClock) -> None:
        self._clock = clock

    def now(self, _connection) -> int:
        return (self._clock.now() - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)

    def sleep(self, seconds: float) -> None:
        self._clock.advance(seconds)


class Mill:
    """Everything around one stand-in."""

    def __init__(self, server: TwsServer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = server
        self.ledger = ledger
        self._monkeypatch = monkeypatch
        self.wait_at_most(20)

    def wait_at_most(self, seconds: float) -> None:
        """Point ``ibkr_default`` at the stand-in; hooks made from now on wait so long for an answer."""
        connection = {"conn_type": "ibkr", "host": self.server.host, "port": self.server.port, "extra": json.dumps({"timeout": seconds})}
        self._monkeypatch.setenv("AIRFLOW_CONN_IBKR_DEFAULT", json.dumps(connection))

    def hook(self, *, job: Job | None = None, patience: timedelta = timedelta(seconds=30), client_id: int | None = None) -> IbkrHook:
        return IbkrHook(quota=Quota(self.ledger, "ibkr", job, interval=1.0, patience=patience), client_id=client_id)

    def histories(self) -> list:
        return self.server.requests("history")


@contextmanager
def mill(tables, now: datetime, folder: Path, monkeypatch: pytest.MonkeyPatch, *, options=(), **settings) -> Iterator[Mill]:
    """Start a stand-in that paces bars of every size."""
    clock = AdjustableClock(now)
    engine = open_engine(parse_address(f"sqlite:///{folder / 'results.db'}", folder))
    migrate(engine)
    settings = TwsSettings(pace_every_size=True, **settings)
    with TwsServer(BarStore(tables), options=options, clock=clock, settings=settings) as server:
        yield Mill(server, Ledger(engine, StandInClock(clock)), monkeypatch)


@pytest.fixture
def index_mill(tmp_path, monkeypatch) -> Iterator[Mill]:
    """^GSPC by the day, 2016 to 2018."""
    with mill({"^GSPC": {"1d": index_days()}}, NEW_YEAR, tmp_path, monkeypatch) as running:
        yield running


@pytest.fixture
def stock_mill(tmp_path, monkeypatch) -> Iterator[Mill]:
    """AAPL by the minute, some sessions of 2026."""
    with mill({"AAPL": {"1m": stock_minutes()}}, AUGUST, tmp_path, monkeypatch) as running:
        yield running


def instrument(symbol: str, universe: str = "global26") -> Instrument:
    return pick_instruments(load_universe(universe), [symbol])[0]


def plan(*symbols: str, timeframe: str = "1d", start: datetime, end: datetime) -> FetchPlan:
    return FetchPlan("ibkr", "global26", timeframe, start.isoformat(), end.isoformat(), list(symbols))


def landed(lake, symbol: str, timeframe: str, start: datetime, end: datetime) -> list[tuple]:
    """Time, prices and volume of what landed, as the lake gives it to everybody."""
    rows = read_landed(lake, "ibkr", timeframe, symbol, start, end).rows.to_pylist()
    return sorted(tuple(row[name] for name in ("timestamp", "open", "high", "low", "close", "volume")) for row in rows)


def held(rows, start: datetime, end: datetime) -> list[tuple]:
    """The stand-in's own rows of a range."""
    moments = [(_utc(row[0]), *row[1:6]) for row in rows]
    return sorted(row for row in moments if start <= row[0] < end)


def merged(rows, timeframe: str, start: datetime, end: datetime) -> list[tuple]:
    """Bars of a longer timeframe out of minutes of regular hours, on round clock times but for the first of a session."""
    seconds, groups = TIMEFRAMES[timeframe], {}
    for row in held(rows, start, end):
        stamp = int(row[0].timestamp())
        opening = row[0].replace(hour=13, minute=30)  # summer time in New York
        begin = datetime.fromtimestamp(stamp - stamp % seconds, UTC)
        groups.setdefault(max(begin, opening), []).append(row)
    return [
        (begin, group[0][1], max(row[2] for row in group), min(row[3] for row in group), group[-1][4], sum(row[5] for row in group))
        for begin, group in sorted(groups.items())
    ]


def _utc(moment) -> datetime:
    return moment.astimezone(UTC) if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
