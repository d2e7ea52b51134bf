"""What the unmodified yfinance reads through the proxy: bars, actions, chains."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from tests.servers.common import BarStore, Row
from tests.servers.common_clock import AdjustableClock
from tests.servers.common_tables import package_tables
from tests.servers.http.faults import Fault
from tests.servers.http.yahoo import Action, OptionLine, YahooStandIn, read_option_lines
from tests.shared_data import shared_data
from tests.unit.servers.http.conftest import YahooClient

NOW = datetime(2021, 3, 1, 23, tzinfo=UTC)
SPLIT = Action(date(2020, 8, 31), "split", 4)
DIVIDEND = Action(date(2020, 11, 6), "dividend", 0.205)
COLUMNS = ["Open", "High", "Low", "Close", "Volume"]


@pytest.fixture(scope="module")
def tables() -> dict[str, dict[str, list[Row]]]:
    packages = package_tables()
    days = [row for row in packages["AAPL"]["1d"] if 2020 <= row[0].year <= 2021]
    factor = {row[0]: 0.99 if row[0].date() < DIVIDEND.day else 1.0 for row in days}
    adjusted = [(*row, row[4] * factor[row[0]]) for row in days]
    index = [row for row in packages["^GSPC"]["1d"] if row[0].year == 2018]
    return {"AAPL": {"1d": adjusted, "1h": packages["AAPL"]["1h"]}, "^GSPC": {"1d": index}}


def chain(expiration: date, right: str, strike: float) -> OptionLine:
    name = f"AAPL{expiration:%y%m%d}{right[0].upper()}{round(strike * 1000):08d}"
    traded = datetime(2021, 2, 26, 20, tzinfo=UTC)
    return OptionLine(name, expiration, strike, right, 3.5, traded, 0.31, 3.4, 3.6, 12)


OPTIONS = [
    chain(date(2021, 2, 19), "call", 120.0),
    *(chain(day, right, strike) for day in (date(2021, 3, 5), date(2021, 3, 19)) for right in ("call", "put") for strike in (120.0, 130.0)),
]


@pytest.fixture
def yahoo(tables: dict[str, dict[str, list[Row]]]) -> Iterator[YahooStandIn]:
    clock = AdjustableClock(NOW)
    actions, options = {"AAPL": [SPLIT, DIVIDEND]}, {"AAPL": OPTIONS}
    with YahooStandIn(BarStore(tables), actions=actions, options=options, clock=clock) as running:
        yield running


def days_of(frame: pd.DataFrame) -> list[date]:
    return [moment.date() for moment in frame.index]


def year_2020(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row[0].year == 2020]


def test_daily_bars_come_back_exactly(yahoo: YahooStandIn, tables, yahoo_client: YahooClient) -> None:
    with yahoo_client(yahoo) as yf:
        frame = yf.Ticker("AAPL").history(start="2020-01-01", end="2021-01-01", auto_adjust=False)
        index = yf.Ticker("^GSPC").history(start="2018-01-01", end="2019-01-01", auto_adjust=False)
    held = year_2020(tables["AAPL"]["1d"])
    assert frame[[*COLUMNS, "Adj Close"]].to_numpy().tolist() == [list(row[1:]) for row in held]
    assert days_of(frame) == [row[0].date() for row in held]
    assert str(frame.index.tz) == "America/New_York"
    assert index[[*COLUMNS]].to_numpy().tolist() == [list(row[1:6]) for row in tables["^GSPC"]["1d"]]
    assert yahoo.violations() == []


def test_splits_and_dividends(yahoo: YahooStandIn, yahoo_client: YahooClient) -> None:
    with yahoo_client(yahoo) as yf:
        frame = yf.Ticker("AAPL").history(start="2020-01-01", end="2021-01-01", auto_adjust=False)
    splits, dividends = (frame[name][frame[name] != 0] for name in ("Stock Splits", "Dividends"))
    assert (days_of(splits), splits.tolist()) == ([SPLIT.day], [4.0])
    assert (days_of(dividends), dividends.tolist()) == ([DIVIDEND.day], [0.205])


def test_before_the_split_yahoo_showed_another_scale(tables, yahoo_client: YahooClient) -> None:
    clock = AdjustableClock(datetime(2020, 8, 1, 12, tzinfo=UTC))
    with YahooStandIn(BarStore(tables), actions={"AAPL": [SPLIT, DIVIDEND]}, clock=clock) as yahoo:
        with yahoo_client(yahoo) as yf:
            before = yf.Ticker("AAPL").history(start="2020-01-01", end="2021-01-01", auto_adjust=False)
        yahoo.advance(timedelta(days=60).total_seconds())
        with yahoo_client(yahoo) as yf:
            after = yf.Ticker("AAPL").history(start="2020-01-01", end="2020-08-01", auto_adjust=False)
    assert days_of(before)[-1] == date(2020, 7, 31)
    assert before["Close"].tolist() == (after["Close"] * 4).tolist()
    assert before["Volume"].tolist() == [round(volume / 4) for volume in after["Volume"]]
    assert before["Adj Close"].tolist() == pytest.approx(before["Close"].tolist(), rel=1e-12)  # no dividend known yet
    assert (before["Stock Splits"] == 0).all()


def test_hourly_bars(yahoo: YahooStandIn, tables, yahoo_client: YahooClient) -> None:
    yahoo.advance((datetime(2026, 8, 7, tzinfo=UTC) - NOW).total_seconds())
    with yahoo_client(yahoo) as yf:
        frame = yf.Ticker("AAPL").history(start="2026-07-01", end="2026-08-01", interval="1h", auto_adjust=False)
    held = [row for row in tables["AAPL"]["1h"] if (row[0].year, row[0].month) == (2026, 7)]
    assert [moment.to_pydatetime() for moment in frame.index] == [row[0] for row in held]
    assert frame[COLUMNS].to_numpy().tolist() == [list(row[1:6]) for row in held]


def test_intraday_reaches_back_only_so_far(yahoo: YahooStandIn, yahoo_client: YahooClient) -> None:
    from yfinance.exceptions import YFPricesMissingError

    with yahoo_client(yahoo) as yf:
        ticker = yf.Ticker("AAPL")
        for interval, start, days in (("1h", "2018-01-01", 730), ("5m", "2020-06-01", 60), ("1m", "2021-01-04", 30)):
            with pytest.raises(YFPricesMissingError, match=f"must be within the last {days} days"):
                ticker.history(start=start, end="2021-03-01", interval=interval)
        with pytest.raises(YFPricesMissingError, match="Only 8 days worth of 1m"):
            ticker.history(start="2021-02-10", end="2021-02-27", interval="1m")
        with pytest.raises(YFPricesMissingError, match="interval=7m is not supported"):
            ticker.history(start="2021-02-10", end="2021-02-27", interval="7m")


def test_the_day_under_way_is_unfinished(tables, yahoo_client: YahooClient) -> None:
    noon = datetime(2020, 7, 15, 16, tzinfo=UTC)
    with YahooStandIn(BarStore(tables), actions={"AAPL": []}, clock=AdjustableClock(noon)) as yahoo:
        with yahoo_client(yahoo) as yf:
            frame = yf.Ticker("AAPL").history(start="2020-07-01", end="2020-08-01", auto_adjust=False)
        [today] = [row for row in tables["AAPL"]["1d"] if row[0].date() == noon.date()]
        assert days_of(frame)[-1] == noon.date()
        assert frame["Open"].iloc[-1] == today[1]
        assert frame["Volume"].iloc[-1] == pytest.approx(today[5] * 2.5 / 6.5, abs=1)
        assert frame["Close"].iloc[-1] != today[4]
        assert yahoo.known("AAPL").bars[-1].start == noon.timestamp()


def test_null_rows_are_dropped_or_kept(tables, yahoo_client: YahooClient) -> None:
    rows = [(row[0], *[None] * 6) if place == 3 else row for place, row in enumerate(tables["AAPL"]["1d"])]
    with YahooStandIn(BarStore({"AAPL": {"1d": rows}}), clock=AdjustableClock(NOW)) as yahoo, yahoo_client(yahoo) as yf:
        span = {"start": "2020-01-01", "end": "2021-01-01", "auto_adjust": False}
        dropped, kept = (yf.Ticker("AAPL").history(keepna=keep, **span) for keep in (False, True))
    assert len(kept) == len(dropped) + 1 == len(year_2020(rows))
    assert kept["Close"].isna().tolist().index(True) == 3


def test_a_range_without_session_or_before_listing_is_an_answer_without_rows(yahoo: YahooStandIn, yahoo_client: YahooClient) -> None:
    from yfinance.exceptions import YFPricesMissingError

    with yahoo_client(yahoo) as yf:
        for start, end in (("2020-01-04", "2020-01-05"), ("2001-01-01", "2001-02-01")):
            with pytest.raises(YFPricesMissingError):
                yf.Ticker("AAPL").history(start=start, end=end)
    assert {entry.status for entry in yahoo.requests("chart")} == {200}


def test_unknown_symbol(yahoo: YahooStandIn, yahoo_client: YahooClient) -> None:
    with yahoo_client(yahoo) as yf, pytest.raises(Exception, match="404"):
        yf.Ticker("NOPE").history(start="2020-01-01", end="2021-01-01")
    assert {entry.status for entry in yahoo.requests("NOPE")} == {404}


def test_option_chains_need_the_crumb(yahoo: YahooStandIn, yahoo_client: YahooClient) -> None:
    with yahoo_client(yahoo) as yf:
        ticker = yf.Ticker("AAPL")
        assert ticker.options == ("2021-03-05", "2021-03-19")  # the expired one is gone
        chains = ticker.option_chain("2021-03-19")
        with pytest.raises(ValueError, match="Expiration `2021-02-19` cannot be found"):
            ticker.option_chain("2021-02-19")
        assert yf.Ticker("^GSPC").options == ()
    assert chains.calls["strike"].tolist() == chains.puts["strike"].tolist() == [120.0, 130.0]
    assert chains.calls["contractSymbol"].tolist() == ["AAPL210319C00120000", "AAPL210319C00130000"]
    first = chains.puts.iloc[0]
    assert (first["bid"], first["ask"], first["impliedVolatility"], first["volume"]) == (3.4, 3.6, 0.31, 12)
    price = chains.underlying["regularMarketPrice"]
    assert chains.calls["inTheMoney"].tolist() == [price > 120, price > 130]
    assert all(entry.query["crumb"] for entry in yahoo.requests("options"))


def test_a_recorded_chain(yahoo_client: YahooClient, tables) -> None:
    lines = read_option_lines(shared_data("options", "AAPL_2025-09-28_yfinance.csv"))
    clock = AdjustableClock(datetime(2025, 9, 28, 12, tzinfo=UTC))
    with YahooStandIn(BarStore(tables), options={"AAPL": lines}, clock=clock) as yahoo, yahoo_client(yahoo) as yf:
        ticker = yf.Ticker("AAPL")
        got = [line for day in ticker.options for frame in ticker.option_chain(day)[:2] for line in frame["contractSymbol"]]
    assert sorted(got) == sorted(line.contract_symbol for line in lines)


def test_crumb_by_the_consent_pages(yahoo: YahooStandIn, yahoo_client: YahooClient) -> None:
    yahoo.faults.add(Fault("drop", "fc.yahoo.com"))
    with yahoo_client(yahoo) as yf:
        assert yf.Ticker("AAPL").options == ("2021-03-05", "2021-03-19")
    assert {entry.host for entry in yahoo.requests()} >= {"guce.yahoo.com", "consent.yahoo.com"}
