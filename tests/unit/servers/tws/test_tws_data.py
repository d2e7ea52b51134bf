"""Bars, contracts, chains and greeks of the stand-in, without a socket."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from tests.servers.common import TIMEFRAMES, BarStore
from tests.servers.tws.bars import DAY, SizedBars, between, in_regular_hours
from tests.servers.tws.contracts import (
    ALWAYS,
    MUMBAI,
    NEW_YORK,
    ContractBook,
    foreign_listing,
    listing,
    option_contract,
)
from tests.servers.tws.faults import Fault, FaultPlan
from tests.servers.tws.greeks import implied_volatility, option_greeks, option_price
from tests.servers.tws.options import computed_chain, recorded_chain
from tests.servers.tws.refusals import Refusal
from tests.servers.tws.requests import ContractQuery
from tests.shared_data import shared_data
from tests.unit.servers.tws.real_bars import index_days, stock_minutes

ANY = {"con_id": 0, "expiry": "", "strike": 0.0, "right": "", "multiplier": "", "primary_exchange": ""}
LATER = datetime(2030, 1, 1, tzinfo=UTC)


def query(symbol: str, **fields: object) -> ContractQuery:
    given = {**ANY, "symbol": symbol, "security_type": "", "exchange": "", "currency": "", "local_symbol": ""}
    return ContractQuery(**{**given, "trading_class": "", **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize("timeframe", ["5m", "15m", "1h"])
def test_larger_bars_are_what_pandas_makes_of_the_minutes(timeframe: str) -> None:
    seconds = TIMEFRAMES[timeframe]
    made = SizedBars(BarStore({"AAPL": {"1m": stock_minutes()}})).bars("AAPL", seconds, NEW_YORK)
    frame = pd.DataFrame(stock_minutes(), columns=["at", "open", "high", "low", "close", "volume"]).set_index("at")
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    expected = frame.resample(pd.Timedelta(seconds=seconds)).agg(how).dropna()
    assert [(b.open, b.high, b.low, b.close, b.volume) for b in made] == [tuple(row) for row in expected.to_numpy()]
    # The first bar of a session begins with it (09:30), not on the round hour.
    local = [datetime.fromtimestamp(bar.start, UTC).astimezone(pd.Timestamp(0, tz="America/New_York").tz) for bar in made]
    opens = [moment for moment in local if moment.hour == 9]
    assert min(moment.minute for moment in opens) == 30


def test_an_index_of_mumbai_begins_its_first_hour_at_its_own_opening() -> None:
    opening = datetime(2018, 6, 15, 3, 45, tzinfo=UTC)
    minutes = [(opening + timedelta(minutes=i), 1.0, 2.0, 0.5, 1.5, 10.0) for i in range(60)]
    made = SizedBars(BarStore({"^NSEI": {"1m": minutes}})).bars("^NSEI", 3600, MUMBAI)
    assert [datetime.fromtimestamp(bar.start, UTC).strftime("%H:%M") for bar in made] == ["03:45", "04:30"]


def test_a_size_that_nothing_divides_is_not_held() -> None:
    store = SizedBars(BarStore({"AAPL": {"1h": stock_minutes()[::60], "1d": index_days()}}))
    assert store.bars("AAPL", 300, NEW_YORK) is None
    assert store.bars("MSFT", DAY, NEW_YORK) is None


def test_daily_bars_belong_to_a_range_by_the_opening_of_their_session() -> None:
    bars = SizedBars(BarStore({"^GSPC": {"1d": index_days()}})).bars("^GSPC", DAY, NEW_YORK)
    start, end = datetime(2018, 5, 1, tzinfo=UTC), datetime(2018, 6, 1, tzinfo=UTC)
    days = [bar.day for bar in between(bars, DAY, NEW_YORK, start, end, now=LATER)]
    assert (days[0], days[-1], len(days)) == (date(2018, 5, 1), date(2018, 5, 31), 22)
    opening = datetime(2018, 6, 1, 13, 30, tzinfo=UTC)
    assert between(bars, DAY, NEW_YORK, start, opening, now=LATER)[-1].day == date(2018, 6, 1)  # the end is inclusive


def test_the_bar_under_way_is_unfinished_and_the_next_is_not_there() -> None:
    bars = SizedBars(BarStore({"^GSPC": {"1d": index_days()}})).bars("^GSPC", DAY, NEW_YORK)
    noon = datetime(2018, 6, 13, 16, tzinfo=UTC)
    seen = between(bars, DAY, NEW_YORK, datetime(2018, 6, 11, tzinfo=UTC), LATER, now=noon)
    held = {bar.day: bar for bar in bars}
    assert [bar.day.day for bar in seen] == [11, 12, 13]
    assert seen[1] == held[date(2018, 6, 12)]
    assert seen[2] != held[date(2018, 6, 13)]
    assert 0 < seen[2].volume < held[date(2018, 6, 13)].volume
    assert seen[2].low <= seen[2].close <= seen[2].high


def test_regular_hours_cut_what_is_traded_early() -> None:
    early = (datetime(2026, 7, 30, 12, 0, tzinfo=UTC), 1.0, 1.0, 1.0, 1.0, 1.0)
    bars = SizedBars(BarStore({"AAPL": {"1m": [early, *stock_minutes()]}})).bars("AAPL", 60, NEW_YORK)
    assert sum(not in_regular_hours(bar, NEW_YORK) for bar in bars) == 1
    assert all(in_regular_hours(bar, ALWAYS) for bar in bars)


def test_contracts_are_found_by_what_is_known_of_them() -> None:
    now, apple, vix = datetime(2018, 6, 15, tzinfo=UTC), listing("AAPL"), listing("^VIX")
    chain = [option_contract(quote, apple) for quote in computed_chain("AAPL", [100, 101, 99, 102], now)]
    book = ContractBook([apple, foreign_listing(apple), vix, *chain])
    assert (vix.symbol, vix.security_type, vix.exchanges) == ("VIX", "IND", ("CBOE",))
    assert book.only(query("AAPL", security_type="STK", exchange="SMART", currency="USD"), now).table == "AAPL"
    assert book.only(query("", con_id=vix.con_id), now).table == "^VIX"
    assert book.only(query("", local_symbol=chain[0].local_symbol), now).strike == chain[0].strike
    assert len(book.find(query("AAPL", security_type="OPT", expiry="201807"), now)) == 14
    assert len(book.find(query("AAPL", security_type="OPT", right="CALL", strike=chain[0].strike), now)) == 3
    for wrong in (
        query("NOPE"),
        query("VIX", exchange="SMART"),
        query("", con_id=1),
        query(""),
        query("AAPL", currency="EUR"),
    ):
        with pytest.raises(Refusal, match="200: No security definition"):
            book.only(wrong, now)
    with pytest.raises(Refusal, match="200: The contract description specified for AAPL is ambiguous"):
        book.only(query("AAPL", security_type="STK", exchange="SMART"), now)
    with pytest.raises(Refusal, match="200"):  # expired
        book.only(query("", con_id=chain[0].con_id), datetime(2018, 7, 21, 12, tzinfo=UTC))


@pytest.mark.parametrize("right", ["C", "P"])
def test_greeks_are_the_slopes_of_the_price(right: str) -> None:
    spot, strike, years, volatility = 102.0, 100.0, 0.3, 0.25

    def price(**change: float) -> float:
        at = {"spot": spot, "strike": strike, "years": years, "volatility": volatility, **change}
        return option_price(right, at["spot"], at["strike"], at["years"], at["volatility"])

    greeks, step = option_greeks(right, spot, strike, years, volatility), 1e-3
    assert greeks.price == price()
    assert greeks.delta == pytest.approx((price(spot=spot + step) - price(spot=spot - step)) / (2 * step), rel=1e-5)
    bend = (price(spot=spot + step) - 2 * price() + price(spot=spot - step)) / step**2
    assert greeks.gamma == pytest.approx(bend, rel=1e-3)
    by_point = (price(volatility=volatility + 1e-5) - price(volatility=volatility - 1e-5)) / 2e-5 / 100
    assert greeks.vega == pytest.approx(by_point, rel=1e-4)
    by_day = (price(years=years - 1e-5) - price(years=years + 1e-5)) / 2e-5 / 365
    assert greeks.theta == pytest.approx(by_day, rel=1e-4)
    assert implied_volatility(right, spot, strike, years, price()) == pytest.approx(volatility, rel=1e-9)


def test_an_option_below_its_intrinsic_value_has_no_volatility() -> None:
    assert implied_volatility("C", 120.0, 100.0, 0.1, 19.0) is None
    assert option_price("C", 90.0, 100.0, 0.1, 0.3) - option_price("P", 90.0, 100.0, 0.1, 0.3) == pytest.approx(-10)


def test_a_computed_chain_has_third_fridays_around_the_close() -> None:
    closes = [float(row[4]) for row in index_days()[:21]]
    chain = computed_chain("^GSPC", closes, datetime(2016, 2, 3, 21, tzinfo=UTC))
    assert sorted({quote.expiry for quote in chain}) == [date(2016, 2, 19), date(2016, 3, 18), date(2016, 4, 15)]
    strikes = sorted({quote.strike for quote in chain})
    assert strikes[0] < closes[-1] < strikes[-1]
    assert len(chain) == 3 * 7 * 2
    changes = [math.log(b / a) for a, b in pairwise(closes)]
    assert chain[0].implied_volatility == pytest.approx(pd.Series(changes).std() * math.sqrt(252))


def test_a_broken_chain_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "chain.csv"
    path.write_text("expiration,strike\n2018-01-19,x\n")
    with pytest.raises(ValueError, match=r"chain\.csv line 2"):
        recorded_chain(path, "AAPL")


def test_faults_strike_what_they_name_and_as_often_as_they_say() -> None:
    plan = FaultPlan()
    plan.add(Fault.pacing(symbol="AAPL", after=1, times=2), Fault("silent", request="*", times=None))
    struck = [plan.take(*asked) for asked in [("history", "AAPL")] * 4 + [("history", "MSFT"), ("market_data", "")]]
    assert [fault.kind for fault in struck if fault] == ["silent", "error", "error", "silent", "silent", "silent"]
    assert struck[1].text.endswith("Historical data request pacing violation")
    plan.clear()
    assert plan.take("history", "AAPL") is None
    with pytest.raises(ValueError, match="'odd' is not one of error, silent"):
        Fault("odd")
    with pytest.raises(ValueError, match="needs a code"):
        Fault("error")


def test_a_recorded_chain_of_the_shared_data() -> None:
    quotes = recorded_chain(shared_data("options", "AAPL_2025-09-28_yfinance.csv"), "AAPL")
    assert len(quotes) > 1000
    assert {quote.right for quote in quotes} == {"C", "P"}
    assert {quote.underlying_price for quote in quotes} == {255.460007}
    assert min(quote.expiry for quote in quotes) == date(2025, 10, 3)
