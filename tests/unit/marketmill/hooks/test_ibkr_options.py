"""Option chains of the source ``ibkr`` from a stand-in of TWS."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

import pytest

from include.option_chains import LandedChain, list_chains, read_chain, write_chain
from marketmill.hooks.option_chains import Chain, Expiries
from marketmill.outcomes import ConfirmedEmpty, Permanent, RateLimited, Transient
from marketmill.quota.errors import SnapshotLimitError
from marketmill.quota.requests import Job
from tests.servers.tws import Fault
from tests.servers.tws.greeks import option_greeks
from tests.servers.tws.options import computed_chain, recorded_chain, years_left
from tests.shared_data import shared_data
from tests.unit.marketmill.hooks.ibkr_stand_in import instrument, mill
from tests.unit.servers.tws.real_bars import index_days

EVENING = datetime(2018, 6, 15, 19, 0, tzinfo=UTC)
QUOTES = computed_chain("SPY", [float(row[4]) for row in index_days() if row[0] < EVENING][-21:], EVENING)
JULY, AUGUST, SEPTEMBER = date(2018, 7, 20), date(2018, 8, 17), date(2018, 9, 21)
SPY = instrument("SPY", "core5")


@pytest.fixture
def spy_mill(tmp_path, monkeypatch):
    with mill({"AAPL": {"1d": index_days()}}, EVENING, tmp_path, monkeypatch, options=QUOTES) as running:
        yield running


def chain_of(running, expiry: date = JULY, **settings):
    hook = running.hook(**settings)
    try:
        return hook.fetch_chain(SPY, expiry)
    finally:
        hook.close()


def test_expiries_are_listed_and_a_stock_without_options_has_none(spy_mill) -> None:
    hook = spy_mill.hook()
    assert hook.list_expiries(SPY) == Expiries((JULY, AUGUST, SEPTEMBER))
    assert hook.list_expiries(instrument("AAPL")) == ConfirmedEmpty("IBKR lists no options of AAPL")
    hook.close()


def test_a_chain_has_every_quote_and_the_greeks_of_the_model(spy_mill) -> None:
    chain = chain_of(spy_mill)
    assert isinstance(chain, Chain)
    rows = {(row["right"], row["strike"]): row for row in chain.rows.to_pylist()}
    wanted = {({"C": "call", "P": "put"}[quote.right], quote.strike): quote for quote in QUOTES if quote.expiry == JULY}
    assert rows.keys() == wanted.keys()
    for key, quote in wanted.items():
        row = rows[key]
        assert (row["bid"], row["ask"], row["last"], row["volume"]) == (quote.bid, quote.ask, quote.last, quote.volume)
        greeks = option_greeks(quote.right, quote.underlying_price, quote.strike, years_left(JULY, EVENING), quote.implied_volatility)
        assert row["implied_volatility"] == pytest.approx(quote.implied_volatility)
        for name in ("delta", "gamma", "vega", "theta"):
            assert row[name] == pytest.approx(getattr(greeks, name)), name
        assert row["underlying_price"] == quote.underlying_price
        assert (row["expiry"], row["multiplier"], row["currency"], row["delayed"]) == (JULY, 100.0, "USD", False)
        assert (row["open_interest"], row["last_trade"]) == (None, None)
    assert len({row["contract"] for row in rows.values()}) == len(rows)
    assert spy_mill.server.violations() == []


def test_delayed_quotes_are_taken_without_a_subscription_and_marked(tmp_path, monkeypatch) -> None:
    with mill({}, EVENING, tmp_path, monkeypatch, options=QUOTES, subscribed=False) as running:
        chain = chain_of(running)
        assert isinstance(chain, Chain)
        assert set(chain.rows["delayed"].to_pylist()) == {True}
        assert all(math.isfinite(value) for value in chain.rows["delta"].to_pylist())
        assert running.server.violations() == [], "no paid snapshot, no line too many"


def test_snapshots_stay_below_the_limit_of_lines_however_long_they_take(tmp_path, monkeypatch) -> None:
    quotes = [quote.__class__(**(quote.__dict__ | {"strike": quote.strike + 1000 * step})) for step in range(4) for quote in QUOTES]
    with mill({}, EVENING, tmp_path, monkeypatch, options=quotes, snapshot_seconds=1.5, market_data_lines=42) as running:
        chain = chain_of(running)
        assert isinstance(chain, Chain)
        assert chain.rows.num_rows == 56
        assert running.server.violations() == []


def test_a_real_chain_comes_exactly_and_into_the_lake(tmp_path, monkeypatch, lake) -> None:
    quotes = recorded_chain(shared_data("options", "AAPL_2025-09-28_yfinance.csv"), "AAPL")
    monday = datetime(2025, 9, 29, 18, 0, tzinfo=UTC)
    expiry = quotes[0].expiry
    wanted = [quote for quote in quotes if quote.expiry == expiry]
    with mill({}, monday, tmp_path, monkeypatch, options=quotes) as running:
        hook = running.hook(job=Job("snapshot", max_snapshots=1))
        chain = hook.fetch_chain(instrument("AAPL"), expiry)
        with pytest.raises(SnapshotLimitError, match="snapshot used 1 of its 1 requests to ibkr"):
            hook.fetch_chain(instrument("AAPL"), quotes[-1].expiry)
        hook.close()
        assert running.server.violations() == []
    assert isinstance(chain, Chain)
    bids = {(row["right"][0].upper(), row["strike"]): row["bid"] for row in chain.rows.to_pylist()}
    assert bids == {(quote.right, quote.strike): quote.bid for quote in wanted}
    write_chain(lake, LandedChain("ibkr", "AAPL", expiry, chain.fetched_at), chain.rows)
    [held] = list_chains(lake, "ibkr", "AAPL")
    assert read_chain(lake, held).num_rows == len(wanted)


def test_one_option_that_does_not_answer_keeps_its_row_and_many_fail_the_chain(tmp_path, monkeypatch, caplog) -> None:
    quotes = [*QUOTES, *(quote.__class__(**(quote.__dict__ | {"strike": quote.strike + 1000})) for quote in QUOTES)]
    with mill({}, EVENING, tmp_path, monkeypatch, options=quotes) as running:
        running.server.faults.add(Fault("silent", request="market_data"))
        running.wait_at_most(1)
        chain = chain_of(running)
        assert isinstance(chain, Chain)
        assert chain.rows.num_rows == 28
        assert "1 options of 2018-07-20 have no quote" in caplog.text
        assert sum(row["bid"] is None and row["ask"] is None and row["delta"] is None for row in chain.rows.to_pylist()) == 1
        running.server.faults.add(Fault("silent", request="market_data", times=2))
        running.server.advance(20)
        failed = chain_of(running)
        assert isinstance(failed, Transient)
        assert "no answer" in failed.reason
        running.server.advance(20)
        assert isinstance(chain_of(running), Chain)


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault("error", request="market_data", code=354, text="Requested market data is not subscribed.", times=None), Permanent, "354"),
        (Fault("error", request="market_data", code=101, text="Max number of tickers has been reached.", times=None), Transient, "101"),
        (Fault("error", request="market_data", code=100, text="Max rate of messages", times=None), RateLimited, "Pacing violation"),
        (Fault("drop", request="market_data", after=3), Transient, "Socket disconnect"),
        (Fault("drop", request="option_parameters"), Transient, "Socket disconnect"),
        (Fault("silent", request="option_parameters"), Transient, "no answer"),
        (Fault("error", request="contract_details", code=200, text="No security definition"), Transient, "200"),
    ],
)
def test_a_fault_is_named_and_the_next_snapshot_is_whole(spy_mill, fault: Fault, kind: type, words: str) -> None:
    spy_mill.server.faults.add(fault)
    spy_mill.wait_at_most(1)
    hook = spy_mill.hook()
    outcome = hook.list_expiries(SPY)
    if not isinstance(outcome, kind):
        outcome = hook.fetch_chain(SPY, JULY)
    assert isinstance(outcome, kind)
    assert words in outcome.reason
    spy_mill.server.faults.clear()
    spy_mill.server.advance(61)
    chain = hook.fetch_chain(SPY, JULY)
    hook.close()
    assert isinstance(chain, Chain)
    assert chain.rows.num_rows == 14


def test_an_expiry_that_is_not_listed_and_a_chain_without_quotes(tmp_path, monkeypatch) -> None:
    void = [quote.__class__(**(quote.__dict__ | {"bid": None, "ask": None, "last": None})) for quote in QUOTES]
    with mill({}, EVENING, tmp_path, monkeypatch, options=void) as running:
        past = chain_of(running, JULY - timedelta(days=60))
        assert isinstance(past, Transient)
        assert "200" in past.reason
        assert chain_of(running) == Transient("SPY: no option of 2018-07-20 has a quote; take the snapshot in market hours")
