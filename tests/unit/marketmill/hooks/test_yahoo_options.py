"""Yahoo's option chains, from the stand-in and out of hostile answers."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from include.option_chains import OPTION_CHAIN
from marketmill.hooks.option_chains import Chain, Expiries
from marketmill.hooks.yahoo_chart import GarbledError
from marketmill.hooks.yahoo_options import parse_chain, parse_expiries
from marketmill.outcomes import ConfirmedEmpty, Permanent, RateLimited, Transient
from tests.servers.common_tables import package_tables
from tests.servers.http.faults import Fault
from tests.servers.http.yahoo import read_option_lines
from tests.shared_data import shared_data
from tests.unit.marketmill.hooks.yahoo_market import instrument, open_market

EXPIRY = date(2025, 10, 3)
SECONDS = int(datetime(2025, 10, 3, tzinfo=UTC).timestamp())


@pytest.fixture(scope="module")
def lines():
    return read_option_lines(shared_data("options", "AAPL_2025-09-28_yfinance.csv"))


@pytest.fixture(scope="module")
def bars():
    packages = package_tables()
    return {name: {"1d": packages[name]["1d"][-2000:]} for name in ("AAPL", "^GSPC")}


@pytest.fixture
def market(monkeypatch, tmp_path, lines, bars):
    with open_market(monkeypatch, tmp_path, bars, "2025-09-28T12:00", options={"AAPL": lines}) as opened:
        yield opened


def test_a_recorded_chain_comes_back_exactly(market, lines):
    hook, apple = market.hook(), instrument("AAPL")
    expiries = hook.list_expiries(apple)
    assert expiries == Expiries(tuple(sorted({line.expiration for line in lines})))
    expected = {line.contract_symbol: line for line in lines if line.expiration == expiries.listed[0]}
    chain = hook.fetch_chain(apple, expiries.listed[0])
    assert isinstance(chain, Chain)
    assert chain.rows.schema == OPTION_CHAIN
    found = {row["contract"]: row for row in chain.rows.to_pylist()}
    assert found.keys() == expected.keys()
    for name, line in expected.items():
        row = found[name]
        assert (row["strike"], row["right"], row["expiry"], row["last_trade"]) == (
            line.strike,
            line.right,
            line.expiration,
            line.last_trade,
        )
        assert (row["bid"], row["ask"], row["last"], row["volume"]) == (line.bid, line.ask, line.last_price, line.volume)
        assert (row["open_interest"], row["implied_volatility"]) == (line.open_interest, line.implied_volatility)
        assert (row["multiplier"], row["currency"], row["delayed"], row["delta"]) == (100.0, "USD", True, None)
    assert len({row["underlying_price"] for row in found.values()}) == 1


def test_an_answer_about_nothing_does_not_say_that_there_are_no_options(market):
    assert isinstance(market.hook().list_expiries(instrument("^GSPC")), Transient)


def test_an_empty_list_of_expiries_says_that_there_are_no_options(market, monkeypatch):
    hook = market.hook()
    monkeypatch.setattr(type(hook._client), "options", lambda *_: {"result": [{"expirationDates": [], "quote": {"symbol": "^GSPC"}}]})
    assert hook.list_expiries(instrument("^GSPC")) == ConfirmedEmpty("Yahoo lists no options of ^GSPC")


def test_an_expiry_that_lost_its_options_is_no_chain(market):
    outcome = market.hook().fetch_chain(instrument("AAPL"), date(2025, 9, 30))
    assert isinstance(outcome, Transient)
    assert "sent no option of it" in outcome.reason


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("status", "/options/", status=429), RateLimited),
        (Fault("status", "/options/", status=401, times=2), Transient),
        (Fault("status", "/options/", status=404, times=2), Transient),
        (Fault("status", "/options/", status=422, times=2), Permanent),
        (Fault("status", "/options/", status=503, times=2), Transient),
        (Fault("garbage", "/options/"), Transient),
        (Fault("truncated", "/options/"), Transient),
        (Fault("silent", "/options/"), Transient),
        (Fault("empty", "/options/AAPL?date"), Transient),
    ],
    ids=lambda value: f"{value.kind} {value.status or ''}".strip() if isinstance(value, Fault) else None,
)
def test_a_fault_then_the_same_hook_brings_the_chain(market, fault, kind):
    apple = instrument("AAPL")
    market.yahoo.faults.add(fault)
    hook = market.hook(timeout=1 if fault.kind == "silent" else 20)
    assert isinstance(hook.fetch_chain(apple, EXPIRY), kind)
    hook = market.hook() if fault.kind == "silent" else hook
    market.clock.sleep(61)
    assert isinstance(hook.fetch_chain(apple, EXPIRY), Chain)


def test_a_crumb_that_ran_out_is_replaced_at_once(market):
    hook, apple = market.hook(), instrument("AAPL")
    market.yahoo.faults.add(Fault("status", "/options/", status=401))
    assert isinstance(hook.fetch_chain(apple, EXPIRY), Chain)
    assert [entry.status for entry in market.yahoo.requests("/options/")] == [401, 200]


def line(**changed):
    return {"contractSymbol": "AAPL251003C00110000", "strike": 110.0, "expiration": SECONDS, "contractSize": "REGULAR"} | changed


def content(**options):
    chain = {"expirationDate": SECONDS, "calls": [line()], "puts": []} | options
    return {"result": [{"expirationDates": [SECONDS], "quote": {}, "options": [chain]}]}


def test_what_is_missing_is_null():
    [row] = parse_chain(content(), EXPIRY).to_pylist()
    assert {name for name, value in row.items() if value is not None} == {"expiry", "strike", "right", "contract", "multiplier", "delayed"}


@pytest.mark.parametrize(
    "options",
    [
        {"expirationDate": SECONDS + 86400},
        {"expirationDate": None},
        {"calls": [line(strike=0)]},
        {"calls": [line(strike=None)]},
        {"calls": [line(strike="high")]},
        {"calls": [line(expiration=SECONDS + 86400)]},
        {"calls": [line(contractSymbol=None, expiration=1)]},
        {"puts": [{}]},
        {"puts": ["x"]},
        {"puts": [line(bid=[1])]},
        {"puts": [line(currency=5)]},
        {"puts": [line(lastTradeDate=1e40)]},
    ],
)
def test_a_chain_that_does_not_hang_together_is_refused(options):
    with pytest.raises(GarbledError):
        parse_chain(content(**options), EXPIRY)


@pytest.mark.parametrize(
    "answer", [None, {}, {"result": None}, {"result": [{}]}, {"result": [{"expirationDates": ["soon"]}]}, {"result": "x"}]
)
def test_expiries_that_are_none_are_refused(answer):
    with pytest.raises(GarbledError):
        parse_expiries(answer)
