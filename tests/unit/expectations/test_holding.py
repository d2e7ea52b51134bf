"""A price in another unit holds its symbol back until somebody has looked; a crash does not."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from expectations.check import CheckRequest, CheckSummary, check_bars
from expectations.checked import publish_checked
from include.actions import Action, ActionKind, append_actions
from include.holds import read_holds
from include.lake import Lake
from include.landing import Adjustment
from include.publish import read_month
from include.quality import load_quality

Land = Callable[..., None]
Request = Callable[..., CheckRequest]
Rows = list[dict[str, Any]]
PRICES = ("open", "high", "low", "close", "adjusted_close")


@pytest.fixture
def year(bars: Callable[..., Rows]) -> Rows:
    return bars("2018-01-02", "2018-03-29")


def scaled(rows: Rows, factor: float, first: str, last: str) -> Rows:
    return [row | {name: row[name] * factor for name in PRICES} if first <= row["date"] <= last else row for row in rows]


def run(lake: Lake, request: CheckRequest) -> CheckSummary:
    summary = check_bars(lake, request, run="run")
    publish_checked(lake, summary.plan)
    return summary


@pytest.mark.parametrize(
    ("factor", "last", "jump"),
    [(100, "2018-02-07", "2018-02-07"), (100, "2018-12-31", "2018-02-07"), (0.01, "2018-02-07", "2018-02-07"), (0.01, "2018-02-20", "2018-02-07"), (1000, "2018-02-20", "2018-02-07")],
    ids=["a bar x100", "from there x100", "a bar /100", "two weeks /100", "two weeks x1000"],
)  # fmt: skip
def test_another_unit_holds_the_symbol_back(
    lake: Lake, land: Land, request_for: Request, year: Rows, factor: float, last: str, jump: str
) -> None:
    land("AAPL", scaled(year, factor, "2018-02-07", last))
    land("MSFT", year)
    summary = run(lake, request_for("AAPL", "MSFT", end="2018-04-01"))
    assert list(summary.held) == ["AAPL"]
    assert summary.held["AAPL"].startswith(f"{jump}: open is ")
    (hold,) = read_holds(lake, "1d", ["AAPL"])
    assert (hold.cause.rule, hold.cause.month, hold.months) == ("unit_jump", "2018-02", ("2018-01", "2018-02", "2018-03"))
    assert read_month(lake, Lake.bars("1d"), "2018-01")["symbol"].unique().to_pylist() == ["MSFT"]


def test_a_jump_is_the_day_of_the_fall_only_where_that_is_near_and_the_last_before_it(
    lake: Lake, land: Land, request_for: Request, bars: Callable[..., Rows]
) -> None:
    rows = bars("2018-01-02", "2018-06-29")
    land("AAPL", scaled(rows, 0.01, "2018-02-07", "2018-05-08"))
    land("MSFT", scaled(scaled(rows, 0.01, "2018-02-07", "2018-02-07"), 100, "2018-02-20", "2018-06-29"))
    summary = run(lake, request_for("AAPL", "MSFT", end="2018-07-01"))
    assert summary.held["AAPL"].startswith("2018-05-09: open is ")  # a quarter later nobody can tell
    assert "on 2018-02-08 it is 90.91 times: the bars between are in another unit; correct" in summary.held["MSFT"]
    assert "release the bar of 2018-02-08 00:00 from unit_jump" in summary.held["MSFT"]


def test_a_fall_that_came_back_before_explains_no_later_jump(lake: Lake, land: Land, request_for: Request, year: Rows) -> None:
    land("AAPL", scaled(scaled(year, 0.01, "2018-01-30", "2018-01-30"), 100, "2018-02-20", "2018-12-31"))
    held = run(lake, request_for("AAPL", start="2018-02-01", end="2018-03-01")).held["AAPL"]
    assert held.startswith("2018-02-20: open is 90.91 times the close before, 11: no market")


def test_a_crash_by_a_hundredth_that_does_not_come_back_is_kept(lake: Lake, land: Land, request_for: Request, year: Rows) -> None:
    land("AAPL", scaled(year, 0.01, "2018-02-07", "2018-12-31"))
    summary = run(lake, request_for("AAPL", end="2018-04-01"))
    assert (summary.held, summary.flags["large_move"], summary.flags["unit_jump"]) == ({}, 1, 0)


def test_the_months_after_it_are_in_doubt_until_it_is_settled(lake: Lake, land: Land, request_for: Request, year: Rows) -> None:
    land("AAPL", scaled(year, 100, "2018-02-07", "2018-12-31"))
    months = [("2018-01-01", "2018-02-01"), ("2018-02-01", "2018-03-01"), ("2018-03-01", "2018-04-01")]
    held = [run(lake, request_for("AAPL", start=start, end=end)).held for start, end in months]
    assert held[0] == {}
    assert held[1] == held[2] != {}
    land("AAPL", year)
    assert [run(lake, request_for("AAPL", start=start, end=end)).held for start, end in months] == [{}, {}, {}]
    assert read_holds(lake, "1d", ["AAPL"]) == []


def test_a_known_split_explains_it(lake: Lake, land: Land, request_for: Request, year: Rows) -> None:
    land("AAPL", scaled(year, 100, "2018-02-07", "2018-12-31"), adjustment=Adjustment.RAW)
    append_actions(lake, "AAPL", "own", datetime(2018, 4, 1, tzinfo=UTC), [Action(date(2018, 2, 7), ActionKind.SPLIT, 0.01)])
    summary = run(lake, request_for("AAPL", end="2018-04-01"))
    assert (summary.held, summary.flags["split"]) == ({}, 1)


def test_a_person_may_let_it_through(
    lake: Lake, land: Land, request_for: Request, year: Rows, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    land("AAPL", scaled(year, 100, "2018-02-07", "2018-12-31"))
    file = tmp_path / "quality.yaml"
    file.write_text("releases:\n- {symbol: AAPL, timestamp: 2018-02-07T00:00:00Z, rules: [unit_jump], reason: another company now}\n")
    monkeypatch.setattr("expectations.check.load_quality", lambda: load_quality(file))
    assert run(lake, request_for("AAPL", end="2018-04-01")).held == {}
    flags = {row["timestamp"].day: row["flags"] for row in read_month(lake, Lake.bars("1d"), "2018-02").to_pylist() if row["flags"]}
    assert flags == {7: "unit_jump,large_move,released"}
