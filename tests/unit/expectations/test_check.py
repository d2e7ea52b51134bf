"""From landing to staged bars and quarantine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from expectations import check
from expectations.check import CheckRequest, SymbolCounts, check_bars
from expectations.request import Warned
from expectations.staging import folder_of, read_plan
from include.errors import ConfigurationError, LakeError
from include.lake import Lake

Land = Callable[..., None]
Request = Callable[..., CheckRequest]
Bar = Callable[..., dict[str, Any]]
RUN = "manual__2026-01-01T00:00:00+00:00"

pytestmark = pytest.mark.usefixtures("few_bars_will_do")


def staged(lake: Lake) -> dict[str, bytes]:
    root = Path(lake.root, folder_of(RUN))
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def rows(lake: Lake, kind: str, month: str) -> list[dict[str, Any]]:
    return lake.read_table(f"{folder_of(RUN)}/{kind}/{month}.parquet").to_pylist()


def test_rows_are_split_and_counted(lake: Lake, land: Land, request_for: Request, bar: Bar) -> None:
    land("AAPL", [bar("2018-01-02"), bar("2018-02-01", open=13.0), bar("2018-02-02"), bar("2018-02-02")])
    land("^VIX", [bar("2018-02-01"), bar("2018-01-02", close=-1.0)])
    land("AAPL", [bar("2018-02-05")], start="2018-02-03", end="2018-03-01")
    land("AAPL", [bar("2018-02-06")], start="2018-02-05", end="2018-03-01")
    summary = check_bars(lake, request_for("AAPL", "^VIX", "MSFT"), run=RUN)
    assert summary.symbols == {
        "AAPL": SymbolCounts(landed=6, superseded=1, fetched=5, kept=3, quarantined=2),
        "^VIX": SymbolCounts(landed=2, superseded=0, fetched=2, kept=1, quarantined=1),
        "MSFT": SymbolCounts(0, 0, 0, 0, 0),
    }
    assert {rule: count for rule, count in summary.rules.items() if count} == {
        "high_not_below_open": 1,
        "row_not_repeated": 1,
        "close_positive": 1,
    }
    assert summary.months == ["2018-01", "2018-02"]
    assert json.loads(json.dumps(summary.as_dict()))["total"] == {"landed": 8, "superseded": 1, "fetched": 7, "kept": 4, "quarantined": 3}
    assert [(row["symbol"], row["timestamp"].day) for row in rows(lake, "bars", "2018-02")] == [("AAPL", 2), ("AAPL", 6), ("^VIX", 1)]


def test_a_warning_names_its_symbols_and_their_first_bars(lake: Lake, land: Land, request_for: Request, bar: Bar) -> None:
    land("AAPL", [bar("2018-02-03"), bar("2018-01-06"), bar("2018-01-07")])
    land("MSFT", [bar("2018-01-06"), bar("2018-01-08")])
    summary = check_bars(lake, request_for("AAPL", "MSFT"), run=RUN)
    assert summary.flags["off_calendar"] == 4
    assert summary.warned["off_calendar"] == {
        "AAPL": Warned(3, "2018-01-06T00:00:00+00:00"),
        "MSFT": Warned(1, "2018-01-06T00:00:00+00:00"),
    }
    assert json.loads(json.dumps(summary.as_dict()))["warned"]["off_calendar"]["AAPL"] == {"bars": 3, "first": "2018-01-06T00:00:00+00:00"}
    assert "large_move" not in summary.warned


def test_a_bar_says_where_it_comes_from_and_when_it_was_known(lake: Lake, land: Land, request_for: Request, bar: Bar) -> None:
    land("AAPL", [bar("2018-01-02", adjusted_close=float("nan"))])
    land("^VIX", [bar("2018-01-02", open=None)])
    check_bars(lake, request_for("AAPL", "^VIX"), run=RUN)
    apple, vix = rows(lake, "bars", "2018-01")
    assert [str(row["closed_at"]) for row in (apple, vix)] == ["2018-01-02 21:00:00+00:00", "2018-01-02 21:15:00+00:00"]
    assert (apple["source"], apple["adjustment"], str(apple["as_of"])) == ("csv", "split", "2026-11-01 00:01:00+00:00")
    assert apple["adjusted_close"] is None
    assert (vix["open"], vix["high"], vix["flags"]) == (None, 12.0, "prices_missing")


def test_a_refused_row_keeps_all_it_was(lake: Lake, land: Land, request_for: Request, bar: Bar) -> None:
    land("AAPL", [bar("2018-01-02"), bar("2018-01-03", open=13.0, volume=-1.0, close=None)])
    check_bars(lake, request_for("AAPL"), run=RUN)
    (row,) = rows(lake, "quarantine", "2018-01")
    assert (row["row"], row["open"], row["close"], row["volume"]) == (1, 13.0, None, -1.0)
    assert row["rule"] == "close_present"
    assert row["reason"] == "close is missing; high 12 is below open 13; volume -1 is negative, or more than is traded of anything"


def test_values_are_kept_as_they_landed_even_where_rounding_was_forgiven(lake: Lake, land: Land, request_for: Request, bar: Bar) -> None:
    close = 9.0 * (1 - 1e-15)
    land("AAPL", [bar("2018-01-02", close=close)])
    check_bars(lake, request_for("AAPL"), run=RUN)
    assert rows(lake, "bars", "2018-01")[0]["close"] == close != 9.0


def test_a_part_of_a_month_is_checked_as_the_whole_month(lake: Lake, land: Land, request_for: Request, bar: Bar) -> None:
    land("AAPL", [bar(f"2018-01-{day:02d}") for day in (2, 12, 30)])
    check_bars(lake, request_for("AAPL", start="2018-01-10", end="2018-01-20"), run=RUN)
    assert [row["timestamp"].day for row in rows(lake, "bars", "2018-01")] == [2, 12, 30]


def test_the_size_of_the_steps_changes_nothing(
    lake: Lake, land: Land, request_for: Request, bar: Bar, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [f"2018-{month:02d}-{day:02d}" for month in range(1, 13) for day in (5, 5, 6, 28)]
    land("AAPL", [bar(day, open=13.0 if day.endswith("06") else 10.0) for day in days])
    at_once, whole = check_bars(lake, request_for("AAPL", "^VIX"), run=RUN), staged(lake)
    monkeypatch.setattr(check, "_ROWS_AT_ONCE", 1)
    stepwise = check_bars(lake, request_for("AAPL", "^VIX"), run=RUN)
    assert stepwise == at_once
    assert staged(lake) == whole
    assert at_once.symbols["AAPL"] == SymbolCounts(48, 0, 48, 24, 24)


def test_the_plan_names_only_symbols_that_the_source_answered_for(lake: Lake, land: Land, request_for: Request, bar: Bar) -> None:
    land("AAPL", [bar("2018-01-02")], start="2018-01-01", end="2018-02-01")
    land("^VIX", [], start="2018-01-15", end="2018-03-01")
    plan = read_plan(lake, check_bars(lake, request_for("AAPL", "^VIX", "MSFT"), run=RUN).plan)
    assert [(month.month, month.symbols, month.bars) for month in plan.months] == [
        ("2018-01", ("AAPL", "^VIX"), 1),
        ("2018-02", ("^VIX",), 0),
    ]


def test_what_an_earlier_attempt_left_is_gone(lake: Lake, land: Land, request_for: Request, bar: Bar) -> None:
    lake.write(f"{folder_of(RUN)}/bars/1999-01.parquet", b"left")
    land("AAPL", [bar("2018-01-02")])
    check_bars(lake, request_for("AAPL"), run=RUN)
    assert sorted(staged(lake)) == ["bars/2018-01.parquet", "plan.json"]


def test_a_row_that_gets_lost_fails_the_check(
    lake: Lake, land: Land, request_for: Request, bar: Bar, monkeypatch: pytest.MonkeyPatch
) -> None:
    land("AAPL", [bar("2018-01-02"), bar("2018-01-03")])
    original = check._Check._refuse

    def losing(self: Any, landed: pa.Table, counted: np.ndarray) -> tuple[pa.Table, pa.Table]:
        kept, bad = original(self, landed, counted)
        return kept.slice(1), bad

    monkeypatch.setattr(check._Check, "_refuse", losing)
    with pytest.raises(LakeError, match="AAPL: 2 rows fetched, but 1 kept and 0 quarantined; nothing was published"):
        check_bars(lake, request_for("AAPL"), run=RUN)
    assert not lake.exists(f"{folder_of(RUN)}/plan.json")


def test_a_damaged_landing_file_leaves_no_plan(lake: Lake, land: Land, request_for: Request, bar: Bar) -> None:
    land("AAPL", [bar("2018-01-02")])
    summary = check_bars(lake, request_for("AAPL"), run=RUN)
    folder = Lake.landing("csv", "1d", "AAPL")
    (name,) = lake.files(folder)
    lake.write(f"{folder}/{name}", b"damaged")
    with pytest.raises(LakeError, match="is not a landing file"):
        check_bars(lake, request_for("AAPL"), run=RUN)
    assert not lake.exists(summary.plan)


@pytest.mark.parametrize("run", ["", ".", "..", "../x", "a/b", ".hidden"])
def test_a_run_that_cannot_be_a_folder_is_refused(lake: Lake, request_for: Request, run: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot name a run"):
        check_bars(lake, request_for("AAPL"), run=run)


def test_a_request_for_nothing_is_refused(request_for: Request) -> None:
    with pytest.raises(ConfigurationError, match="no symbols were given"):
        request_for()
    with pytest.raises(ConfigurationError, match="is not before the end"):
        request_for("AAPL", start="2018-06-01", end="2018-06-01")
    with pytest.raises(ConfigurationError, match="is not the name of a source"):
        request_for("AAPL", source="../csv")
