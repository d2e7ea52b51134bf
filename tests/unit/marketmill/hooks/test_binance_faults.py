"""Each fault at either of Binance's addresses: the right outcome, and all bars after a rerun; never a hole, never a doubled bar."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from include.landing import list_landed
from marketmill.fetch import FetchPlan, fetch_batch
from marketmill.outcomes import Data, Permanent, RateLimited, Unreachable
from tests.servers.common import BarStore
from tests.servers.http.faults import Fault
from tests.servers.http.yahoo import YahooStandIn
from tests.unit.marketmill.hooks.binance_market import day, instrument, landed, open_market, rows_of, walk

BARS = walk("2024-04-01", "2024-07-01")
MAY = [row for row in BARS if row[0].month == 5]
BTC = instrument("BTC/USDT")

PASSING = {
    "500": Fault("status", "/klines", times=None, status=500),
    "503": Fault("status", "/klines", times=None, status=503),
    "unknown error": Fault("status", "/klines", times=None, status=400),
    "drop": Fault("drop", "/klines", times=None),
    "silent": Fault("silent", "/klines", times=None),
    "truncated": Fault("truncated", "/klines", times=None),
    "garbage": Fault("garbage", "/klines", times=None),
    "empty": Fault("empty", "/klines", times=None),
}
BULK = {
    "500": Fault("status", times=None, status=500),
    "503": Fault("status", times=None, status=503),
    "403": Fault("status", times=None, status=403),
    "drop": Fault("drop", times=None),
    "silent": Fault("silent", times=None),
    "truncated": Fault("truncated", ".zip", times=None),
    "garbage": Fault("garbage", times=None),
    "empty": Fault("empty", times=None),
    "wrong checksum": Fault("wrong_checksum", ".CHECKSUM", times=None),
    "no checksum": Fault("status", ".CHECKSUM", times=None, status=404),
    "broken zip": Fault("broken_zip", times=None),
    "zip bomb": Fault("zip_bomb", times=None),
    "evil name": Fault("evil_name", times=None),
    "garbage rows": Fault("garbage_rows", times=None),
}


@pytest.fixture
def market(monkeypatch, tmp_path):
    with open_market(monkeypatch, tmp_path, {"BTC/USDT": {"1h": BARS}, "ETH/USDT": {"1h": BARS}}, "2024-07-02T12:00:20") as opened:
        yield opened


def once(fault):
    return Fault(fault.kind, fault.matching, status=fault.status)


def be_impatient(market, name):
    """Do not wait long for an answer that never comes, but long enough for all others on a busy machine."""
    if name == "silent":
        market.timeout = timedelta(seconds=0.5)


def fetch(market, hook=None):
    return (hook or market.hook()).fetch(BTC, "1h", day("2024-05-01"), day("2024-06-01"))


@pytest.mark.parametrize("name", PASSING)
def test_a_lasting_fault_of_rest_is_transient_and_a_rerun_completes(market, lake, name):
    market.connect(use_bulk=False)
    be_impatient(market, name)
    market.rest.faults.add(Fault(**{**vars(PASSING[name]), "after": 1}))
    fetched = market.fetch(lake, "BTC/USDT", "1h", "2024-04-01", "2024-07-01")
    assert (fetched.state, fetched.asked) == ("transient", 2)
    assert "127.0.0.1" in fetched.reason or "Binance" in fetched.reason
    assert [answer.start for answer in list_landed(lake, "binance", "1h", "BTC/USDT")] == [day("2024-04-01")]
    market.rest.faults.clear()
    market.forget()
    fetched = market.fetch(lake, "BTC/USDT", "1h", "2024-04-01", "2024-07-01")
    assert (fetched.state, market.asked()) == ("complete", (2, 0)), "April landed and is not asked for again"
    assert landed(lake, "BTC/USDT", "1h", "2024-04-01", "2024-07-01") == BARS


@pytest.mark.parametrize("name", PASSING)
def test_a_fault_that_passes_at_once_is_asked_again(market, name):
    market.connect(use_bulk=False)
    be_impatient(market, name)
    market.rest.faults.add(once(PASSING[name]))
    assert rows_of(fetch(market).rows) == MAY


@pytest.mark.parametrize("name", BULK)
def test_what_is_wrong_with_files_costs_only_time(market, lake, name):
    be_impatient(market, name)
    market.bulk.faults.add(BULK[name])
    assert not market.fetch(lake, "BTC/USDT", "1h", "2024-05-01", "2024-06-01").failed
    assert landed(lake, "BTC/USDT", "1h", "2024-05-01", "2024-06-01") == MAY
    assert market.asked()[0] == 1


@pytest.mark.parametrize("name", BULK)
def test_a_file_that_is_wrong_once_is_loaded_again(market, name):
    be_impatient(market, name)
    market.bulk.faults.add(once(BULK[name]))
    assert rows_of(fetch(market).rows) == MAY
    assert market.asked()[0] == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("zip bomb", "the zip unpacks to more than 32 MiB"),
        ("evil name", "the zip holds something else than BTCUSDT-1h-2024-05.csv"),
        ("broken zip", "the zip is broken"),
        ("wrong checksum", "its checksum does not agree"),
        ("no checksum", "its checksum is missing"),
        ("garbage rows", "the file holds lines that are no bars"),
        ("503", "HTTP 503"),
    ],
)
def test_the_log_says_what_is_wrong_with_a_file(market, caplog, name, words):
    market.bulk.faults.add(BULK[name])
    fetch(market)
    assert f"BTCUSDT-1h-2024-05.zip cannot be used ({words}" in caplog.text


def test_a_file_with_a_header(market):
    market.bulk.faults.add(Fault("header", times=None))
    assert rows_of(fetch(market).rows) == MAY
    assert market.asked() == (0, 2)


def test_a_server_of_files_that_fails_is_left_alone(market, caplog):
    market.bulk.faults.add(Fault("drop", times=None))
    hook = market.hook()
    for month in ("2024-04", "2024-05", "2024-06"):
        for symbol in ("BTC/USDT", "ETH/USDT"):
            start = day(f"{month}-01")
            end = day(f"2024-{start.month + 1:02}-01")
            assert isinstance(hook.fetch(instrument(symbol), "1h", start, end), Data)
    assert market.asked()[1] == 6, "three files, each tried twice"
    assert (
        "BTCUSDT-1h-2024-05.zip cannot be used (no whole answer (ConnectionError)), its bars are taken by REST; no more files"
        in caplog.text
    )


def test_a_revised_file_is_taken_by_a_forced_fetch(market, lake):
    market.fetch(lake, "BTC/USDT", "1h", "2024-05-01", "2024-06-01")
    revised = [(row[0], *row[1:5], row[5] + 1) for row in BARS]
    market.bulk.replace("BTC/USDT", "1h", revised)
    plan = FetchPlan(
        "binance", "crypto", "1h", day("2024-05-01").isoformat(), day("2024-06-01").isoformat(), ["BTC/USDT"], datetime.now(UTC).isoformat()
    )
    fetch_batch(lake, market.hook(), plan)
    assert landed(lake, "BTC/USDT", "1h", "2024-05-01", "2024-06-01") == [row for row in revised if row[0].month == 5]
    assert len(list_landed(lake, "binance", "1h", "BTC/USDT")) == 2


@pytest.mark.parametrize(("status", "seconds", "words"), [(429, 7, "too many requests"), (418, 300, "banned")])
def test_who_is_told_to_wait_waits_and_so_do_all_others(market, lake, status, seconds, words):
    market.connect(use_bulk=False)
    market.rest.faults.add(Fault("status", "/klines", status=status, retry_after=seconds))
    now = market.rest.clock.now()
    outcome = fetch(market)
    assert isinstance(outcome, RateLimited)
    assert f"HTTP {status}: {words}" in outcome.reason
    assert 0 <= outcome.until.timestamp() - now.timestamp() - seconds < 1
    assert len(market.rest.requests()) == 1, "no second try"
    other = market.hook(patience=0).fetch(instrument("ETH/USDT"), "1h", day("2024-05-01"), day("2024-06-01"))
    assert (other, len(market.rest.requests())) == (RateLimited(outcome.until, outcome.reason), 1)
    market.clock.sleep(seconds + 1)
    assert market.fetch(lake, "BTC/USDT", "1h", "2024-05-01", "2024-06-01").state == "complete"


@pytest.mark.parametrize(("status", "seconds"), [(418, 900), (429, 60)])
def test_without_a_length_in_the_header_the_text_says_it_or_the_back_off(market, monkeypatch, status, seconds):
    market.connect(use_bulk=False)
    throttled = type(market.rest)._throttled

    def without_header(stand_in, verdict):
        answer = throttled(stand_in, verdict)
        return replace(answer, headers={name: value for name, value in answer.headers.items() if name != "Retry-After"})

    monkeypatch.setattr(type(market.rest), "_throttled", without_header)
    market.rest.faults.add(Fault("status", "/klines", status=status, retry_after=900))
    now = market.rest.clock.now()
    assert abs((fetch(market).until - now).total_seconds() - seconds) < 2


def test_a_firewall_that_refuses_is_left_alone_for_longer_each_time(market):
    market.connect(use_bulk=False)
    market.rest.faults.add(Fault("status", "/klines", times=None, status=403))
    waits = []
    for _ in range(3):
        outcome = fetch(market)
        waits.append((outcome.until - market.rest.clock.now()).total_seconds())
        market.clock.sleep(waits[-1] + 1)
    assert waits == [pytest.approx(60, abs=1), pytest.approx(120, abs=1), pytest.approx(240, abs=1)]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("status", "/klines", status=451), "does not serve this place"),
        (Fault("status", "/klines", status=404), "is this the address of Binance's REST API?"),
    ],
)
def test_what_somebody_must_change_is_permanent(market, fault, words):
    market.connect(use_bulk=False)
    market.rest.faults.add(fault)
    outcome = fetch(market)
    assert isinstance(outcome, Permanent)
    assert words in outcome.reason
    assert len(market.rest.requests()) == 1


def test_nobody_listens(market):
    market.connect(use_bulk=False)
    hook = market.hook()
    market.rest.__exit__(None, None, None)
    outcome = fetch(market, hook)
    assert isinstance(outcome, Unreachable)
    assert outcome.reason == (
        f"Binance cannot be reached at {market.rest.address} (no connection): look at the network and HTTPS_PROXY, or set another REST "
        "address in the connection, then run the same again"
    )


@pytest.mark.parametrize(
    ("address", "environment", "why"),
    [
        ("http://nobody.invalid", {}, "its name is not found"),
        ("http://nobody.invalid", {"http_proxy": "http://127.0.0.1:1"}, "the proxy does not answer"),
        ("https://127.0.0.1:{tls}", {}, "its certificate is refused; behind a proxy of your own set REQUESTS_CA_BUNDLE"),
    ],
)
def test_who_cannot_be_reached_is_told_in_one_sentence_and_asked_once(market, monkeypatch, lake, address, environment, why):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with YahooStandIn(BarStore({})) as tls:  # it speaks TLS, by an authority that nobody here knows
        place = address.format(tls=tls.port)
        monkeypatch.setenv(
            "AIRFLOW_CONN_BINANCE_DEFAULT", json.dumps({"conn_type": "binance", "host": place, "extra": {"use_bulk": False}})
        )
        plan = FetchPlan("binance", "crypto", "1h", "2024-05-01T00:00:00+00:00", "2024-06-01T00:00:00+00:00", ["BTC/USDT", "ETH/USDT"])
        results = fetch_batch(lake, market.hook(), plan)
    assert [(result.state, result.asked) for result in results] == [("unreachable", 1)] * 2
    assert results[0].reason.startswith(f"Binance cannot be reached at {place} ({why}): ")


def test_a_failing_pair_does_not_stop_the_others(market, lake):
    market.connect(use_bulk=False)
    market.rest.faults.add(Fault("status", "symbol=BTCUSDT", times=None, status=500))
    plan = FetchPlan(
        "binance", "crypto", "1h", day("2024-05-01").isoformat(), day("2024-06-01").isoformat(), ["BTC/USDT", "NONE/USDT", "ETH/USDT"]
    )
    assert [result.state for result in fetch_batch(lake, market.hook(), plan)] == ["transient", "permanent", "complete"]
