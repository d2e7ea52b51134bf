"""Four processes fetch more than a vendor's limits let through at once: no rule is broken, and each bar is asked for once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.lake import Lake
from include.results.address import parse_address
from include.results.engine import open_engine
from include.results.migrate import migrate
from marketmill.fetch import FetchPlan
from marketmill.quota.rules import Minute
from marketmill.quota.vendors import BackOff, Limits
from tests.servers.common import BarStore
from tests.servers.common_tables import package_tables
from tests.servers.http.binance import BinanceStandIn
from tests.servers.http.yahoo import YahooStandIn
from tests.servers.tws import TwsServer, TwsSettings
from tests.system.fetching import VendorClock, fetch_together, shared_clock
from tests.system.sources import held, landed
from tests.unit.marketmill.hooks.binance_market import walk

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("sources")]

#: So little that four processes fill several minutes within some seconds.
WEIGHT = 120
FEW = Limits((Minute("weight", WEIGHT, 0.88),), timedelta(minutes=1), BackOff(timedelta(minutes=1), timedelta(hours=1)))


@dataclass(frozen=True)
class Load:
    """What the four processes fetch; every symbol has the same bars."""

    timeframe: str
    symbols: list[str]
    rows: list[Any]
    start: str
    end: str

    @property
    def tables(self) -> dict[str, dict[str, Any]]:
        return {symbol: {self.timeframe: self.rows} for symbol in self.symbols}

    def plans(self, source: str) -> list[FetchPlan]:
        start, end = (datetime.fromisoformat(text).replace(tzinfo=UTC).isoformat() for text in (self.start, self.end))
        shares = [self.symbols[number::4] for number in range(4)]
        return [FetchPlan(source, "global26", self.timeframe, start, end, share) for share in shares]


@pytest.fixture
def together(tmp_path):
    """Run a load against a stand-in, and see that all of it landed, once."""
    address = f"sqlite:///{tmp_path / 'results.db'}"
    migrate(open_engine(parse_address(address, tmp_path)))
    clock = shared_clock(4)

    def run(source: str, load: Load, server: Any, environment: dict[str, str], limits: dict[str, Limits] | None = None) -> float:
        lake = Lake(str(tmp_path / "lake"))
        environment = {"LAKE": lake.url, "RESULTS_URL": address, **environment}
        seconds = fetch_together(clock, load.plans(source), environment, limits or {})
        assert server.violations() == []
        rows = held(load.rows, load.start, load.end)
        for symbol in load.symbols:
            assert landed(lake, source, load.timeframe, symbol, load.start, load.end) == rows
        return seconds

    run.clock = VendorClock(clock)
    return run


def test_ibkr(together):
    load = Load("1h", ["AAPL", "MSFT", "IBM", "GOOG"], package_tables()["AAPL"]["1h"], "2024-09-01", "2026-08-01")
    with TwsServer(BarStore(load.tables), clock=together.clock, settings=TwsSettings(pace_every_size=True)) as tws:
        connection = {"conn_type": "ibkr", "host": tws.host, "port": tws.port}
        seconds = together("ibkr", load, tws, {"AIRFLOW_CONN_IBKR_DEFAULT": json.dumps(connection)})
        assert len(tws.requests("history")) == 4 * 25
    assert 600 < seconds < 1.2 * 660, "60 requests in the first ten minutes, the rest after them"


def test_yahoo(together):
    rows = [row for row in package_tables()["AAPL"]["1d"] if row[0].year == 2018]
    load = Load("1d", [f"S{number:03}" for number in range(140)], rows, "2018-03-01", "2018-04-01")
    with YahooStandIn(BarStore(load.tables), clock=together.clock) as yahoo:
        seconds = together("yahoo", load, yahoo, yahoo.environment)
        assert len(yahoo.requests("/chart/")) == 140
    assert seconds >= 69, "two requests a second"


def test_binance(together):
    pairs = ["BTC/USDT", "ETH/USDT", "SOL/USDC", "LTC/USDT"]
    load = Load("1h", pairs, walk("2022-01-01", "2024-02-01"), "2022-01-01", "2024-01-01")
    with BinanceStandIn(BarStore(load.tables), clock=together.clock, weight_limit=WEIGHT) as rest:
        connection = {"conn_type": "binance", "host": rest.address, "extra": {"use_bulk": False}}
        environment = {"AIRFLOW_CONN_BINANCE_DEFAULT": json.dumps(connection)}
        seconds = together("binance", load, rest, environment, {"binance": FEW})
        assert len(rest.requests("/klines")) == 4 * 24
    assert seconds >= 60, "no minute holds them all"
