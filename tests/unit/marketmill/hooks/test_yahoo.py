"""The Yahoo hook against the stand-in: exactly its bars, a positive reason for every empty answer, no request too many."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from include.landing import Adjustment, list_landed
from include.universes import Instrument, Kind
from marketmill.fetch import Fetched
from marketmill.hooks.yahoo import YahooHook, yahoo_symbol
from marketmill.outcomes import ConfirmedEmpty, Data, Permanent, Transient
from marketmill.quota.errors import SnapshotLimitError
from marketmill.quota.requests import Job
from tests.servers.common_tables import package_tables, read_csv_rows
from tests.servers.http.faults import Fault
from tests.shared_data import shared_data
from tests.unit.marketmill.hooks.yahoo_market import (
    DIVIDENDS,
    SPLIT,
    Market,
    day,
    instrument,
    landed,
    open_market,
    rows_of,
    shown,
)

NOW = "2021-03-01T23:00"
ACTIONS = {"AAPL": [SPLIT, *DIVIDENDS]}
JULY = "2020-07-01", "2020-08-01"
CLOSED = 6, 15  # Monday, 15 June 2020


@pytest.fixture(scope="module")
def tables():
    packages = package_tables()
    days = [row for row in packages["AAPL"]["1d"] if 2015 <= row[0].year <= 2021]
    adjusted = [(*row, row[4] * (0.99 if row[0].date() < DIVIDENDS[1].day else 1.0)) for row in days]
    return {"AAPL": {"1d": adjusted, "1h": packages["AAPL"]["1h"], "1m": packages["AAPL"]["1m"]}, "^GSPC": packages["^GSPC"]}


@pytest.fixture
def open_(monkeypatch, tmp_path, tables):
    def make(bars=None, now=NOW, **options):
        options.setdefault("actions", ACTIONS)
        return open_market(monkeypatch, tmp_path, tables if bars is None else bars, now, **options)

    return make


def as_traded(rows):
    """Without the adjusted close, which knows more dividends with every day."""
    return [row[:6] for row in rows]


def ask(market: Market, symbol: str, start: str, end: str, timeframe: str = "1d", **hook):
    return market.hook(**hook).fetch(instrument(symbol), timeframe, day(start), day(end))


def test_years_of_daily_bars_land_exactly_with_one_request(open_, lake):
    with open_() as market:
        fetched = market.fetch(lake, "AAPL", "1d", "2015-01-01", "2021-01-01")
        held = shown(market, "AAPL", "1d", "2015-01-01", "2021-01-01")
        assert fetched == Fetched("AAPL", "complete", len(held), 1)
        assert landed(lake, "AAPL", "1d", "2015-01-01", "2021-01-01") == held
        assert len(held) > 1500
        assert market.charts() == 1
        assert [entry.path for entry in market.yahoo.requests("getcrumb")] == ["/v1/test/getcrumb"]
        [answer] = list_landed(lake, "yahoo", "1d", "AAPL")
        assert (answer.adjustment, answer.as_of) == (Adjustment.SPLIT, datetime(2021, 3, 1, 14, 30, tzinfo=UTC))
        assert market.fetch(lake, "AAPL", "1d", "2015-01-01", "2021-01-01") == Fetched("AAPL", "complete")
        assert market.charts() == 1


def test_only_missing_months_are_asked_for(open_, lake):
    with open_() as market:
        market.fetch(lake, "AAPL", "1d", "2019-01-01", "2019-04-01")
        market.fetch(lake, "AAPL", "1d", "2019-06-01", "2019-07-01")
        market.yahoo.record.clear()
        market.fetch(lake, "AAPL", "1d", "2019-01-01", "2019-07-01")
        [asked] = market.yahoo.requests("chart")
        # A day more on each side, since Yahoo stamps daily bars with the opening.
        assert (asked.query["period1"], asked.query["period2"]) == (
            str(int(day("2019-03-31").timestamp())),
            str(int(day("2019-06-02").timestamp())),
        )
        assert landed(lake, "AAPL", "1d", "2019-01-01", "2019-07-01") == shown(market, "AAPL", "1d", "2019-01-01", "2019-07-01")


def test_an_index_needs_no_adjustment(open_, lake):
    with open_() as market:
        market.fetch(lake, "^GSPC", "1d", "2018-01-01", "2019-01-01")
        assert landed(lake, "^GSPC", "1d", "2018-01-01", "2019-01-01") == shown(market, "^GSPC", "1d", "2018-01-01", "2019-01-01")
        assert {answer.adjustment for answer in list_landed(lake, "yahoo", "1d", "^GSPC")} == {Adjustment.NONE}


def test_prices_are_known_to_be_older_than_a_split_of_this_morning(open_):
    """At 05:00 UTC of its day no share has traded after the split yet: Yahoo's prices do not know it."""
    with open_(now="2020-08-31T05:00") as market:
        before = ask(market, "AAPL", "2020-07-01", "2020-08-01")
        assert before.as_of < day("2020-08-31")
        market.clock.sleep(10 * 3600)
        after = ask(market, "AAPL", "2020-07-01", "2020-08-01")
        assert after.as_of > day("2020-08-31")
        assert [row[4] for row in rows_of(before.rows)] == [row[4] * 4 for row in rows_of(after.rows)]


