"""``airflow dags test`` against each vendor's stand-in, in four processes at once that share nothing but the ledger."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from include.landing import list_landed
from include.option_chains import list_chains
from tests.servers.common_tables import package_tables
from tests.servers.http.faults import Fault
from tests.servers.http.yahoo.options import read_option_lines
from tests.shared_data import shared_data
from tests.system.sources import Airflow, Vendors, held, landed, open_vendors, published
from tests.unit.marketmill.hooks.binance_market import walk

pytestmark = [pytest.mark.system, pytest.mark.long]

STOCKS = [["AAPL", "^GSPC"], ["MSFT", "^IXIC"], ["IBM"], ["GOOG"]]
PAIRS = [["BTC/USDT"], ["ETH/USDT"], ["SOL/USDC"], ["LTC/USDT"]]
YEAR = "2023-01-01", "2024-01-01"
#: When the recorded option chain was listed.
LISTED = datetime(2025, 9, 28, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Backfill:
    """One form; each process has symbols of its own."""

    source: str
    timeframe: str
    symbols: list[list[str]]
    start: str
    end: str

    def form(self, number: int) -> dict[str, Any]:
        return {"source": self.source, "timeframe": self.timeframe, "symbols": self.symbols[number], "start": self.start, "end": self.end}


BACKFILLS = [
    Backfill("yahoo", "1d", STOCKS, "2012-01-01", "2012-04-01"),
    Backfill("ibkr", "1d", STOCKS, "2011-01-01", "2011-04-01"),
    Backfill("binance", "1d", PAIRS, "2024-06-01", "2024-08-01"),  # by REST
    Backfill("binance", "1h", PAIRS, "2024-06-01", "2024-08-01"),  # by bulk files
]


@pytest.fixture(scope="module")
def tables() -> dict[str, dict[str, Any]]:
    stocks = {symbol: {"1d": table["1d"]} for symbol, table in package_tables().items()}
    pair = {"1d": walk("2024-05-01", "2024-09-01", "1d"), "1h": walk(YEAR[0], "2024-09-01", "1h")}
    return {**stocks, **{symbol: pair for symbols in PAIRS for symbol in symbols}}


@pytest.fixture(scope="module")
def vendors(tables, tmp_path_factory) -> Iterator[Vendors]:
    pairs = {symbol: table for symbol, table in tables.items() if "/" in symbol}
    stocks = {symbol: table for symbol, table in tables.items() if "/" not in symbol}
    with open_vendors(tmp_path_factory.mktemp("ledger"), stocks, pairs, LISTED) as opened:
        yield opened
        assert opened.violations() == []


@pytest.fixture(scope="module")
def airflows(airflow_database, vendors, tmp_path_factory) -> Iterator[list[Airflow]]:
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("processes")
        yield [stack.enter_context(Airflow(folder / str(number), vendors.environment)) for number in range(4)]


def test_four_processes_fill_their_lakes_with_exactly_what_the_vendors_hold(airflows, vendors, tables):
    for backfill in BACKFILLS:
        for number, airflow in enumerate(airflows):
            airflow.begin("backfill_market", **backfill.form(number))
    for backfill in BACKFILLS:
        for number, airflow in enumerate(airflows):
            ran = airflow.end()
            assert ran.code == 0, ran.log[-4000:]
            for symbol in backfill.symbols[number]:
                _is_complete(airflow, backfill, symbol, tables)
    assert vendors.violations() == []


def _is_complete(airflow: Airflow, backfill: Backfill, symbol: str, tables) -> None:
    source, timeframe, span = backfill.source, backfill.timeframe, (backfill.start, backfill.end)
    rows = held(tables[symbol][timeframe], *span)
    assert len(rows) > 40
    assert landed(airflow.lake, source, timeframe, symbol, *span) == rows
    assert published(airflow.lake, airflow.lake.bars(timeframe), source, symbol, *span) == rows


def test_a_run_again_asks_for_no_bar(airflows, vendors):
    before = len(vendors.tws.requests())
    ran = airflows[0].run("backfill_market", **BACKFILLS[1].form(0))
    assert ran.code == 0, ran.log[-4000:]
    assert "everything has landed already" in ran.log
    assert len(vendors.tws.requests()) == before


def test_what_a_vendor_refuses_is_named_the_rest_is_published_and_a_rerun_completes(airflows, vendors, tables):
    airflow, span = airflows[1], ("2010-01-01", "2010-03-01")
    form = {"source": "yahoo", "symbols": ["MSFT", "^IXIC"], "start": span[0], "end": span[1]}
    vendors.yahoo.faults.add(Fault("status", "MSFT", times=None, status=422, text="Entrada no válida"))
    ran = airflow.run("backfill_market", **form)
    assert ran.code == 1
    assert "1 of 2 symbols could not be fetched whole, published is what landed whole" in ran.log
    assert "  MSFT: 2010-01-01 to 2010-03-01 is missing: " in ran.log
    assert "Entrada no válida" in ran.log
    assert landed(airflow.lake, "yahoo", "1d", "MSFT", *span) == []
    vendors.yahoo.faults.clear()
    assert airflow.run("backfill_market", **form).code == 0
    for symbol in form["symbols"]:
        assert published(airflow.lake, airflow.lake.bars("1d"), "yahoo", symbol, *span) == held(tables[symbol]["1d"], *span)
    assert len(list_landed(airflow.lake, "yahoo", "1d", "^IXIC")) == 2, "one for each backfill"


def test_a_vendor_that_wants_to_be_left_alone_is_and_the_run_goes_on(airflows, vendors, tables):
    span = "2024-05-01", "2024-06-01"
    vendors.rest.faults.add(Fault("status", "/klines", status=429, retry_after=3))
    ran = airflows[2].run("backfill_market", source="binance", timeframe="1d", symbols=PAIRS[2], start=span[0], end=span[1])
    assert ran.code == 0, ran.log[-4000:]
    assert "too many requests" in ran.log
    assert landed(airflows[2].lake, "binance", "1d", PAIRS[2][0], *span) == held(tables[PAIRS[2][0]]["1d"], *span)


def test_a_killed_backfill_goes_on_with_what_is_missing(airflows, vendors, tables):
    [pair], victim = PAIRS[3], airflows[3]
    form = {"source": "binance", "timeframe": "1h", "symbols": [pair], "start": YEAR[0], "end": YEAR[1]}
    before = len(vendors.bulk.requests())
    vendors.bulk.faults.add(Fault("slow", ".zip", times=None, seconds=0.3))
    victim.begin("backfill_market", **form)
    while not landed(victim.lake, "binance", "1h", pair, "2023-04-01", "2023-05-01"):
        assert victim.process.poll() is None
        time.sleep(0.05)
    victim.kill()
    survived = len(landed(victim.lake, "binance", "1h", pair, *YEAR))
    assert survived < len(held(tables[pair]["1h"], *YEAR)) - 744
    vendors.bulk.faults.clear()
    victim.start()
    ran = victim.run("backfill_market", **form)
    assert ran.code == 0, ran.log[-4000:]
    asked = Counter(entry.path for entry in vendors.bulk.requests()[before:] if entry.path.endswith(".zip"))
    assert len(asked) == 12
    assert sum(asked.values()) <= 13, "only the month that was under way was asked for twice"
    rows = held(tables[pair]["1h"], *YEAR)
    assert landed(victim.lake, "binance", "1h", pair, *YEAR) == rows
    assert published(victim.lake, victim.lake.bars("1h"), "binance", pair, *YEAR) == rows


def test_option_chains_land_once_and_a_past_expiry_is_explained(airflows, vendors):
    vendors.yahoo.options["AAPL"] = read_option_lines(shared_data("options", "AAPL_2025-09-28_yfinance.csv"))
    form = {"source": "yahoo", "symbols": ["AAPL"]}
    ran = airflows[0].run("snapshot_option_chains", expiries=["2025-10-03", "2025-10-17"], **form)
    assert ran.code == 0, ran.log[-4000:]
    assert [str(chain.expiry) for chain in list_chains(airflows[0].lake, "yahoo", "AAPL")] == ["2025-10-03", "2025-10-17"]
    past = airflows[0].run("snapshot_option_chains", expiries=["2025-09-05"], **form)
    assert past.code != 0
    assert "the expiry 2025-09-05 of AAPL is past and no chain of it is held; the nearest that yahoo lists are 2025-10-03" in past.log
