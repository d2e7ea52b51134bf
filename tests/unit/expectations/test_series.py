"""The rules that compare a bar with others: each with a case that passes and one that does not."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from expectations.check import CheckRequest, CheckSummary, check_bars
from expectations.staging import folder_of
from include.actions import Action, ActionKind, append_actions
from include.lake import Lake
from include.landing import Adjustment
from tests.unit.expectations.conftest import instant

pytestmark = pytest.mark.usefixtures("few_bars_will_do")

Land = Callable[..., None]
Request = Callable[..., CheckRequest]
Bars = Callable[..., list[dict[str, Any]]]
Rows = list[dict[str, Any]]


@pytest.fixture
def flags(lake: Lake, land: Land, request_for: Request) -> Callable[..., dict[str, str]]:
    """Land rows, check them, and return the flags by date (and time, where there is one)."""

    def check(rows: Rows, symbol: str = "AAPL", *, adjustment: Adjustment = Adjustment.RAW, timeframe: str = "1d") -> dict[str, str]:
        land(symbol, rows, adjustment=adjustment, timeframe=timeframe)
        check_bars(lake, request_for(symbol, timeframe=timeframe), run="run")
        return flagged(lake)

    return check


def flagged(lake: Lake) -> dict[str, str]:
    folder = f"{folder_of('run')}/bars"
    rows = [row for name in lake.files(folder) for row in lake.read_table(f"{folder}/{name}").to_pylist()]
    return {f"{row['timestamp']:%Y-%m-%d %H:%M}".removesuffix(" 00:00"): row["flags"] for row in rows if row["flags"]}


def after(rows: Rows, day: str, factor: float, volume: float = 1.0) -> Rows:
    """The rows with prices from ``day`` on multiplied by ``factor``, and that day's volume by ``volume``."""
    prices = ("open", "high", "low", "close", "adjusted_close")
    return [
        row | {name: row[name] * factor for name in prices} | {"volume": row["volume"] * (volume if row["date"] == day else 1.0)}
        if row["date"] >= day
        else row
        for row in rows
    ]


def like_close(rows: Rows) -> Rows:
    """Open each bar at its close, so that the jump of a split is the ratio itself."""
    return [row | {"open": row["close"]} for row in rows]


def test_ordinary_bars_carry_no_flag(flags: Any, bars: Bars) -> None:
    assert flags(bars("2018-01-02", "2018-03-29")) == {}


@pytest.mark.parametrize("shares", [2, 3, 1.5, 4, 10, 1 / 2, 1 / 10])
@pytest.mark.parametrize("volume", ["adjusted", "as traded"])
def test_a_split_shows_in_the_open_with_usual_volume(flags: Any, bars: Bars, shares: float, volume: str) -> None:
    rows = after(like_close(bars("2018-01-02", "2018-03-29")), "2018-02-20", 1.02 / shares, 1.0 if volume == "adjusted" else shares)
    assert flags(rows) == {"2018-02-20": "suspected_split"}


def test_a_crash_of_that_size_has_many_times_the_usual_volume(flags: Any, bars: Bars) -> None:
    rows = after(like_close(bars("2018-01-02", "2018-03-29")), "2018-02-20", 0.49, 19.8)
    assert flags(rows) == {"2018-02-20": "large_move"}


def test_a_jump_that_is_no_ratio_is_a_large_move(flags: Any, bars: Bars) -> None:
    assert flags(after(like_close(bars("2018-01-02", "2018-03-29")), "2018-02-20", 0.45)) == {"2018-02-20": "large_move"}


def test_an_index_never_splits_and_vix_may_move_as_it_likes(flags: Any, bars: Bars) -> None:
    rows = after(like_close(bars("2018-01-02", "2018-03-29")), "2018-02-20", 0.49)
    assert flags(rows, "^GSPC") == {"2018-02-20": "large_move"}


def test_vix_may_move_as_it_likes(flags: Any, bars: Bars) -> None:
    assert flags(after(bars("2018-01-02", "2018-03-29"), "2018-02-20", 2.16), "^VIX") == {}


def test_a_known_split_explains_the_jump(lake: Lake, flags: Any, bars: Bars) -> None:
    append_actions(lake, "AAPL", "yahoo", instant("2026-01-01"), [Action(date(2018, 2, 20), ActionKind.SPLIT, 4.0)])
    assert flags(after(like_close(bars("2018-01-02", "2018-03-29")), "2018-02-20", 0.26)) == {"2018-02-20": "split"}


def test_a_known_split_is_expected_to_show_in_raw_prices_only(lake: Lake, flags: Any, bars: Bars) -> None:
    append_actions(lake, "AAPL", "yahoo", instant("2026-01-01"), [Action(date(2018, 2, 20), ActionKind.SPLIT, 4.0)])
    assert flags(bars("2018-01-02", "2018-03-29"), adjustment=Adjustment.SPLIT) == {}
    assert flags(like_close(bars("2018-01-02", "2018-03-29"))) == {"2018-02-20": "suspected_split"}