def test_hourly_bars(open_, lake):
    with open_(now="2026-08-07") as market:
        assert market.fetch(lake, "AAPL", "1h", "2026-06-01", "2026-08-01").state == "complete"
        held = shown(market, "AAPL", "1h", "2026-06-01", "2026-08-01")
        assert landed(lake, "AAPL", "1h", "2026-06-01", "2026-08-01") == held
        assert len(held) > 250


def test_hours_without_a_trade_are_no_fault_where_their_session_has_others(open_, lake):
    with open_(now="2026-08-07") as market:
        market.yahoo.faults.add(Fault("nulls", "period1"))
        assert market.fetch(lake, "AAPL", "1h", "2026-07-01", "2026-08-01").state == "complete"


def test_minutes_come_by_the_week_and_each_week_lands(open_, lake):
    minutes = [row[0] for row in package_tables()["AAPL"]["1m"]]
    end = minutes[-1].replace(hour=0, minute=0) + timedelta(days=1)
    start = end - timedelta(days=15)
    assert minutes[0] > start
    with open_(now=(end + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M"), actions={}) as market:
        market.yahoo.faults.add(Fault("status", "period1", status=500, after=1, times=2))
        bounds = (start.strftime("%Y-%m-%d"), end.strftime("%Y-%m-%d"))
        broken = market.fetch(lake, "AAPL", "1m", *bounds)
        assert (broken.state, broken.asked) == ("transient", 2)
        market.yahoo.record.clear()
        assert market.fetch(lake, "AAPL", "1m", *bounds).asked == 2
        assert market.charts() == 2
        assert landed(lake, "AAPL", "1m", *bounds) == shown(market, "AAPL", "1m", *bounds)


@pytest.mark.parametrize(("timeframe", "reach"), [("1m", 30), ("5m", 60), ("15m", 60), ("1h", 730)])
def test_what_yahoo_does_not_keep_is_said_without_asking(open_, timeframe, reach):
    with open_() as market:
        outcome = ask(market, "AAPL", "2018-01-01", "2018-02-01", timeframe)
        assert isinstance(outcome, Permanent)
        assert f"keeps {timeframe} bars for {reach} days" in outcome.reason
        assert market.yahoo.requests() == []


def test_the_day_under_way_is_left_to_the_next_run(open_, lake):
    with open_(now="2020-07-15T16:00") as market:
        first = market.fetch(lake, "AAPL", "1d", "2020-07-01", "2020-08-01")
        assert (first.state, first.reason) == ("transient", "bars from 2020-07-15 00:00 UTC on are not finished yet")
        assert landed(lake, "AAPL", "1d", "2020-07-01", "2020-08-01")[-1][0] == day("2020-07-14")
        market.clock.sleep(20 * 86400)
        market.yahoo.record.clear()
        assert market.fetch(lake, "AAPL", "1d", "2020-07-01", "2020-08-01").state == "complete"
        assert market.charts() == 1
        assert int(market.yahoo.requests("chart")[0].query["period1"]) == day("2020-07-14").timestamp()
        assert as_traded(landed(lake, "AAPL", "1d", *JULY)) == as_traded(shown(market, "AAPL", "1d", *JULY))


def test_the_hour_under_way_is_left_to_the_next_run(open_, lake):
    moment = next(row[0] for row in package_tables()["AAPL"]["1h"] if row[0].year == 2026 and row[0].month == 7 and row[0].day > 10)
    today = moment.strftime("%Y-%m-%d")
    with open_(now=f"{today}T16:00", actions={}) as market:
        tomorrow = (moment + timedelta(days=1)).strftime("%Y-%m-%d")
        assert market.fetch(lake, "AAPL", "1h", today, tomorrow).state == "transient"
        assert [row[0] for row in landed(lake, "AAPL", "1h", today, tomorrow)] == [day(f"{today}T13:30"), day(f"{today}T14:30")]
        market.clock.sleep(86400)
        market.fetch(lake, "AAPL", "1h", today, tomorrow)
        assert landed(lake, "AAPL", "1h", today, tomorrow) == shown(market, "AAPL", "1h", today, tomorrow)


def test_whether_anybody_is_there_costs_a_run_none_of_its_requests(open_):
    with open_() as market:
        hook = market.hook(job=Job("run", 1))
        assert hook.reach() is None
        assert isinstance(hook.fetch(instrument("AAPL"), "1d", day(JULY[0]), day(JULY[1])), Data)
        with pytest.raises(SnapshotLimitError):
            hook.fetch(instrument("AAPL"), "1d", day(JULY[0]), day(JULY[1]))


def test_nothing_finished_is_nothing_asked(open_):
    with open_(now="2020-07-15T16:00") as market:
        assert isinstance(ask(market, "AAPL", "2020-07-15", "2020-07-16"), Transient)
        assert market.yahoo.requests() == []


def test_a_late_session_is_asked_for_again(open_, tables, lake):
    """Yahoo is at times a day or two behind: what it does not have yet must not be taken for nothing."""
    rows = tables["AAPL"]["1d"]
    behind = [row for row in rows if row[0].date() < date(2020, 7, 30)]
    with open_({"AAPL": {"1d": behind}}, now="2020-08-01T01:00") as market:
        first = market.fetch(lake, "AAPL", "1d", "2020-07-01", "2020-08-01")
        assert (first.state, "2020-07-30" in first.reason) == ("transient", True)
        market.yahoo.replace("AAPL", "1d", rows)
        assert market.fetch(lake, "AAPL", "1d", "2020-07-01", "2020-08-01").state == "complete"
        assert as_traded(landed(lake, "AAPL", "1d", *JULY)) == as_traded(shown(market, "AAPL", "1d", *JULY))


def test_an_old_hole_is_named_and_does_not_hold_up_the_rest(open_, tables, lake, capsys):
    holed = [row for row in tables["AAPL"]["1d"] if row[0].date() not in {date(2020, 6, 10), date(2020, 6, 30)}]
    with open_({"AAPL": {"1d": holed}}) as market:
        assert market.fetch(lake, "AAPL", "1d", "2020-06-01", "2020-07-01").state == "complete"
    assert "AAPL: Yahoo has no close for 2 sessions: 2020-06-10, 2020-06-30" in capsys.readouterr().out


def test_rows_without_values_land_where_yahoo_sent_them(open_, tables, lake):
    rows = [(row[0], *[None] * 6) if (row[0].month, row[0].day) == CLOSED else row for row in tables["AAPL"]["1d"]]
    with open_({"AAPL": {"1d": rows}}) as market:
        market.fetch(lake, "AAPL", "1d", "2020-06-01", "2020-07-01")
        found = landed(lake, "AAPL", "1d", "2020-06-01", "2020-07-01")
        assert found == shown(market, "AAPL", "1d", "2020-06-01", "2020-07-01")
        assert found[10] == (day("2020-06-15"), *[None] * 6)


def test_a_dividend_on_a_day_without_bar_makes_no_row(open_, tables, lake):
    rows = [row for row in tables["AAPL"]["1d"] if row[0].date() != DIVIDENDS[0].day]
    with open_({"AAPL": {"1d": rows}}) as market:
        market.fetch(lake, "AAPL", "1d", "2020-08-01", "2020-09-01")
        assert day("2020-08-07") not in [row[0] for row in landed(lake, "AAPL", "1d", "2020-08-01", "2020-09-01")]


@pytest.mark.parametrize(
    ("symbol", "start", "end", "reason"),
    [
        ("AAPL", "2010-01-01", "2010-03-01", "began to trade on 2015-01-02"),
        ("AAPL", "2020-07-03", "2020-07-06", "XNYS had no session from 2020-07-03 to 2020-07-05"),
    ],
)
def test_nothing_is_taken_for_the_truth_with_a_reason(open_, symbol, start, end, reason):
    with open_() as market:
        outcome = ask(market, symbol, start, end)
        assert isinstance(outcome, ConfirmedEmpty)
        assert reason in outcome.reason


def test_an_answer_says_where_the_history_begins(open_):
    with open_() as market:
        assert ask(market, "AAPL", "2014-12-01", "2015-02-01").history_from == day("2015-01-02")


def test_a_listed_symbol_without_bars_is_not_empty(open_, tables):
    rows = [row for row in tables["AAPL"]["1d"] if (row[0].year, row[0].month) != (2020, 6)]
    with open_({"AAPL": {"1d": rows}}) as market:
        outcome = ask(market, "AAPL", "2020-06-01", "2020-07-01")
        assert isinstance(outcome, Transient)
        assert "without a bar of AAPL from 2020-06-01 to 2020-06-30, though XNYS had 22 sessions" in outcome.reason


def test_a_strange_symbol_that_is_no_us_stock_is_never_confirmed_empty_by_the_us_calendar(open_):
    with open_({"RELIANCE.NS": {"1d": [(day("2020-06-01"), 1, 2, 1, 2, 5)]}}, actions={}) as market:
        stock = Instrument(symbol="RELIANCE.NS", name="Reliance", kind=Kind.STOCK, calendar="XNYS", trades_volume=True)
        hook = market.hook()
        assert isinstance(hook.fetch(stock, "1d", day("2020-07-03"), day("2020-07-06")), Transient)
        assert isinstance(hook.fetch(stock, "1d", day("2020-06-01"), day("2020-06-10")), Data)


def test_a_crypto_day_is_over_at_midnight(open_):
    bitcoin = Instrument(symbol="BTC/USD", name="Bitcoin", kind=Kind.CRYPTO, calendar="24/7", trades_volume=True)
    rows = [(day("2021-02-01") + timedelta(days=number), 10.5, 12.0, 9.0, 11.0, 1e6) for number in range(28)]
    with open_({"BTC-USD": {"1d": rows}}, now="2021-03-01T00:00", actions={}) as market:
        outcome = market.hook().fetch(bitcoin, "1d", day("2021-02-01"), day("2021-03-01"))
        assert (outcome.rows.num_rows, outcome.covers_until, outcome.adjustment) == (28, None, Adjustment.NONE)


def renamed(tables):
    """AAPL as if it had been called OLD up to 2018."""
    rows = tables["AAPL"]["1d"]
    old, new = ([row for row in rows if (row[0].year < 2018) is first] for first in (True, False))
    called = Instrument(symbol="NEW", name="New", kind=Kind.STOCK, calendar="XNYS", trades_volume=True, aliases=("OLD",))
    return {"NEW": {"1d": new}, "OLD": {"1d": old}}, called, rows


def test_an_earlier_name_fills_the_time_before_the_present_one(open_, tables):
    bars, called, rows = renamed(tables)
    with open_(bars, actions={}) as market:
        outcome = market.hook().fetch(called, "1d", day("2017-01-01"), day("2019-01-01"))
        assert [row[0].date() for row in rows_of(outcome.rows)] == [row[0].date() for row in rows if row[0].year in (2017, 2018)]
        market.yahoo.record.clear()
        market.hook().fetch(called, "1d", day("2019-01-01"), day("2020-01-01"))
        assert market.charts("OLD") == 0


def test_an_earlier_name_that_yahoo_forgot_is_no_failure(open_, tables):
    bars, called, _ = renamed(tables)
    with open_({"NEW": bars["NEW"]}, actions={}) as market:
        outcome = market.hook().fetch(called, "1d", day("2017-01-01"), day("2019-01-01"))
        assert rows_of(outcome.rows)[0][0] == day("2018-01-02")
        assert isinstance(market.hook().fetch(called, "1d", day("2016-01-01"), day("2017-01-01")), ConfirmedEmpty)


def test_an_earlier_name_that_fails_fails_the_symbol(open_, tables):
    bars, called, _ = renamed(tables)
    with open_(bars, actions={}) as market:
        market.yahoo.faults.add(Fault("garbage", "chart/OLD"))
        assert isinstance(market.hook().fetch(called, "1d", day("2017-01-01"), day("2019-01-01")), Transient)


def test_an_earlier_name_without_the_bars_it_should_have_fails_the_symbol(open_, tables):
    bars, called, _ = renamed(tables)
    bars["OLD"]["1d"] = [row for row in bars["OLD"]["1d"] if row[0].year != 2017]
    with open_(bars, actions={}) as market:
        outcome = market.hook().fetch(called, "1d", day("2017-01-01"), day("2019-01-01"))
        assert isinstance(outcome, Transient)
        assert "without a bar of OLD from 2017-01-01 to 2018-01-01" in outcome.reason


def test_an_earlier_name_on_another_price_scale_is_refused(open_, tables):
    bars, called, _ = renamed(tables)
    with open_(bars, actions={"NEW": [SPLIT]}) as market:
        outcome = market.hook().fetch(called, "1d", day("2017-01-01"), day("2019-01-01"))
        assert isinstance(outcome, Permanent)
        assert "OLD" in outcome.reason
        assert "2020-08-31" in outcome.reason


def test_real_bars_of_many_symbols(open_, lake):
    """Files as Yahoo gave them, among them an index of Chicago and one of Mumbai."""
    names = ["TSLA", "^VIX", "^NSEI", "AMD"]
    bars = {name: {"1d": read_csv_rows(shared_data("daily", f"{name}.csv"))} for name in names}
    with open_(bars, now="2024-03-20", actions={}) as market:
        for name in names:
            assert market.fetch(lake, name, "1d", "2015-01-01", "2024-03-01").state == "complete"
            assert landed(lake, name, "1d", "2015-01-01", "2024-03-01") == shown(market, name, "1d", "2015-01-01", "2024-03-01")


@pytest.mark.parametrize(
    ("symbol", "name"), [("BRK.B", "BRK-B"), ("BTC/USD", "BTC-USD"), ("RELIANCE.NS", "RELIANCE.NS"), ("VOD.L", "VOD.L"), ("^GSPC", "^GSPC")]
)
def test_yahoo_has_its_own_names(symbol, name):
    assert yahoo_symbol(symbol) == name


def test_the_connection_can_be_tested(open_):
    with open_() as market:
        assert market.hook().test_connection() == (True, "Yahoo Finance answers")
        market.yahoo.faults.add(Fault("status", "period1", status=503, times=None))
        answers, why = market.hook().test_connection()
        assert not answers
        assert "503" in why


def test_it_is_made_without_a_request(open_):
    with open_() as market:
        YahooHook()
        market.hook()
        assert market.yahoo.requests() == []
