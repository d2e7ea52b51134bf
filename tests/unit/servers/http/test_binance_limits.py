"""The weight limit of the Binance stand-in: counted per fixed minute, 429, then a ban."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import ccxt
import pytest
import requests

from tests.servers.common import BarStore
from tests.servers.common_clock import AdjustableClock
from tests.servers.http.binance import BinanceStandIn
from tests.servers.http.binance.limits import WeightLimit
from tests.servers.http.faults import Fault
from tests.unit.servers.http.conftest import Walk, exchange

NOW = datetime(2024, 6, 1, 12, 0, 20, tzinfo=UTC)


@pytest.fixture
def stand_in(walk: Walk) -> Iterator[BinanceStandIn]:
    bars = BarStore({"BTC/USDT": {"1h": walk(NOW - timedelta(days=2), timedelta(hours=1), 40)}})
    with BinanceStandIn(bars, clock=AdjustableClock(NOW), weight_limit=24) as running:
        yield running


def klines(stand_in: BinanceStandIn) -> requests.Response:
    return requests.get(f"{stand_in.url}/klines?symbol=BTCUSDT&interval=1h&limit=1", timeout=5)


def test_weights_and_headers(stand_in: BinanceStandIn) -> None:
    used = [requests.get(stand_in.url + path, timeout=5).headers["X-MBX-USED-WEIGHT-1M"] for path in ("/ping", "/time", "/exchangeInfo")]
    assert [*used, klines(stand_in).headers["X-MBX-USED-WEIGHT"]] == ["1", "2", "22", "24"]
    limits = requests.get(f"{stand_in.url}/exchangeInfo", timeout=5)
    assert limits.status_code == 429


def test_over_the_limit_429_until_the_minute_ends(stand_in: BinanceStandIn) -> None:
    assert {klines(stand_in).status_code for _ in range(12)} == {200}
    refused = klines(stand_in)
    assert (refused.status_code, refused.headers["Retry-After"], refused.json()["code"]) == (429, "40", -1003)
    assert "current limit is 24 request weight per 1 MINUTE" in refused.json()["msg"]
    assert [broken.rule for broken in stand_in.violations()] == ["weight over 24 in a minute"]
    stand_in.advance(39)
    assert klines(stand_in).headers["Retry-After"] == "1"
    assert stand_in.violations()[-1].rule == "request before Retry-After is over"
    stand_in.advance(1)
    answer = klines(stand_in)
    assert (answer.status_code, answer.headers["X-MBX-USED-WEIGHT-1M"]) == (200, "2")


def test_those_who_hurry_are_banned_and_longer_each_time(stand_in: BinanceStandIn) -> None:
    for _ in range(12):
        klines(stand_in)
    assert [klines(stand_in).status_code for _ in range(5)] == [429] * 5
    banned = klines(stand_in)
    until = int((NOW + timedelta(seconds=120)).timestamp() * 1000)
    assert (banned.status_code, banned.headers["Retry-After"]) == (418, "120")
    assert f"IP banned until {until}." in banned.json()["msg"]
    stand_in.advance(119)
    assert klines(stand_in).status_code == 418
    assert stand_in.violations()[-1].rule == "request while banned"
    stand_in.advance(1)
    assert klines(stand_in).status_code == 200

    for _ in range(10):  # the refused one in this minute counted too
        klines(stand_in)
    assert [klines(stand_in).status_code for _ in range(6)] == [429] * 5 + [418]
    assert klines(stand_in).headers["Retry-After"] == "240"


def test_ccxt_calls_both_by_one_name_and_shows_the_headers(stand_in: BinanceStandIn) -> None:
    client = exchange(stand_in, enableRateLimit=False)
    client.load_markets()
    for _ in range(2):
        client.fetch_ohlcv("BTC/USDT")
    assert client.last_response_headers["X-MBX-USED-WEIGHT-1M"] == "24"
    with pytest.raises(ccxt.DDoSProtection, match="Too much request weight used"):
        client.fetch_ohlcv("BTC/USDT")
    assert client.last_response_headers["Retry-After"] == "40"
    stand_in.faults.add(Fault("status", status=418))
    with pytest.raises(ccxt.DDoSProtection, match="IP banned until"):
        client.fetch_ohlcv("BTC/USDT")
    assert client.last_response_headers["Retry-After"] == "120"


def test_429_on_demand_binds_without_blaming_the_client(stand_in: BinanceStandIn) -> None:
    stand_in.faults.add(Fault("status", matching="/klines", status=429, retry_after=7))
    assert klines(stand_in).headers["Retry-After"] == "7"
    assert stand_in.violations() == []
    assert klines(stand_in).status_code == 429
    assert [broken.rule for broken in stand_in.violations()] == ["request before Retry-After is over"]
    stand_in.advance(7)
    assert klines(stand_in).status_code == 200


def test_418_on_demand_bans(stand_in: BinanceStandIn) -> None:
    stand_in.faults.add(Fault("status", status=418, retry_after=300))
    assert klines(stand_in).status_code == 418
    assert stand_in.violations() == []
    assert klines(stand_in).status_code == 418
    stand_in.advance(300)
    assert klines(stand_in).status_code == 200


def test_a_ban_is_never_longer_than_three_days() -> None:
    limit, now = WeightLimit(1, overruns=0, first_ban=120), NOW
    lengths = []
    for _ in range(14):
        limit.judge(2, now)
        lengths.append(limit.judge(0, now).retry_after)
        now += timedelta(days=4)
    assert lengths[:3] == [120, 240, 480]
    assert lengths[-2:] == [259200, 259200]
