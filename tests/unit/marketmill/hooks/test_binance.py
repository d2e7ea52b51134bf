"""The Binance hook against both stand-ins: exactly their bars, proof for every hole, no request too many."""

from __future__ import annotations

import logging

import pytest

from include.landing import Adjustment, list_landed
from marketmill.fetch import Fetched
from marketmill.outcomes import ConfirmedEmpty, Data, Permanent, Transient
from tests.servers.common_tables import read_csv_rows
from tests.servers.http.faults import Fault
from tests.shared_data import shared_data
from tests.unit.marketmill.hooks.binance_market import day, instrument, landed, open_market, rows_of, walk

HOURS = walk("2024-04-01", "2024-07-01")
BTC = instrument("BTC/USDT")


@pytest.fixture
def open_(monkeypatch, tmp_path):
    def make(bars, now, **options):
        return open_market(monkeypatch, tmp_path, bars, now, **options)

    return make


def fetch(market, timeframe, start, end, of=BTC):
    return market.hook().fetch(of, timeframe, day(start), day(end))


def test_whole_months_come_from_files_and_land_exactly(open_, lake):
    with open_({"BTC/USDT": {"1h": HOURS}}, "2024-07-02") as market:
        assert market.fetch(lake, "BTC/USDT", "1h", "2024-04-01", "2024-07-01") == Fetched("BTC/USDT", "complete", len(HOURS), 3)
        # June's file is published on Monday, 1 July.
        assert market.asked() == (0, 6)
        assert landed(lake, "BTC/USDT", "1h", "2024-04-01", "2024-07-01") == HOURS
        assert {answer.adjustment for answer in list_landed(lake, "binance", "1h", "BTC/USDT")} == {Adjustment.NONE}
        market.forget()
        assert market.fetch(lake, "BTC/USDT", "1h", "2024-04-01", "2024-07-01") == Fetched("BTC/USDT", "complete")
        assert market.asked() == (0, 0)


def test_without_files_the_same_by_rest(open_, lake):
    with open_({"BTC/USDT": {"1h": HOURS}}, "2024-07-02") as market:
        market.connect(use_bulk=False)
        market.fetch(lake, "BTC/USDT", "1h", "2024-04-01", "2024-07-01")
        assert market.asked() == (3, 0)
        assert landed(lake, "BTC/USDT", "1h", "2024-04-01", "2024-07-01") == HOURS


def test_a_month_whose_file_is_not_published_comes_by_rest(open_):
    with open_({"BTC/USDT": {"5m": walk("2024-05-28", "2024-07-01", "5m")}}, "2024-06-30T23:59:00") as market:
        market.clock.sleep(61)
        outcome = fetch(market, "5m", "2024-06-01", "2024-07-01")
        assert rows_of(outcome.rows) == walk("2024-06-01", "2024-07-01", "5m")
        # 1 July 2024 is a Monday: the file is there from 00:00 on.
        assert market.asked() == (0, 2)
    with open_({"BTC/USDT": {"5m": walk("2024-05-28", "2024-06-01", "5m")}}, "2024-06-01T00:01") as market:
        outcome = fetch(market, "5m", "2024-05-28", "2024-06-01")
        assert rows_of(outcome.rows) == walk("2024-05-28", "2024-06-01", "5m")
        assert market.asked() == (2, 0)


def test_daily_bars_come_by_rest_1000_at_a_time(open_, lake):
    bars = walk("2014-06-01", "2024-06-01", "1d")
    with open_({"BTC/USDT": {"1d": bars}}, "2024-06-02") as market:
        assert market.fetch(lake, "BTC/USDT", "1d", "2014-06-01", "2024-06-01").rows == len(bars)
        assert market.asked() == (4, 0)
        assert landed(lake, "BTC/USDT", "1d", "2014-06-01", "2024-06-01") == bars
        assert all(row[0].hour == 0 for row in landed(lake, "BTC/USDT", "1d", "2014-06-01", "2024-06-01"))


@pytest.mark.parametrize("name", ["BTCUSDT_1h_2021.csv", "MATICUSDT_1h_2021.csv"])
def test_real_bars(open_, lake, name):
    rows = read_csv_rows(shared_data("crypto", name))
    with open_({"BTC/USDT": {"1h": rows}}, "2021-07-10") as market:
        market.fetch(lake, "BTC/USDT", "1h", "2021-01-01", "2021-06-01")
        assert landed(lake, "BTC/USDT", "1h", "2021-01-01", "2021-06-01") == [row for row in rows if row[0] < day("2021-06-01")]


