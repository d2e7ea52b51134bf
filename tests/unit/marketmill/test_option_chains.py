"""Snapshots of option chains from the Yahoo stand-in: what is held is not asked for, what is not listed is served or named."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from include.option_chains import list_chains, read_chain
from include.universes import load_universe, pick_instruments
from marketmill.option_chains import ChainWish, Snapshot, snapshot_chains
from marketmill.quota.errors import SnapshotLimitError
from marketmill.quota.requests import Job
from tests.servers.common_tables import package_tables
from tests.servers.http.faults import Fault
from tests.servers.http.yahoo import OptionLine
from tests.unit.marketmill.hooks.yahoo_market import day, open_market

FIRST, SECOND, THIRD = date(2021, 3, 5), date(2021, 3, 19), date(2021, 4, 16)
NOW = "2021-03-01T18:00"


def option(symbol: str, expiry: date, right: str, strike: float = 120.0) -> OptionLine:
    name = f"{symbol}{expiry:%y%m%d}{right[0].upper()}{round(strike * 1000):08d}"
    return OptionLine(name, expiry, strike, right, 3.5, datetime(2021, 2, 26, 20, tzinfo=UTC), 0.31, 3.4, 3.6, 12)


@pytest.fixture(scope="module")
def bars():
    rows = package_tables()["AAPL"]["1d"][-2500:]
    return {name: {"1d": rows} for name in ("AAPL", "MSFT")}


@pytest.fixture
def market(monkeypatch, tmp_path, bars):
    chains = {name: [option(name, expiry, right) for expiry in (FIRST, SECOND, THIRD) for right in ("call", "put")] for name in bars}
    with open_market(monkeypatch, tmp_path, bars, NOW, options=chains) as opened:
        yield opened


def take(lake, market, *expiries, symbols=("AAPL",), since=None, job=None):
    now = market.yahoo.clock.now()
    instruments = pick_instruments(load_universe("sample"), list(symbols))
    return snapshot_chains(lake, market.hook(job=job), instruments, ChainWish(expiries, since or now, now.date()))


def asked(market) -> int:
    return len(market.yahoo.requests("/options/"))


def held(lake, symbol="AAPL"):
    return [chain.expiry for chain in list_chains(lake, "yahoo", symbol)]


def test_all_listed_chains_land(lake, market):
    assert take(lake, market, symbols=("AAPL", "MSFT")) == [Snapshot("AAPL", landed=3), Snapshot("MSFT", landed=3)]
    assert asked(market) == 8
    assert held(lake) == held(lake, "MSFT") == [FIRST, SECOND, THIRD]
    contracts = read_chain(lake, list_chains(lake, "yahoo", "AAPL")[1])["contract"].to_pylist()
    assert contracts == ["AAPL210319C00120000", "AAPL210319P00120000"]


def test_only_the_expiries_that_are_wanted_land(lake, market):
    assert take(lake, market, SECOND) == [Snapshot("AAPL", landed=1)]
    assert held(lake) == [SECOND]
    assert asked(market) == 2


def test_the_same_snapshot_again_asks_nothing_and_the_next_one_accumulates(lake, market):
    since = day(NOW)
    take(lake, market, FIRST, SECOND, since=since)
    market.yahoo.record.clear()
    assert take(lake, market, FIRST, SECOND, since=since) == [Snapshot("AAPL", held=2)]
    assert market.yahoo.requests() == []
    market.clock.sleep(timedelta(days=1).total_seconds())
    assert take(lake, market, FIRST, SECOND) == [Snapshot("AAPL", landed=2)]
    assert held(lake) == [FIRST, SECOND, FIRST, SECOND]


def test_after_a_failure_only_the_missing_chains_are_asked_for(lake, market):
    since = day(NOW)
    market.yahoo.faults.add(Fault("garbage", f"date={int(day('2021-03-19').timestamp())}"))
    [failed] = take(lake, market, since=since)
    assert (failed.state, failed.landed) == ("transient", 1)
    market.yahoo.record.clear()
    assert take(lake, market, since=since) == [Snapshot("AAPL", landed=2, held=1)]
    assert asked(market) == 3
    assert held(lake) == [FIRST, SECOND, THIRD]


def test_a_symbol_that_fails_does_not_stop_the_others(lake, market):
    results = take(lake, market, SECOND, symbols=("NOPE", "AAPL"))
    assert [(result.symbol, result.state) for result in results] == [("NOPE", "transient"), ("AAPL", "complete")]
    assert "without a word about NOPE" in results[0].reason


def test_a_source_that_wants_to_be_left_alone_is(lake, market):
    market.yahoo.faults.add(Fault("status", "/options/AAPL?date", status=429))
    [stopped] = take(lake, market, SECOND, symbols=("AAPL", "MSFT"))
    assert stopped.state == "rate_limited"
    assert day(stopped.until[:19]) > market.yahoo.clock.now()
    market.clock.sleep(61)
    assert [result.state for result in take(lake, market, SECOND, symbols=("AAPL", "MSFT"))] == ["complete", "complete"]


def test_an_unlisted_expiry_names_the_nearest_and_the_others_land(lake, market):
    [result] = take(lake, market, date(2021, 3, 12), SECOND)
    assert (result.state, result.landed) == ("permanent", 1)
    assert result.reason == (
        "the expiry 2021-03-12 of AAPL is not listed and no chain of it is held; "
        "the nearest that yahoo lists are 2021-03-05, 2021-03-19, 2021-04-16"
    )


def test_a_past_expiry_is_served_from_the_lake_without_a_question(lake, market):
    take(lake, market, FIRST)
    market.clock.sleep(timedelta(days=10).total_seconds())
    market.yahoo.record.clear()
    assert take(lake, market, FIRST) == [Snapshot("AAPL", held=1)]
    assert market.yahoo.requests() == []


def test_a_past_expiry_that_is_not_held_is_named(lake, market):
    market.clock.sleep(timedelta(days=10).total_seconds())
    [result] = take(lake, market, FIRST)
    assert result.state == "permanent"
    assert "the expiry 2021-03-05 of AAPL is past and no chain of it is held; the nearest that yahoo lists are 2021-03-19" in result.reason


def test_the_run_s_requests_are_limited_and_what_landed_stays(lake, market):
    since, job = day(NOW), Job("snapshot_option_chains test", 3)
    with pytest.raises(SnapshotLimitError, match=r"used 3 of its 3 requests to yahoo, 0 remaining: raise max_snapshots or wait") as limit:
        take(lake, market, since=since, job=job)
    assert (limit.value.used, limit.value.limit, limit.value.remaining) == (3, 3, 0)
    assert held(lake) == [FIRST, SECOND]
    # What is held is free.
    assert take(lake, market, FIRST, SECOND, since=since, job=job) == [Snapshot("AAPL", held=2)]
