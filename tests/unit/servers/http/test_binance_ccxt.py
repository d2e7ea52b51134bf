"""What the unmodified ccxt reads from the Binance stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import ccxt
import ccxt.async_support
import pytest
import requests

from tests.servers.common import BarStore, Row
from tests.servers.common_clock import AdjustableClock
from tests.servers.common_tables import read_csv_rows
from tests.servers.http.binance import BinanceStandIn
from tests.shared_data import shared_data
from tests.unit.servers.http.conftest import Walk, exchange

START = datetime(2024, 5, 28, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def rows(walk: Walk) -> list[Row]:
    return walk(START, HOUR, 2400)


@pytest.fixture
def stand_in(rows: list[Row], walk: Walk) -> Iterator[BinanceStandIn]:
    clock = AdjustableClock(START + 2400 * HOUR)
    bars = BarStore({"BTC/USDT": {"1h": rows}, "MATIC/USDT": {"1h": walk(START, HOUR, 30)}})
    with BinanceStandIn(bars, delisted=["MATIC/USDT"], clock=clock) as running:
        yield running


def wire(rows: list[Row]) -> list[list[Any]]:
    return [[int(row[0].timestamp() * 1000), *row[1:]] for row in rows]


def walked(client: ccxt.binance, symbol: str, timeframe: str, since: datetime) -> list[list[Any]]:
    got: list[list[Any]] = []
    after = int(since.timestamp() * 1000)
    while page := client.fetch_ohlcv(symbol, timeframe, after, 1000):
        got += page
        after = page[-1][0] + 1
    return got


def test_pages_give_exactly_the_bars(stand_in: BinanceStandIn, rows: list[Row]) -> None:
    assert walked(exchange(stand_in), "BTC/USDT", "1h", START) == wire(rows)
    assert [entry.path for entry in stand_in.requests()] == ["/api/v3/exchangeInfo", *["/api/v3/klines"] * 4]
    assert stand_in.violations() == []


def test_real_bars() -> None:
    real = read_csv_rows(shared_data("crypto", "BTCUSDT_1h_2021.csv"))
    with BinanceStandIn(BarStore({"BTC/USDT": {"1h": real}})) as running:
        assert walked(exchange(running), "BTC/USDT", "1h", real[0][0]) == wire(real)


def test_async_client_reads_the_same(stand_in: BinanceStandIn, rows: list[Row]) -> None:
    async def read() -> list[list[Any]]:
        urls = {"api": {"public": stand_in.url}}
        client = ccxt.async_support.binance({"urls": urls, "options": {"fetchMarkets": {"types": ["spot"]}}})
        try:
            return await client.fetch_ohlcv("BTC/USDT", "1h", int(START.timestamp() * 1000), 5)
        finally:
            await client.close()

    assert asyncio.run(read()) == wire(rows[:5])


def test_range_rounds_up_and_its_end_is_inclusive(stand_in: BinanceStandIn, rows: list[Row]) -> None:
    first, last = (int((START + count * HOUR).timestamp() * 1000) for count in (3, 6))
    got = exchange(stand_in).fetch_ohlcv("BTC/USDT", "1h", first - 1, 100, {"until": last})
    assert got == wire(rows[3:7])


def test_without_start_the_newest_rows(stand_in: BinanceStandIn, rows: list[Row]) -> None:
    client = exchange(stand_in)
    assert client.fetch_ohlcv("BTC/USDT", "1h", None, 2) == wire(rows[-2:])
    assert len(client.fetch_ohlcv("BTC/USDT", "1h")) == 500
    assert len(requests.get(f"{stand_in.url}/klines?symbol=BTCUSDT&interval=1h&limit=5000", timeout=5).json()) == 1000


def test_before_listing_the_first_bar_and_after_delisting_nothing(stand_in: BinanceStandIn, walk: Walk) -> None:
    client = exchange(stand_in)
    client.load_markets()
    assert (client.market("MATIC/USDT")["active"], client.market("BTC/USDT")["active"]) == (False, True)
    long_before = int(datetime(2018, 1, 1, tzinfo=UTC).timestamp() * 1000)
    assert client.fetch_ohlcv("MATIC/USDT", "1h", long_before, 1) == wire(walk(START, HOUR, 1))
    after = int((START + 30 * HOUR).timestamp() * 1000)
    assert client.fetch_ohlcv("MATIC/USDT", "1h", after, 1000) == []


def test_the_bar_under_way_is_unfinished_and_later_ones_are_hidden(walk: Walk) -> None:
    rows = walk(START, HOUR, 10)
    clock = AdjustableClock(START + timedelta(hours=4, minutes=30))
    with BinanceStandIn(BarStore({"BTC/USDT": {"1h": rows}}), clock=clock) as running:
        client = exchange(running)
        got = client.fetch_ohlcv("BTC/USDT", "1h", int(START.timestamp() * 1000))
        assert got[:4] == wire(rows[:4])
        assert len(got) == 5
        assert got[4][:2] == wire(rows)[4][:2]
        assert got[4][5] == rows[4][5] // 2
        assert got[4] != wire(rows)[4]
        running.advance(1800)
        assert client.fetch_ohlcv("BTC/USDT", "1h", int(START.timestamp() * 1000))[:5] == wire(rows[:5])


def test_longer_bars_are_made_of_shorter_ones(stand_in: BinanceStandIn, rows: list[Row]) -> None:
    day = exchange(stand_in).fetch_ohlcv("BTC/USDT", "1d", int(START.timestamp() * 1000), 1)[0]
    hours = rows[:24]
    highest, lowest = max(row[2] for row in hours), min(row[3] for row in hours)
    assert day[:5] == [int(START.timestamp() * 1000), hours[0][1], highest, lowest, hours[-1][4]]
    assert day[5] == pytest.approx(sum(row[5] for row in hours))
    raw = requests.get(f"{stand_in.url}/klines?symbol=BTCUSDT&interval=1M&limit=2", timeout=5).json()
    assert [datetime.fromtimestamp(row[0] / 1000, UTC).day for row in raw] == [1, 1]
    raw = requests.get(f"{stand_in.url}/klines?symbol=BTCUSDT&interval=1w&limit=3", timeout=5).json()
    assert {datetime.fromtimestamp(row[0] / 1000, UTC).weekday() for row in raw} == {0}


def test_rows_have_the_twelve_columns(stand_in: BinanceStandIn, rows: list[Row]) -> None:
    row = requests.get(f"{stand_in.url}/klines?symbol=BTCUSDT&interval=1h&limit=1", timeout=5).json()[0]
    assert [type(value) for value in row] == [int, *[str] * 5, int, str, int, str, str, str]
    assert row[6] == row[0] + 3_600_000 - 1
    assert row[4] == f"{rows[-1][4]:.8f}"


def test_restated_history_is_served_at_once(stand_in: BinanceStandIn, walk: Walk) -> None:
    revised = walk(START, 2 * HOUR, 3)
    stand_in.replace("BTC/USDT", "1h", revised)
    assert walked(exchange(stand_in), "BTC/USDT", "1h", START) == wire(revised)


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("interval=1h", -1102, "Mandatory parameter 'symbol'"),
        ("symbol=BTCUSDT&interval=", -1102, "Mandatory parameter 'interval'"),
        ("symbol=NOPEUSDT&interval=1h", -1121, "Invalid symbol."),
        ("symbol=BTCUSDT&interval=7h", -1120, "Invalid interval."),
        ("symbol=btc&interval=1h", -1100, "Illegal characters"),
        ("symbol=BTCUSDT&interval=1h&startTime=yesterday", -1100, "'startTime'"),
    ],
)
def test_wrong_queries(stand_in: BinanceStandIn, query: str, code: int, words: str) -> None:
    answer = requests.get(f"{stand_in.url}/klines?{query}", timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert words in answer.json()["msg"]
    assert "X-MBX-USED-WEIGHT-1M" in answer.headers


def test_errors_as_ccxt_names_them(stand_in: BinanceStandIn) -> None:
    client = exchange(stand_in)
    client.load_markets()
    with pytest.raises(ccxt.BadSymbol, match="does not have market symbol"):
        client.fetch_ohlcv("NOPE/USDT")
    with pytest.raises(ccxt.BadSymbol, match="-1121"):
        client.publicGetKlines({"symbol": "NOPEUSDT", "interval": "1h"})
    with pytest.raises(ccxt.BadRequest, match="-1120"):
        client.fetch_ohlcv("BTC/USDT", "7h")


def test_unknown_path_is_a_web_page(stand_in: BinanceStandIn) -> None:
    answer = requests.get(f"{stand_in.url}/depth", timeout=5)
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (404, "text/html")
    assert requests.get(f"{stand_in.url}/time", timeout=5).json() == {"serverTime": int((START + 2400 * HOUR).timestamp() * 1000)}


def test_a_symbol_that_is_no_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="'AAPL' is no pair"):
        BinanceStandIn(BarStore({"AAPL": {"1d": []}}))