def test_two_answers_on_both_sides_of_a_split_are_brought_to_one_scale(lake: Lake, land: Land, request_for: Request, bars: Bars) -> None:
    """Both are split-adjusted up to their own fetch; the split lies between the fetches."""
    append_actions(lake, "AAPL", "yahoo", instant("2026-01-01"), [Action(date(2018, 3, 5), ActionKind.SPLIT, 5.0)])
    before, later = bars("2018-01-02", "2018-02-28"), after(bars("2018-03-01", "2018-03-29"), "2018-03-01", 0.2)
    land("AAPL", before, start="2018-01-01", end="2018-03-01", fetched_at="2018-03-02")
    land("AAPL", later, start="2018-03-01", end="2018-04-01", fetched_at="2018-04-02")
    check_bars(lake, request_for("AAPL", end="2018-04-01"), run="run")
    assert flagged(lake) == {}


def test_one_month_says_the_same_of_its_first_bar_as_all_months(lake: Lake, land: Land, request_for: Request, bars: Bars) -> None:
    land("AAPL", after(like_close(bars("2018-01-02", "2018-03-29")), "2018-03-01", 0.5), adjustment=Adjustment.RAW)
    check_bars(lake, request_for("AAPL"), run="run")
    whole = lake.read(f"{folder_of('run')}/bars/2018-03.parquet")
    check_bars(lake, request_for("AAPL", start="2018-03-01", end="2018-04-01"), run="run")
    assert lake.read(f"{folder_of('run')}/bars/2018-03.parquet") == whole
    assert flagged(lake) == {"2018-03-01": "suspected_split"}


def test_volume_counts_only_where_it_is_traded(flags: Any, bars: Bars) -> None:
    rows = bars("2018-01-02", "2018-01-31")
    rows[3] |= {"volume": 0.0}
    rows[5] |= {"volume": None}
    rows[7] |= {"open": 11.0, "high": 11.0, "low": 11.0, "close": 11.0, "volume": 0.0}
    assert flags(rows) == {"2018-01-05": "no_volume", "2018-01-09": "no_volume", "2018-01-11": "flat_without_volume"}


def test_an_index_without_volume_needs_none(flags: Any, bars: Bars) -> None:
    assert flags(bars("2018-01-02", "2018-01-31", volume=0.0), "^VIX") == {}


def test_missing_prices_are_flagged(flags: Any, bars: Bars) -> None:
    rows = bars("2018-01-02", "2018-01-31")
    rows[3] |= {"open": None, "high": None, "low": None}
    assert flags(rows) == {"2018-01-05": "prices_missing"}


def test_a_bar_of_a_closed_day_is_flagged(flags: Any, bars: Bars, bar: Any) -> None:
    rows = [*bars("2018-01-02", "2018-01-31"), bar("2018-01-15"), bar("2018-01-20")]
    assert set(flags(rows)) == {"2018-01-15", "2018-01-20"}


def test_hours_follow_the_exchange_and_not_the_clock_of_summer(flags: Any, bar: Any) -> None:
    """New York opens at 13:30 UTC from March on; an hour earlier it was closed, and half past is where its hours begin."""
    rows = [bar(f"2018-04-03 {hour}:30", volume=100.0 + hour) for hour in range(13, 20)]
    rows += [bar("2018-04-04 12:30"), bar("2018-04-04 14:40", volume=7.0)]
    assert flags(rows, timeframe="1h") == {"2018-04-04 12:30": "off_calendar", "2018-04-04 14:40": "off_grid"}


def test_a_row_at_the_wrong_place_is_flagged_and_a_falling_answer_is_not(flags: Any, bars: Bars) -> None:
    rows = bars("2018-01-02", "2018-01-31")
    assert flags([*rows[:5], rows[6], rows[5], *rows[7:]]) == {"2018-01-09": "out_of_order"}


def test_newest_first_is_an_order(flags: Any, bars: Bars) -> None:
    assert flags(bars("2018-01-02", "2018-01-31")[::-1]) == {}


def test_a_bar_repeated_under_another_date_is_flagged(flags: Any, bars: Bars) -> None:
    rows = bars("2018-01-02", "2018-02-28")
    rows[20] |= {name: rows[10][name] for name in ("open", "high", "low", "close", "volume")}
    assert flags(rows) == {rows[20]["date"]: "equal_to_earlier"}


def test_two_sources_are_compared_month_by_month(lake: Lake, land: Land, request_for: Request, bars: Bars) -> None:
    """Another scale is no disagreement where a split explains it; a factor of a hundred is."""
    rows = bars("2018-01-02", "2018-02-28")
    other = after(rows, "2018-01-01", 4.0)
    other[10] |= {"close": other[10]["close"] * 1.01}
    land("AAPL", rows)
    land("AAPL", other, source="yahoo")
    check_bars(lake, request_for("AAPL"), run="run")
    assert flagged(lake) == {rows[10]["date"]: "sources_disagree"}
    land("AAPL", after(rows, "2018-01-01", 100.0), source="yahoo")
    summary = check_bars(lake, request_for("AAPL"), run="run")
    assert summary.flags["sources_disagree"] == len(rows)


def test_warnings_are_told_with_their_numbers(lake: Lake, land: Land, request_for: Request, bars: Bars) -> None:
    land("AAPL", after(like_close(bars("2018-01-02", "2018-03-29")), "2018-02-20", 0.51), adjustment=Adjustment.RAW)
    summary: CheckSummary = check_bars(lake, request_for("AAPL"), run="run")
    assert summary.flags["suspected_split"] == 1
    page = lake.read("reports/data_docs/check-csv-1d.html").decode()
    assert "open is 0.5100 of the close before, 11, with usual volume, as after 2 new shares for one" in page
