"""Bars of the source ``ibkr`` from a stand-in of TWS, through the unmodified ib_insync, into a lake."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from include.landing import Adjustment, list_landed
from marketmill.fetch import fetch_batch
from marketmill.outcomes import ConfirmedEmpty, Data, Permanent, Transient
from marketmill.quota.requests import Job
from tests.servers.tws import Fault
from tests.unit.marketmill.hooks.ibkr_stand_in import (
    NEW_YEAR,
    held,
    index_mill,
    instrument,
    landed,
    merged,
    mill,
    plan,
    stock_mill,
)
from tests.unit.servers.tws.real_bars import index_days, stock_minutes

__all__ = ["index_mill", "stock_mill"]

Y2016, Y2018, Y2019 = (datetime(year, 1, 1, tzinfo=UTC) for year in (2016, 2018, 2019))
JULY_29, JULY_30, AUGUST_6 = (datetime(2026, *day, tzinfo=UTC) for day in ((7, 29), (7, 30), (8, 6)))


def test_three_years_of_an_index_come_exactly_and_with_one_request(index_mill, lake) -> None:
    [result] = fetch_batch(lake, index_mill.hook(), plan("^GSPC", start=Y2016, end=Y2019))
    assert (result.state, result.rows, result.asked) == ("complete", 754, 1)
    assert landed(lake, "^GSPC", "1d", Y2016, Y2019) == held(index_days(), Y2016, Y2019)
    [request] = index_mill.histories()
    assert request.details["duration"] == "4 Y"
    assert request.details["date_format"] == 2
    assert request.details["regular_hours"] is True
    [answer] = list_landed(lake, "ibkr", "1d", "^GSPC")
    assert answer.adjustment is Adjustment.NONE
    assert index_mill.server.violations() == []


def test_nothing_is_asked_about_the_account(index_mill, lake) -> None:
    fetch_batch(lake, index_mill.hook(), plan("^GSPC", start=Y2018, end=Y2019))
    assert {request.kind for request in index_mill.server.requests()} == {"time", "contract_details", "history"}


@pytest.mark.parametrize(("timeframe", "requests"), [("1m", 6), ("5m", 2), ("15m", 2), ("1h", 1)])
def test_intraday_bars_come_exactly_by_the_table_of_step_sizes(stock_mill, lake, timeframe: str, requests: int) -> None:
    fetch_batch(lake, stock_mill.hook(), plan("AAPL", timeframe=timeframe, start=JULY_29, end=AUGUST_6))
    expected = held(stock_minutes(), JULY_29, AUGUST_6) if timeframe == "1m" else merged(stock_minutes(), timeframe, JULY_29, AUGUST_6)
    assert landed(lake, "AAPL", timeframe, JULY_29, AUGUST_6) == expected
    assert len(stock_mill.histories()) == requests
    assert {answer.adjustment for answer in list_landed(lake, "ibkr", timeframe, "AAPL")} == {Adjustment.SPLIT}
    assert stock_mill.server.violations() == []


def test_a_bar_that_opens_at_the_end_belongs_to_the_next_interval(stock_mill) -> None:
    ten = datetime(2026, 7, 29, 14, 0, tzinfo=UTC)
    hook = stock_mill.hook()
    before, after = hook.fetch(instrument("AAPL"), "1m", JULY_29, ten), hook.fetch(instrument("AAPL"), "1m", ten, JULY_30)
    hook.close()
    assert isinstance(before, Data)
    assert isinstance(after, Data)
    times = before.rows["timestamp"].to_pylist() + after.rows["timestamp"].to_pylist()
    assert times == [row[0] for row in held(stock_minutes(), JULY_29, JULY_30)]
    assert len(stock_mill.histories()) == 2


def test_one_fetch_of_many_days_walks_backwards_through_all_of_them(stock_mill) -> None:
    hook = stock_mill.hook()
    outcome = hook.fetch(instrument("AAPL"), "1m", JULY_29, AUGUST_6)
    hook.close()
    assert isinstance(outcome, Data)
    assert outcome.rows["timestamp"].to_pylist() == [row[0] for row in held(stock_minutes(), JULY_29, AUGUST_6)]
    ends = [entry.details["end"] for entry in stock_mill.histories()]
    assert ends == sorted(ends, reverse=True)
    assert stock_mill.server.violations() == []


def test_what_landed_is_not_asked_for_again_and_a_symbol_goes_on_where_it_stopped(stock_mill, lake) -> None:
    wanted = plan("AAPL", timeframe="1m", start=JULY_29, end=AUGUST_6)
    stock_mill.server.faults.add(Fault("drop", after=3))
    [broken] = fetch_batch(lake, stock_mill.hook(), wanted)
    assert (broken.state, broken.asked) == ("transient", 4)
    before = len(stock_mill.histories())
    [result] = fetch_batch(lake, stock_mill.hook(), wanted)
    assert result.state == "complete"
    assert len(stock_mill.histories()) - before == 3, "only the missing pieces"
    assert landed(lake, "AAPL", "1m", JULY_29, AUGUST_6) == held(stock_minutes(), JULY_29, AUGUST_6)
    [again] = fetch_batch(lake, stock_mill.hook(), wanted)
    assert (again.state, again.asked) == ("complete", 0)
    assert len(stock_mill.histories()) - before == 3
    assert stock_mill.server.violations() == []


def test_an_index_that_is_no_us_index_a_fund_and_a_stock_in_one_batch(tmp_path, monkeypatch, lake) -> None:
    days = index_days()
    tables = {name: {"1d": days} for name in ("^VIX", "SPY", "JPM", "AAPL")} | {"META": {"1d": days}, "FB": {"1d": days[:50]}}
    with mill(tables, NEW_YEAR, tmp_path, monkeypatch) as running:
        results = fetch_batch(lake, running.hook(), plan("^VIX", "SPY", "JPM", "AAPL", "META", start=Y2018, end=Y2019))
        assert [result.state for result in results] == ["complete"] * 5
        details = running.server.requests("contract_details")
        assert [(entry.details["symbol"], entry.details["security_type"], entry.details["exchange"]) for entry in details] == [
            ("VIX", "IND", "CBOE"),
            ("SPY", "STK", "SMART"),
            ("JPM", "STK", "SMART"),
            ("AAPL", "STK", "SMART"),
            ("META", "STK", "SMART"),  # and never FB, which may be another company by now
        ]
        assert {entry.client_id for entry in running.server.requests()} == {190}, "one connection, with the id of the settings"
        assert running.server.violations() == []


def test_zero_volume_of_an_index_is_no_volume(tmp_path, monkeypatch) -> None:
    rows = [(*row[:5], 0.0) for row in index_days() if row[0] >= Y2018]
    with mill({"^VIX": {"1d": rows}, "AAPL": {"1d": rows}}, NEW_YEAR, tmp_path, monkeypatch) as running:
        hook = running.hook()
        volumes = [set(hook.fetch(instrument(symbol), "1d", Y2018, Y2019).rows["volume"].to_pylist()) for symbol in ("^VIX", "AAPL")]
        hook.close()
    assert volumes == [{None}, {0.0}]


def test_before_the_first_bar_is_confirmed_empty_and_a_listing_within_the_range_is_complete(tmp_path, monkeypatch) -> None:
    rows = [row for row in index_days() if row[0] >= datetime(2018, 3, 15, tzinfo=UTC)]
    with mill({"AAPL": {"1d": rows}}, NEW_YEAR, tmp_path, monkeypatch) as running:
        hook = running.hook()
        before = hook.fetch(instrument("AAPL"), "1d", Y2016, Y2018)
        within = hook.fetch(instrument("AAPL"), "1d", Y2018, Y2019)
        hook.close()
        assert len(running.server.requests("head_timestamp")) == 1
    assert before == ConfirmedEmpty("IBKR's history of AAPL begins on 2018-03-15")
    assert isinstance(within, Data)
    assert within.rows.num_rows == len(rows)
    assert within.history_from == datetime(2018, 3, 14, 20, tzinfo=UTC), "the close of the last session before it"


def test_a_range_without_a_session_is_confirmed_empty(stock_mill) -> None:
    saturday = datetime(2026, 8, 1, tzinfo=UTC)
    hook = stock_mill.hook()
    assert hook.fetch(instrument("AAPL"), "1m", saturday, saturday + timedelta(days=2)) == ConfirmedEmpty(
        "the calendar XNYS has no session there"
    )
    hook.close()


def test_no_data_in_the_middle_of_a_history_is_a_failure(tmp_path, monkeypatch) -> None:
    rows = [row for row in index_days() if row[0].year != 2017]
    with mill({"^GSPC": {"1d": rows}}, NEW_YEAR, tmp_path, monkeypatch) as running:
        hook = running.hook()
        outcome = hook.fetch(instrument("^GSPC"), "1d", datetime(2017, 1, 1, tzinfo=UTC), Y2018)
        hole = hook.fetch(instrument("^GSPC"), "1d", Y2016, Y2019)
        hook.close()
    assert isinstance(outcome, Transient)
    assert outcome.reason.startswith(
        "No historical data found for ^GSPC from 2017-01-01 to 2018-01-01, says IBKR, but there were 251 sessions"
    )
    assert isinstance(hole, Transient)
    assert "without 251 of 754 sessions (2017-01-03, " in hole.reason


def test_a_few_days_without_bars_are_named_and_landed(tmp_path, monkeypatch, caplog) -> None:
    rows = [row for row in index_days() if row[0].year == 2018 and row[0].day != 13]
    with mill({"^GSPC": {"1d": rows}}, NEW_YEAR, tmp_path, monkeypatch) as running:
        hook = running.hook()
        outcome = hook.fetch(instrument("^GSPC"), "1d", Y2018, Y2019)
        hook.close()
    assert isinstance(outcome, Data)
    assert "^GSPC: IBKR has no bars of 2018-02-13, 2018-03-13, 2018-04-13, 2018-06-13, 2018-07-13, 2018-08-13, " in caplog.text


def test_the_bar_under_way_is_left_out_and_the_answer_says_how_far_it_goes(tmp_path, monkeypatch) -> None:
    noon = datetime(2018, 6, 15, 16, 0, tzinfo=UTC)
    with mill({"^GSPC": {"1d": index_days()}}, noon, tmp_path, monkeypatch) as running:
        hook = running.hook()
        outcome = hook.fetch(instrument("^GSPC"), "1d", datetime(2018, 6, 1, tzinfo=UTC), datetime(2018, 7, 1, tzinfo=UTC))
        today = hook.fetch(instrument("^GSPC"), "1d", datetime(2018, 6, 15, tzinfo=UTC), datetime(2018, 7, 1, tzinfo=UTC))
        hook.close()
    assert isinstance(outcome, Data)
    assert outcome.covers_until == datetime(2018, 6, 15, tzinfo=UTC)
    assert outcome.rows["timestamp"].to_pylist()[-1] == datetime(2018, 6, 14, tzinfo=UTC)
    assert today == Transient("^GSPC: the bars from 2018-06-15 00:00 UTC on are not finished yet")


def test_intraday_bars_under_way_are_left_out(tmp_path, monkeypatch) -> None:
    now = datetime(2026, 8, 5, 15, 42, 30, tzinfo=UTC)
    with mill({"AAPL": {"1m": stock_minutes()}}, now, tmp_path, monkeypatch) as running:
        hook = running.hook()
        outcome = hook.fetch(instrument("AAPL"), "5m", datetime(2026, 8, 5, tzinfo=UTC), AUGUST_6)
        hook.close()
    assert isinstance(outcome, Data)
    assert outcome.covers_until == datetime(2026, 8, 5, 15, 37, tzinfo=UTC)
    assert outcome.rows["timestamp"].to_pylist()[-1] == datetime(2026, 8, 5, 15, 35, tzinfo=UTC)


def test_a_session_that_has_just_ended_without_its_bar_is_waited_for(tmp_path, monkeypatch) -> None:
    evening = datetime(2018, 6, 15, 21, 0, tzinfo=UTC)
    rows = [row for row in index_days() if row[0] < datetime(2018, 6, 15, tzinfo=UTC)]
    with mill({"^GSPC": {"1d": rows}}, evening, tmp_path, monkeypatch) as running:
        hook = running.hook()
        outcome = hook.fetch(instrument("^GSPC"), "1d", datetime(2018, 6, 1, tzinfo=UTC), datetime(2018, 6, 16, tzinfo=UTC))
        hook.close()
    assert outcome == Transient("^GSPC: IBKR has no bars of 2018-06-15 yet; run it again later")


def test_an_end_that_lacks_is_a_named_gap_that_a_rerun_asks_for_again(tmp_path, monkeypatch, lake) -> None:
    christmas = datetime(2018, 12, 24, tzinfo=UTC)
    rows = [row for row in index_days() if row[0] < christmas]
    with mill({"^GSPC": {"1d": rows}}, datetime(2019, 1, 15, tzinfo=UTC), tmp_path, monkeypatch) as running:
        [first] = fetch_batch(lake, running.hook(), plan("^GSPC", start=Y2016, end=Y2019))
        assert (first.state, first.missing, first.months) == ("transient", "2018-12-24 to 2019-01-01", ("2018-12",))
        assert first.reason == (
            "IBKR has no bars of 2018-12-24, 2018-12-26, 2018-12-27, 2018-12-28, 2018-12-31, the end of what was asked for; "
            "run it again later"
        )
        assert landed(lake, "^GSPC", "1d", Y2016, Y2019) == held(rows, Y2016, Y2019)
        running.server.replace("^GSPC", "1d", index_days())
        [second] = fetch_batch(lake, running.hook(), plan("^GSPC", start=Y2016, end=Y2019))
        assert (second.state, second.rows) == ("complete", 5)
        assert landed(lake, "^GSPC", "1d", Y2016, Y2019) == held(index_days(), Y2016, Y2019)


def test_no_session_is_missed_after_the_last_day_of_trading(tmp_path, monkeypatch) -> None:
    rows = [row for row in index_days() if row[0] <= datetime(2018, 6, 15, tzinfo=UTC)]
    gone = instrument("AAPL").model_copy(update={"delisted": datetime(2018, 6, 15, tzinfo=UTC).date()})
    with mill({"AAPL": {"1d": rows}}, NEW_YEAR, tmp_path, monkeypatch) as running:
        hook = running.hook()
        year = hook.fetch(gone, "1d", Y2018, Y2019)
        after = hook.fetch(gone, "1d", datetime(2018, 7, 1, tzinfo=UTC), Y2019)
        hook.close()
    assert isinstance(year, Data)
    assert (year.covers_until, year.late) == (None, "")
    assert after == ConfirmedEmpty("it was delisted on 2018-06-15")


def test_a_gateway_that_refuses_long_ranges_is_asked_by_years(index_mill) -> None:
    index_mill.server.faults.add(Fault("error", code=162, text="Historical Market Data Service error message:Time length exceed max."))
    hook = index_mill.hook()
    outcome = hook.fetch(instrument("^GSPC"), "1d", Y2016, Y2019)
    hook.close()
    assert isinstance(outcome, Data)
    assert [tuple(row.values())[:5] for row in outcome.rows.to_pylist()] == [row[:5] for row in held(index_days(), Y2016, Y2019)]
    assert [entry.details["duration"] for entry in index_mill.histories()] == ["4 Y", "365 D", "365 D", "38 D"]
    assert index_mill.server.violations() == []


def test_the_quota_of_a_run_ends_it_with_a_plain_sentence_and_cached_bars_cost_nothing(stock_mill, lake) -> None:
    wanted = plan("AAPL", timeframe="1m", start=JULY_29, end=AUGUST_6)
    job = Job("backfill_market manual", max_snapshots=4)
    [result] = fetch_batch(lake, stock_mill.hook(job=job), wanted)
    assert result.state == "permanent"
    assert result.reason.startswith(
        "backfill_market manual used 4 of its 4 requests to ibkr, 0 remaining: raise max_snapshots or wait until "
    )
    [rest] = fetch_batch(lake, stock_mill.hook(job=Job("another", max_snapshots=2)), wanted)
    assert (rest.state, rest.asked) == ("complete", 2)


@pytest.mark.parametrize(
    ("symbol", "universe", "reason"),
    [
        ("BTC/USDT", "crypto", "BTC/USDT: source ibkr has stocks, funds and indices, no crypto; take another source"),
        ("^FTSE", "global26", "^FTSE: source ibkr knows the indices ^DJI, ^GSPC, "),
        ("EURUSD=X", "global26", "EURUSD=X: not the symbol of a stock such as AAPL or BRK.B; take another source"),
    ],
)
def test_what_it_does_not_have_is_refused_without_a_connection(index_mill, symbol: str, universe: str, reason: str) -> None:
    outcome = index_mill.hook().fetch(instrument(symbol, universe), "1d", Y2018, Y2019)
    assert isinstance(outcome, Permanent)
    assert outcome.reason.startswith(reason)
    assert index_mill.server.requests() == []


def test_a_symbol_that_fits_no_contract_or_several_is_not_guessed(tmp_path, monkeypatch) -> None:
    with mill({"AAPL": {"1d": index_days()}}, NEW_YEAR, tmp_path, monkeypatch) as running:
        hook = running.hook()
        outcome = hook.fetch(instrument("NOSUCH"), "1d", Y2018, Y2019)
        hook.close()
    assert isinstance(outcome, Transient), "TWS says so of valid symbols at night"
    assert "IBKR answers 200: No security definition has been found" in outcome.reason