def test_files_of_2025_count_microseconds(open_):
    bars = walk("2024-12-01", "2025-02-01")
    with open_({"BTC/USDT": {"1h": bars}}, "2025-03-01") as market:
        assert rows_of(fetch(market, "1h", "2024-12-01", "2025-02-01").rows) == bars
        assert market.asked() == (0, 4)


def test_bars_of_a_minute_come_by_the_day_until_the_month_is_published(open_):
    bars = walk("2024-05-29", "2024-06-01", "1m")
    with open_({"BTC/USDT": {"1m": bars}}, "2024-06-01T00:10") as market:
        outcome = fetch(market, "1m", "2024-05-29", "2024-06-01")
        assert rows_of(outcome.rows) == bars
        assert market.asked() == (0, 6)
        assert next(entry.path for entry in market.bulk.requests()).endswith("daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-05-29.zip")


def test_the_bar_under_way_is_left_out_and_fetched_when_it_is_finished(open_, lake):
    with open_({"BTC/USDT": {"1h": HOURS}}, "2024-06-03T10:30") as market:
        outcome = fetch(market, "1h", "2024-06-01", "2024-07-01")
        assert rows_of(outcome.rows) == walk("2024-06-01", "2024-06-03T10:00")
        assert outcome.covers_until == day("2024-06-03T10:00")
        fetched = market.fetch(lake, "BTC/USDT", "1h", "2024-06-01", "2024-07-01")
        assert (fetched.state, fetched.reason) == ("transient", "bars from 2024-06-03 10:00 UTC on are not finished yet")
        market.clock.sleep(3600 * 24 * 30)
        market.forget()
        assert not market.fetch(lake, "BTC/USDT", "1h", "2024-06-01", "2024-07-01").failed
        assert landed(lake, "BTC/USDT", "1h", "2024-06-01", "2024-07-01") == walk("2024-06-01", "2024-07-01")
        assert market.rest.requests("/klines")[0].query["startTime"] == str(int(day("2024-06-03T10:00").timestamp() * 1000))


def test_nothing_finished_yet_is_no_answer(open_):
    with open_({"BTC/USDT": {"1h": HOURS}}, "2024-06-03T10:30") as market:
        outcome = fetch(market, "1h", "2024-06-03T10:00", "2024-06-04")
        assert outcome == Transient("BTC/USDT: bars from 2024-06-03 10:00 UTC on are not finished yet")


def test_before_listing_it_is_empty_for_sure_and_asked_once(open_, lake):
    bars = walk("2024-05-10T08:00", "2024-07-01")
    with open_({"BTC/USDT": {"1h": bars}}, "2024-07-02") as market:
        fetched = market.fetch(lake, "BTC/USDT", "1h", "2023-07-01", "2024-07-01")
        assert (fetched.state, fetched.rows) == ("complete", len(bars))
        assert landed(lake, "BTC/USDT", "1h", "2023-07-01", "2024-07-01") == bars
        # July 2023: page, first bar after it, first bar at all; the other nine empty months: nothing. May: nothing, since its file has
        # all from the first bar on.
        assert market.asked() == (3, 1 + 2 * 2)
        outcome = fetch(market, "1h", "2024-03-01", "2024-04-01")
        assert outcome == ConfirmedEmpty("BTC/USDT has no bars on Binance before 2024-05-10 08:00 UTC")


def test_after_delisting_it_is_empty_for_sure(open_, lake):
    bars = walk("2024-04-01", "2024-05-10T08:00")
    with open_({"BTC/USDT": {"1h": bars}}, "2024-07-02", delisted=("BTC/USDT",)) as market:
        fetched = market.fetch(lake, "BTC/USDT", "1h", "2024-04-01", "2024-07-01")
        assert (fetched.state, fetched.rows) == ("complete", len(bars))
        assert landed(lake, "BTC/USDT", "1h", "2024-04-01", "2024-07-01") == bars
        assert fetch(market, "1h", "2024-06-01", "2024-07-01") == ConfirmedEmpty(
            "BTC/USDT left Binance, its last bar ended 2024-05-10 08:00 UTC"
        )


def test_an_answer_says_when_the_pair_came_and_left(open_):
    bars = walk("2024-04-12T06:00", "2024-05-10T08:00")
    with open_({"BTC/USDT": {"1h": bars}}, "2024-07-02", delisted=("BTC/USDT",)) as market:
        outcome = fetch(market, "1h", "2024-04-01", "2024-06-01")
        assert (outcome.history_from, outcome.history_until) == (day("2024-04-12T06:00"), day("2024-05-10T08:00"))


