"""Faults on demand: how each arrives at the unmodified client, and that the next request is answered."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import ccxt
import pytest
import requests

from tests.servers.common import BarStore
from tests.servers.http.binance import BinanceStandIn
from tests.servers.http.faults import Fault
from tests.unit.servers.http.conftest import Walk, exchange

START = datetime(2024, 5, 28, tzinfo=UTC)


@pytest.fixture
def stand_in(walk: Walk) -> Iterator[BinanceStandIn]:
    bars = BarStore({symbol: {"1h": walk(START, timedelta(hours=1), 40)} for symbol in ("BTC/USDT", "ETH/USDT")})
    with BinanceStandIn(bars) as running:
        yield running


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (Fault("status", "/klines", status=502), ccxt.ExchangeNotAvailable, "502 Bad Gateway"),
        (Fault("status", "/klines", status=503), ccxt.ExchangeNotAvailable, "503"),
        (Fault("status", "/klines", status=400, text="odd"), ccxt.OperationFailed, "odd"),
        (Fault("drop", "/klines"), ccxt.NetworkError, ""),
        (Fault("truncated", "/klines"), ccxt.NetworkError, ""),
        (Fault("silent", "/klines"), ccxt.RequestTimeout, ""),
    ],
    ids=lambda value: f"{value.kind} {value.status or ''}".strip() if isinstance(value, Fault) else None,
)
def test_ccxt_meets_the_fault_once(stand_in: BinanceStandIn, fault: Fault, error: type[Exception], words: str) -> None:
    client = exchange(stand_in, timeout=500)
    client.load_markets()
    stand_in.faults.add(fault)
    with pytest.raises(error, match=words):
        client.fetch_ohlcv("BTC/USDT", "1h")
    assert len(client.fetch_ohlcv("BTC/USDT", "1h")) == 40
    assert [entry.fault for entry in stand_in.requests("klines")] == [fault.kind, ""]


def test_garbage_comes_out_of_ccxt_as_rows_of_nothing(stand_in: BinanceStandIn) -> None:
    client = exchange(stand_in)
    client.load_markets()
    stand_in.faults.add(Fault("garbage", "/klines"))
    rows = client.fetch_ohlcv("BTC/USDT", "1h")
    assert rows
    assert all(value is None for row in rows for value in row)


def test_empty_and_slow(stand_in: BinanceStandIn) -> None:
    client = exchange(stand_in)
    client.load_markets()
    stand_in.faults.add(Fault("empty", "/klines"), Fault("slow", "/klines", seconds=0.3))
    assert client.fetch_ohlcv("BTC/USDT", "1h") == []
    began = time.monotonic()
    assert len(client.fetch_ohlcv("BTC/USDT", "1h")) == 40
    assert time.monotonic() - began >= 0.3


def test_only_matching_requests_after_some_and_so_many_times(stand_in: BinanceStandIn) -> None:
    stand_in.faults.add(Fault("status", "symbol=ETHUSDT", status=500, after=1, times=2))
    asked = ["ETHUSDT", "BTCUSDT", "ETHUSDT", "BTCUSDT", "ETHUSDT", "ETHUSDT"]
    url = f"{stand_in.url}/klines?interval=1h&symbol="
    assert [requests.get(url + name, timeout=5).status_code for name in asked] == [200, 200, 500, 200, 500, 200]


def test_a_lasting_fault_until_it_is_cleared(stand_in: BinanceStandIn) -> None:
    stand_in.faults.add(Fault("status", status=503, times=None))
    assert {requests.get(f"{stand_in.url}/ping", timeout=5).status_code for _ in range(3)} == {503}
    assert stand_in.faults.waiting()[0]["seen"] == 3
    stand_in.faults.clear()
    assert requests.get(f"{stand_in.url}/ping", timeout=5).status_code == 200


def test_wrong_faults_are_refused(stand_in: BinanceStandIn) -> None:
    with pytest.raises(ValueError, match="'zip_bomb' is not one of"):
        stand_in.faults.add(Fault("zip_bomb"))
    with pytest.raises(ValueError, match="400 to 599, not 200"):
        Fault("status", status=200)


def test_stopping_ends_what_is_open(walk: Walk) -> None:
    with BinanceStandIn(BarStore({"BTC/USDT": {"1h": walk(START, timedelta(hours=1), 3)}})) as running:
        session = requests.Session()
        assert session.get(f"{running.url}/ping", timeout=5).status_code == 200
    with pytest.raises(requests.ConnectionError):
        session.get(f"{running.url}/ping", timeout=5)
    with pytest.raises(ccxt.NetworkError):
        exchange(running).load_markets()
