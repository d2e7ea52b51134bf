"""Completeness against the symbol's own calendar, and what becomes of a symbol that lacks too much."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd

from expectations import check, completeness
from expectations.check import CheckRequest, CheckSummary, check_bars
from expectations.checked import publish_checked
from include.holds import read_holds
from include.lake import Lake
from include.publish import read_month
from include.quality import Thresholds

Land = Callable[..., None]
Request = Callable[..., CheckRequest]
Bars = Callable[..., list[dict[str, Any]]]
Rows = list[dict[str, Any]]


def without(rows: Rows, *days: str) -> Rows:
    return [row for row in rows if row["date"] not in days]


def published(lake: Lake, request: CheckRequest) -> CheckSummary:
    summary = check_bars(lake, request, run="run")
    publish_checked(lake, summary.plan)
    return summary


def symbols(lake: Lake, month: str) -> set[str]:
    table = read_month(lake, Lake.bars("1d"), month)
    return set() if table is None else set(table["symbol"].to_pylist())


def test_a_small_gap_is_listed_and_holds_nothing_back(lake: Lake, land: Land, request_for: Request, bars: Bars) -> None:
    land("AAPL", without(bars("2018-01-02", "2018-12-31"), "2018-05-08", "2018-06-08", "2018-11-01"))
    summary = published(lake, request_for("AAPL"))
    covered = summary.coverage["AAPL"]
    assert (covered.expected, covered.missing, covered.gaps) == (250, 3, "2018-05-08; 2018-06-08; 2018-11-01")
    assert summary.held == {}


def test_five_percent_missing_hold_the_symbol_back_and_not_the_others(lake: Lake, land: Land, request_for: Request, bars: Bars) -> None:
    rows = bars("2018-01-02", "2018-12-31")
    land("AAPL", without(rows, *(row["date"] for row in rows[100:113])))
    land("MSFT", rows)
    summary = published(lake, request_for("AAPL", "MSFT"))
    assert list(summary.held) == ["AAPL"]
    assert summary.held["AAPL"] == (
        "2018-01 to 2018-12: 13 of 250 bars are not there (5.2%): no row came for 13, 2018-05-25 to 2018-06-13 (13); 2 of its months lack "
        f"too much alone; {completeness._FETCH}; then run the months again"
    )
    assert summary.symbols["AAPL"].fetched == summary.symbols["AAPL"].kept + summary.symbols["AAPL"].quarantined
    assert {symbols(lake, f"2018-{month:02d}") == {"MSFT"} for month in range(1, 13)} == {True}
    (hold,) = read_holds(lake, "1d", ["AAPL", "MSFT"])
    assert (hold.symbol, hold.source, len(hold.months), hold.cause.rule) == ("AAPL", "csv", 12, "complete_enough")
    assert hold.cause.told == summary.held["AAPL"]
    assert sum(hold.kept.values()) == summary.symbols["AAPL"].kept


def test_data_that_begin_later_than_was_asked_for_are_to_be_asked_from_there(
    lake: Lake, land: Land, request_for: Request, bars: Bars
) -> None:
    land("AAPL", bars("2018-05-01", "2018-12-31"), whole=False)
    held = published(lake, request_for("AAPL")).held["AAPL"]
    assert 'begins later than was asked for, ask from there with {"start": "2018-05-01"}, or for fewer days; fetch the time' in held


def test_a_month_that_lacks_too_much_does_not_hide_in_a_year(lake: Lake, land: Land, request_for: Request, bars: Bars) -> None:
    land("AAPL", without(bars("2018-01-02", "2018-12-31"), "2018-05-08", "2018-05-16"))
    held = published(lake, request_for("AAPL")).held["AAPL"]
    assert held.startswith("2018-05: 2 of 22 bars are not there (9.1%): no row came for 2, 2018-05-08; 2018-05-16; fetch the time")


def test_few_bars_in_each_month_are_many_in_all(lake: Lake, land: Land, request_for: Request, bars: Bars) -> None:
    land("AAPL", without(bars("2018-01-02", "2018-02-28"), "2018-01-16", "2018-02-05"), end="2018-03-01")
    held = check_bars(lake, request_for("AAPL", end="2018-03-01"), run="run").held["AAPL"]
    assert held.startswith("2018-01 to 2018-02: 2 of 40 bars are not there (5.0%): no row came for 2, 2018-01-16; 2018-02-05; fetch")
    assert check_bars(lake, request_for("AAPL", end="2018-02-01"), run="run").held == {}


def test_what_is_held_back_keeps_what_it_has_and_is_released_by_a_later_check(
    lake: Lake, land: Land, request_for: Request, bars: Bars
) -> None:
    january = request_for("AAPL", end="2018-02-01")
    rows = bars("2018-01-02", "2018-01-31")
    land("AAPL", rows, end="2018-02-01")
    published(lake, january)
    before = read_month(lake, Lake.bars("1d"), "2018-01")
    land("AAPL", rows[:4] + rows[12:], end="2018-02-01")
    assert list(published(lake, january).held) == ["AAPL"]
    assert read_month(lake, Lake.bars("1d"), "2018-01").equals(before)
    assert len(read_holds(lake, "1d", ["AAPL"])) == 1
    land("AAPL", [row | {"close": 10.5} for row in rows], end="2018-02-01")
    assert published(lake, january).held == {}
    assert set(read_month(lake, Lake.bars("1d"), "2018-01")["close"].to_pylist()) == {10.5}
    assert read_holds(lake, "1d", ["AAPL"]) == []


def test_refused_rows_are_missing_bars_and_told_apart_from_those_that_never_came(
    lake: Lake, land: Land, request_for: Request, bars: Bars
) -> None:
    rows = bars("2018-01-02", "2018-01-31")
    land("AAPL", [row | {"high": 1.0} if number < 3 else row for number, row in enumerate(rows) if number != 3])
    land("MSFT", [row | {"high": 1.0} if number < 3 else row for number, row in enumerate(rows)])
    summary = check_bars(lake, request_for("AAPL", "MSFT"), run="run")
    both, refused = summary.coverage["AAPL"], summary.coverage["MSFT"]
    assert (both.missing, both.refused, both.gaps, both.refused_gaps) == (4, 3, "2018-01-05", "2018-01-02 to 2018-01-04 (3)")
    assert (refused.missing, refused.refused, refused.gaps) == (3, 3, "")
    assert summary.held == {
        "AAPL": "2018-01: 4 of 21 bars are not there (19.0%): no row came for 1, 2018-01-05; 3 came and were refused, 2018-01-02 to "
        f"2018-01-04 (3); {completeness._FETCH}; {completeness._CORRECT}; then run the months again",
        "MSFT": "2018-01: 3 of 21 bars are not there (14.3%): 3 came and were refused, 2018-01-02 to 2018-01-04 (3); "
        f"{completeness._CORRECT}; then run the months again",
    }


def test_refused_hours_are_found_in_their_session(lake: Lake, land: Land, request_for: Request, bar: Any) -> None:
    rows = [bar(f"2018-07-{day:02d} {hour}:30") for day in (2, 5) for hour in range(13, 20)]
    rows[3]["high"] = 1.0
    land("AAPL", rows, start="2018-07-01", end="2018-07-03", timeframe="1h")
    covered = check_bars(lake, request_for("AAPL", timeframe="1h"), run="run").coverage["AAPL"]
    assert (covered.missing, covered.refused, covered.refused_gaps) == (1, 1, "2018-07-02 16:30")


def test_a_gap_that_changes_its_cause_at_a_piece_of_time_is_two(
    lake: Lake, land: Land, request_for: Request, bars: Bars, monkeypatch: Any
) -> None:
    rows = without(bars("2018-01-02", "2018-02-28"), "2018-02-01", "2018-02-02")
    land("AAPL", [row | {"high": 1.0} if row["date"] in {"2018-01-30", "2018-01-31"} else row for row in rows])
    monkeypatch.setattr(check, "_ROWS_AT_ONCE", 1)
    covered = check_bars(lake, request_for("AAPL"), run="run").coverage["AAPL"]
    assert (covered.gaps, covered.refused_gaps) == ("2018-02-01 to 2018-02-02 (2)", "2018-01-30 to 2018-01-31 (2)")


def test_time_before_a_history_begins_and_after_it_ended_is_not_missing(lake: Lake, land: Land, request_for: Request, bars: Bars) -> None:
    """By the source, as Yahoo names the first trade and Binance a pair that left."""
    land("AAPL", bars("2018-04-18", "2018-08-28"))
    assert check_bars(lake, request_for("AAPL"), run="run").coverage["AAPL"].missing == 0


def test_a_file_that_begins_late_or_ends_early_is_held_back(lake: Lake, land: Land, request_for: Request, bars: Bars) -> None:
    """Where it begins and ends proves nothing."""
    land("AAPL", bars("2018-01-02", "2018-08-28"), whole=False)
    land("MSFT", bars("2018-02-12", "2018-12-31"), whole=False)
    summary = published(lake, request_for("AAPL", "MSFT"))
    assert summary.coverage["AAPL"].gaps == "2018-08-29 to 2018-12-28 (84)"
    assert summary.held["AAPL"].startswith(
        "2018-01 to 2018-12: 84 of 250 bars are not there (33.6%): no row came for 84, 2018-08-29 to 2018-12-28 (84); 5 of its"
    )
    assert summary.held["MSFT"].startswith(
        "2018-01 to 2018-12: 28 of 250 bars are not there (11.2%): no row came for 28, 2018-01-02 to 2018-02-09 (28)"
    )
    assert symbols(lake, "2018-06") == set()


def test_the_universe_says_when_a_symbol_was_listed_and_delisted(lake: Lake, land: Land, request_for: Request, bars: Bars) -> None:
    rows = bars("2018-01-02", "2018-12-31")
    land("AAPL", [row for row in rows if "2018-04-18" <= row["date"] <= "2018-08-28"], whole=False)
    asked = request_for("AAPL")
    listed = asked.instruments[0].model_copy(update={"listed": date(2018, 4, 18), "delisted": date(2018, 8, 28)})
    summary = check_bars(lake, replace(asked, instruments=(listed,)), run="run")
    assert (summary.held, summary.coverage["AAPL"].expected, summary.coverage["AAPL"].missing) == ({}, 93, 0)
    early = listed.model_copy(update={"listed": date(2018, 4, 12)})
    assert check_bars(lake, replace(asked, instruments=(early,)), run="run").coverage["AAPL"].gaps == "2018-04-12 to 2018-04-17 (4)"


def test_a_hole_of_whole_months_is_missing(lake: Lake, land: Land, request_for: Request, bars: Bars, monkeypatch: Any) -> None:
    land("AAPL", [*bars("2018-01-02", "2018-04-30"), *bars("2018-07-02", "2018-12-31")])
    at_once = check_bars(lake, request_for("AAPL"), run="run")
    assert at_once.coverage["AAPL"].gaps == "2018-05-01 to 2018-06-29 (43)"
    monkeypatch.setattr(check, "_ROWS_AT_ONCE", 1)
    assert check_bars(lake, request_for("AAPL"), run="run") == at_once


def test_what_the_source_says_is_empty_and_what_it_was_not_asked_for_is_not_missing(
    lake: Lake, land: Land, request_for: Request, bars: Bars
) -> None:
    land("AAPL", bars("2018-01-02", "2018-04-30"), end="2018-05-01")
    land("AAPL", [], start="2018-05-01", end="2018-06-01")
    land("AAPL", bars("2018-07-02", "2018-12-31"), start="2018-07-01", end="2019-01-01")
    assert check_bars(lake, request_for("AAPL"), run="run").coverage["AAPL"].missing == 0


def test_a_session_that_moved_is_there_and_a_sunday_is_no_substitute(
    lake: Lake, land: Land, request_for: Request, bars: Bars, bar: Any
) -> None:
    rows = [*without(bars("2018-01-02", "2018-03-29"), "2018-01-16", "2018-02-05"), bar("2018-01-15"), bar("2018-02-04")]
    land("AAPL", rows)
    covered = check_bars(lake, request_for("AAPL"), run="run").coverage["AAPL"]
    assert (covered.moved, covered.gaps) == (1, "2018-02-05")


def test_one_missing_bar_of_a_short_month_holds_nothing_back() -> None:
    assert Thresholds().missing_allowed(19) == 1
    assert Thresholds().missing_allowed(20) == 1
    assert Thresholds().missing_allowed(100) == 4
    assert Thresholds().missing_allowed(101) == 5
    assert Thresholds().missing_allowed(0) == 1


def test_hours_of_an_exchange_are_counted_from_its_open_or_by_the_clock(lake: Lake, land: Land, request_for: Request, bar: Any) -> None:
    """Seven bars either way; 2018-07-03 was a half-day with four of them, or five by the clock."""
    for symbol, minute in (("AAPL", 30), ("MSFT", 0)):
        hours = range(13, 20)
        rows = [bar(f"2018-07-{day:02d} {hour}:{minute:02d}") for day in (2, 5, 6) for hour in hours]
        rows += [bar(f"2018-07-03 {hour}:{minute:02d}") for hour in range(13, 17)]
        land(symbol, rows[1:], start="2018-07-01", end="2018-07-07", timeframe="1h")
    summary = check_bars(lake, request_for("AAPL", "MSFT", timeframe="1h", end="2018-12-31"), run="run")
    assert (summary.coverage["AAPL"].missing, summary.coverage["MSFT"].missing) == (0, 0)
    assert (summary.coverage["AAPL"].expected, summary.coverage["MSFT"].expected) == (24, 24)


def test_bars_that_begin_late_or_end_early_are_told(lake, land, request_for, bars) -> None:
    """The end of a file is no proof that the company ended."""
    land("AAPL", bars("2018-03-05", "2018-05-31"), start="2018-01-01", end="2018-12-31")
    summary = check_bars(lake, request_for("AAPL", start="2018-01-01", end="2018-07-01"), run="run")
    covered = summary.coverage["AAPL"]
    assert covered.begins == "2018-03-05, 42 sessions after the time asked for"
    assert covered.ends == "2018-05-31, 21 sessions before the time asked for ends"
    whole = check_bars(lake, request_for("AAPL", start="2018-04-01", end="2018-06-01"), run="run").coverage["AAPL"]
    assert (whole.begins, whole.ends) == ("", "")


def test_bars_within_a_day_are_not_counted_as_sessions(lake, land, request_for) -> None:
    hours = pd.date_range("2018-03-05T14:30", periods=7, freq="h")
    rows = [{"date": str(hour), **dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0)} for hour in hours]
    land("AAPL", rows, start="2018-03-01", end="2018-04-01", timeframe="1h")
    summary = check_bars(lake, request_for("AAPL", start="2018-03-01", end="2018-04-01", timeframe="1h"), run="run")
    assert summary.coverage["AAPL"].begins == "2018-03-05, 14 bars of 1h after the time asked for"