def test_a_pair_that_trades_and_shows_no_bars_is_not_believed(open_, lake):
    with open_({"BTC/USDT": {"1h": walk("2024-04-01", "2024-05-10T08:00")}}, "2024-07-02") as market:
        outcome = fetch(market, "1h", "2024-06-01", "2024-07-01")
        assert isinstance(outcome, Transient)
        assert "shows no bars from 2024-06-01 00:00 UTC on, but gives it the status TRADING" in outcome.reason
        fetched = market.fetch(lake, "BTC/USDT", "1h", "2024-04-01", "2024-07-01")
        assert (fetched.state, len(list_landed(lake, "binance", "1h", "BTC/USDT"))) == ("transient", 1)


@pytest.mark.parametrize("after", [0, 1, 2, 3, 4])
def test_a_silent_empty_answer_makes_no_hole(open_, after):
    bars = walk("2024-05-28", "2024-06-05", "5m")
    with open_({"BTC/USDT": {"5m": bars}}, "2024-06-06") as market:
        market.rest.faults.add(Fault("empty", "/klines", after=after))
        assert rows_of(fetch(market, "5m", "2024-05-28", "2024-06-05").rows) == bars


def test_empty_answers_of_a_delisted_pair_make_no_hole_either(open_):
    bars = walk("2024-05-28", "2024-06-05", "5m")
    with open_({"BTC/USDT": {"5m": bars}}, "2024-07-06", delisted=("BTC/USDT",)) as market:
        market.rest.faults.add(Fault("empty", "/klines", times=2))
        outcome = fetch(market, "5m", "2024-05-28", "2024-06-05")
        assert outcome == Transient(
            "BTC/USDT: Binance shows no bars from 2024-05-28 00:00 UTC on, but has one of 2024-06-04 23:55: ask again later"
        )
        assert rows_of(fetch(market, "5m", "2024-05-28", "2024-06-05").rows) == bars


def test_a_lasting_empty_answer_is_never_data(open_, lake):
    with open_({"BTC/USDT": {"1d": walk("2024-01-01", "2024-06-01", "1d")}}, "2024-06-02") as market:
        market.rest.faults.add(Fault("empty", "/klines", times=None))
        fetched = market.fetch(lake, "BTC/USDT", "1d", "2024-01-01", "2024-06-01")
        assert fetched.state == "transient"
        assert list_landed(lake, "binance", "1d", "BTC/USDT") == []


def test_an_outage_is_named_and_asked_for_once_more(open_, caplog):
    bars = [row for row in HOURS if not day("2024-05-11T06:00") <= row[0] < day("2024-05-11T09:00")]
    with open_({"BTC/USDT": {"1h": bars}}, "2024-07-02") as market, caplog.at_level(logging.WARNING):
        outcome = fetch(market, "1h", "2024-05-01", "2024-06-01")
        assert rows_of(outcome.rows) == [row for row in bars if day("2024-05-01") <= row[0] < day("2024-06-01")]
        assert "BTC/USDT has later 1h bars on Binance, but none from 2024-05-11 06:00 to 2024-05-11 09:00 UTC" in caplog.text
        assert market.asked() == (2, 2)


def test_an_outage_of_a_whole_interval(open_):
    bars = [row for row in HOURS if not day("2024-05-01") <= row[0] < day("2024-06-01")]
    with open_({"BTC/USDT": {"1h": bars}}, "2024-07-02") as market:
        outcome = fetch(market, "1h", "2024-05-01", "2024-06-01")
        assert outcome == ConfirmedEmpty("BTC/USDT has later 1h bars on Binance, but none from 2024-05-01 00:00 to 2024-06-01 00:00 UTC")


def test_what_a_file_lacks_comes_by_rest_and_nothing_else(open_):
    missing = {day("2024-05-11T06:00"), day("2024-05-11T07:00"), day("2024-05-31T23:00")}
    with open_(
        {"BTC/USDT": {"1h": HOURS}}, "2024-07-02", bulk_bars={"BTC/USDT": {"1h": [row for row in HOURS if row[0] not in missing]}}
    ) as market:
        outcome = fetch(market, "1h", "2024-05-01", "2024-06-01")
        assert rows_of(outcome.rows) == walk("2024-05-01", "2024-06-01")
        spans = [(entry.query["startTime"], entry.query["endTime"]) for entry in market.rest.requests("/klines")]
        milliseconds = [
            str(int(day(text).timestamp() * 1000) - less)
            for text, less in (("2024-05-11T06:00", 0), ("2024-05-11T08:00", 1), ("2024-05-31T23:00", 0), ("2024-06-01", 1))
        ]
        assert spans == [tuple(milliseconds[:2]), tuple(milliseconds[2:])]


