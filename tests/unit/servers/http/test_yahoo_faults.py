"""Faults and rules of the Yahoo stand-in as they arrive at the unmodified yfinance."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.servers.common import BarStore
from tests.servers.common_clock import AdjustableClock
from tests.servers.http.faults import Fault
from tests.servers.http.yahoo import YahooStandIn
from tests.servers.http.yahoo.access import Quota
from tests.unit.servers.http.conftest import Walk, YahooClient

START = datetime(2020, 1, 1, tzinfo=UTC)
HISTORY = "period1"
SPAN = {"start": "2020-01-01", "end": "2020-02-01", "auto_adjust": False}


@pytest.fixture
def yahoo(walk: Walk) -> Iterator[YahooStandIn]:
    bars = BarStore({symbol: {"1d": walk(START, timedelta(days=1), 31)} for symbol in ("AAPL", "MSFT")})
    with YahooStandIn(bars, clock=AdjustableClock(START + timedelta(days=40))) as running:
        yield running


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (Fault("status", HISTORY, status=429, times=2), "YFRateLimitError", "Too Many Requests"),
        (Fault("status", HISTORY, status=404, times=2), "YFPricesMissingError", "No data found, symbol may be delisted"),
        (Fault("status", HISTORY, status=422, times=2, text="odd"), "YFPricesMissingError", "odd"),
        (Fault("status", HISTORY, status=500, times=2), "JSONDecodeError", ""),
        (Fault("status", HISTORY, status=503, times=2), "YFDataException", "CURRENTLY DOWN"),
        (Fault("garbage", HISTORY), "JSONDecodeError", ""),
        (Fault("null_result", HISTORY), "YFPricesMissingError", ""),
        (Fault("empty", HISTORY), "YFPricesMissingError", ""),
        (Fault("truncated", HISTORY), "ConnectionError", ""),
        (Fault("drop", HISTORY, times=2), "ConnectionError", ""),
        (Fault("silent", HISTORY), "Timeout", ""),
    ],
    ids=lambda value: f"{value.kind} {value.status or ''}".strip() if isinstance(value, Fault) else None,
)
def test_yfinance_meets_the_fault(yahoo: YahooStandIn, yahoo_client: YahooClient, fault: Fault, error: str, words: str) -> None:
    yahoo.faults.add(fault)
    with yahoo_client(yahoo) as yf:
        ticker = yf.Ticker("AAPL")
        with pytest.raises(Exception, match=words) as met:
            ticker.history(**SPAN, timeout=1)
        assert met.type.__name__ == error
        yf.data.YfData.cache_get.cache_clear()
        assert len(ticker.history(**SPAN)) == 31


def test_yfinance_keeps_a_bad_answer_and_asks_no_more(yahoo: YahooStandIn, yahoo_client: YahooClient) -> None:
    yahoo.faults.add(Fault("status", HISTORY, status=500, times=2))
    with yahoo_client(yahoo) as yf:
        for _ in range(2):
            with pytest.raises(ValueError, match=""):
                yf.Ticker("AAPL").history(**SPAN)
    assert len([entry for entry in yahoo.requests("chart/AAPL") if HISTORY in entry.query]) == 2


def test_null_rows_on_demand(yahoo: YahooStandIn, yahoo_client: YahooClient) -> None:
    yahoo.faults.add(Fault("nulls", HISTORY))
    with yahoo_client(yahoo) as yf:
        frame = yf.Ticker("AAPL").history(keepna=True, **SPAN)
    assert frame["Close"].isna().tolist() == [place % 5 == 0 for place in range(31)]


def test_invalid_crumb_on_demand_is_repaired_by_a_new_one(yahoo: YahooStandIn, yahoo_client: YahooClient) -> None:
    yahoo.faults.add(Fault("status", "/v7/finance/options", status=401))
    with yahoo_client(yahoo) as yf:
        assert yf.Ticker("AAPL").options == ()
    assert [entry.status for entry in yahoo.requests("options")] == [401, 200]


def test_wrong_crumb_is_refused(yahoo: YahooStandIn) -> None:
    from curl_cffi import requests

    session = requests.Session(proxies={"https": yahoo.address}, verify=str(yahoo.authority))
    options = "https://query2.finance.yahoo.com/v7/finance/options/AAPL?crumb="
    answer = session.get(options)
    assert (answer.status_code, answer.json()["finance"]["error"]["description"]) == (401, "Invalid Crumb")
    assert session.get("https://query1.finance.yahoo.com/v1/test/getcrumb").status_code == 401
    assert session.get("https://fc.yahoo.com").status_code == 404
    crumb = session.get("https://query1.finance.yahoo.com/v1/test/getcrumb").text
    assert session.get(options + crumb).status_code == 200
    assert session.get(options + crumb[::-1]).status_code == 401


def test_no_other_host_is_reached(yahoo: YahooStandIn) -> None:
    from curl_cffi import requests

    session = requests.Session(proxies={"https": yahoo.address}, verify=str(yahoo.authority))
    for host in ("example.com", "finance.yahoo.com.example.com", "mail.yahoo.com"):
        with pytest.raises(requests.exceptions.RequestException):
            session.get(f"https://{host}/")
    assert [broken.detail for broken in yahoo.violations()] == [
        "CONNECT example.com:443",
        "CONNECT finance.yahoo.com.example.com:443",
        "CONNECT mail.yahoo.com:443",
    ]


def test_the_authority_is_needed(yahoo: YahooStandIn) -> None:
    from curl_cffi import requests

    with YahooStandIn(BarStore({})) as other, pytest.raises(requests.exceptions.CertificateVerifyError):
        requests.get("https://fc.yahoo.com", proxies={"https": yahoo.address}, verify=str(other.authority))


def test_over_the_quota_429_for_a_while(walk: Walk, yahoo_client: YahooClient) -> None:
    from yfinance.exceptions import YFRateLimitError

    bars = BarStore({symbol: {"1d": walk(START, timedelta(days=1), 31)} for symbol in ("AAPL", "MSFT")})
    clock = AdjustableClock(START + timedelta(days=40))
    with YahooStandIn(bars, clock=clock, per_minute=4, pause=30) as yahoo, yahoo_client(yahoo) as yf:
        assert len(yf.Ticker("AAPL").history(**SPAN)) == 31  # crumb, time zone, history
        with pytest.raises(YFRateLimitError):
            yf.Ticker("MSFT").history(**SPAN)
        assert [broken.rule for broken in yahoo.violations()] == ["more than 4 requests in a minute"]
        with pytest.raises(YFRateLimitError):
            yf.Ticker("MSFT").history(**SPAN)
        assert "request while throttled" in {broken.rule for broken in yahoo.violations()}
        yahoo.advance(90)
        assert len(yf.Ticker("MSFT").history(**SPAN)) == 31


def test_the_quota_slides() -> None:
    quota = Quota(2, pause=10)
    assert [quota.refuses(moment)[0] for moment in (0, 59, 60, 61, 70, 71, 119, 120)] == [
        False, False, False, True, True, True, False, False,
    ]  # fmt: skip