def test_a_file_full_of_holes_is_repaired_in_one_walk(open_):
    holes = [row for number, row in enumerate(HOURS) if number % 3]
    with open_({"BTC/USDT": {"1h": HOURS}}, "2024-07-02", bulk_bars={"BTC/USDT": {"1h": holes}}) as market:
        assert rows_of(fetch(market, "1h", "2024-05-01", "2024-06-01").rows) == walk("2024-05-01", "2024-06-01")
        assert market.asked() == (1, 2)


@pytest.mark.parametrize("timeframe", ["1h", "1d"])
def test_a_renamed_pair_has_the_history_of_both_names(open_, timeframe):
    old, new = walk("2024-07-01", "2024-09-10", timeframe), walk("2024-09-13", "2024-11-01", timeframe)
    bars = {"POL/USDT": {timeframe: new}, "MATIC/USDT": {timeframe: old}}
    with open_(bars, "2024-11-05", delisted=("MATIC/USDT",)) as market:
        hook = market.hook()
        outcomes = [
            hook.fetch(instrument("POL/USDT", "MATIC/USDT"), timeframe, *chunk)
            for chunk in hook.chunks(timeframe, day("2024-06-01"), day("2024-11-01"))
        ]
        assert [row for outcome in outcomes if isinstance(outcome, Data) for row in rows_of(outcome.rows)] == old + new
        assert all(isinstance(outcome, Data | ConfirmedEmpty) for outcome in outcomes)


def test_an_earlier_name_that_lives_on_as_another_coin_gives_no_bar_of_that(open_):
    luna = [(row[0], *[value * 2 for value in row[1:]]) for row in walk("2024-05-01", "2024-07-01")]
    lunc = [row for row in walk("2024-05-20", "2024-07-01") if row[0] != day("2024-06-03T10:00")]
    with open_({"LUNC/USDT": {"1h": lunc}, "LUNA/USDT": {"1h": luna}}, "2024-07-02") as market:
        outcome = fetch(market, "1h", "2024-05-01", "2024-07-01", of=instrument("LUNC/USDT", "LUNA/USDT"))
        assert rows_of(outcome.rows) == [row for row in luna if row[0] < day("2024-05-20")] + lunc


def test_a_pair_that_binance_does_not_have(open_, lake):
    with open_({"BTC/USDT": {"1h": HOURS}}, "2024-07-02") as market:
        fetched = market.fetch(lake, "NONE/USDT", "1h", "2024-05-01", "2024-06-01")
        assert (fetched.state, fetched.reason) == (
            "permanent",
            "Binance has no such pair; correct the symbol or the aliases in the universe",
        )
        assert [entry.path.rpartition("/")[2] for entry in market.rest.requests()] == ["klines", "exchangeInfo"]
        market.rest.faults.add(Fault("empty", "/exchangeInfo", times=None))
        assert isinstance(fetch(market, "1h", "2024-05-01", "2024-06-01", of=instrument("NONE/USDT")), Transient)


@pytest.mark.parametrize("symbol", ["AAPL", "^VIX", "BTC-USDT", "EURUSD=X"])
def test_what_is_no_pair_is_not_asked_for(open_, symbol):
    with open_({"BTC/USDT": {"1h": HOURS}}, "2024-07-02") as market:
        outcome = fetch(market, "1h", "2024-05-01", "2024-06-01", of=instrument(symbol))
        assert outcome == Permanent(f"{symbol} is no pair such as BTC/USDT; Binance has nothing else")
        assert market.rest.requests() == []


def test_chunks_are_months_or_what_one_answer_holds(open_):
    with open_({}, "2024-07-02") as market:
        hook = market.hook()
        months = hook.chunks("5m", day("2024-01-17T10:00"), day("2024-03-01"))
        assert months == [(day("2024-01-17T10:00"), day("2024-02-01")), (day("2024-02-01"), day("2024-03-01"))]
        assert [(end - start).days for start, end in hook.chunks("1d", day("2014-06-01"), day("2024-06-01"))] == [1000, 1000, 1000, 653]
        assert hook.last_day([BTC], "1h") is None
