"""Publishing what was checked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from expectations import checked
from expectations.check import CheckRequest, check_bars
from expectations.checked import publish_checked
from include.errors import ConfigurationError, LakeError
from include.holds import read_holds
from include.lake import Lake
from include.publish import list_months, publish_month, read_month
from include.quality import load_quality

Land = Callable[..., None]
Request = Callable[..., CheckRequest]
Bar = Callable[..., dict[str, Any]]
BARS, QUARANTINE = Lake.bars("1d"), Lake.quarantine("1d")

pytestmark = pytest.mark.usefixtures("few_bars_will_do")


def content(lake: Lake) -> dict[str, bytes]:
    root = Path(lake.root)
    files = [path for dataset in (BARS, QUARANTINE) for path in sorted((root / dataset).rglob("*")) if path.is_file()]
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def held(lake: Lake, dataset: str, month: str) -> list[tuple[str, int, float]]:
    table = read_month(lake, dataset, month)
    return [] if table is None else [(row["symbol"], row["timestamp"].day, row["close"]) for row in table.to_pylist()]


def run(lake: Lake, request: CheckRequest, name: str = "run") -> dict[str, Any]:
    return publish_checked(lake, check_bars(lake, request, run=name).plan)


def test_kept_and_refused_rows_are_published_and_the_staging_is_gone(lake: Lake, land: Land, request_for: Request, bar: Bar) -> None:
    land("^VIX", [bar("2018-01-03"), bar("2018-01-02")])
    land("AAPL", [bar("2018-01-02"), bar("2018-03-01", open=13.0)])
    published = run(lake, request_for("^VIX", "AAPL"))
    assert {month: (result.rows, result.changed) for month, result in published.items()} == {"2018-01": (3, True)}
    assert held(lake, BARS, "2018-01") == [("AAPL", 2, 11.0), ("^VIX", 2, 11.0), ("^VIX", 3, 11.0)]
    assert held(lake, QUARANTINE, "2018-03") == [("AAPL", 1, 11.0)]
    assert (list_months(lake, BARS), list_months(lake, QUARANTINE)) == (["2018-01"], ["2018-03"])
    assert not lake.exists("staging/checks/run")


def test_running_twice_changes_no_byte(lake: Lake, land: Land, request_for: Request, bar: Bar) -> None:
    land("AAPL", [bar("2018-01-02"), bar("2018-03-01", open=13.0)])
    run(lake, request_for("AAPL"))
    before = content(lake)
    again = run(lake, request_for("AAPL"), "later")
    assert content(lake) == before
    assert not any(result.changed for result in again.values())


def test_rows_of_other_symbols_and_other_months_stay(lake: Lake, land: Land, request_for: Request, bar: Bar) -> None:
    land("AAPL", [bar("2018-01-02"), bar("2018-02-01")])
    land("^VIX", [bar("2018-01-02")])
    run(lake, request_for("AAPL", "^VIX"))
    land("AAPL", [bar("2018-01-02", close=9.5)])
    published = run(lake, request_for("AAPL", start="2018-01-01", end="2018-02-01"))
    assert list(published) == ["2018-01"]
    assert held(lake, BARS, "2018-01") == [("AAPL", 2, 9.5), ("^VIX", 2, 11.0)]
    assert held(lake, BARS, "2018-02") == [("AAPL", 1, 11.0)]


def test_order_of_the_months_does_not_matter(lake: Lake, land: Land, request_for: Request, bar: Bar) -> None:
    land("AAPL", [bar(f"2018-{month:02d}-02", open=13.0 if month == 2 else 10.0) for month in (1, 2, 3)])
    run(lake, request_for("AAPL"))
    whole = content(lake)
    for dataset in (BARS, QUARANTINE):
        lake.delete_folder(dataset)
    for month in (3, 1, 2):
        run(lake, request_for("AAPL", start=f"2018-{month:02d}-01", end=f"2018-{month + 1:02d}-01"))
    assert content(lake) == whole


def test_a_corrected_row_leaves_the_quarantine(lake: Lake, land: Land, request_for: Request, bar: Bar) -> None:
    land("AAPL", [bar("2018-01-02", open=13.0)])
    assert run(lake, request_for("AAPL")) == {}
    assert held(lake, QUARANTINE, "2018-01") == [("AAPL", 2, 11.0)]
    land("AAPL", [bar("2018-01-02")])
    run(lake, request_for("AAPL"))
    assert held(lake, QUARANTINE, "2018-01") == []
    assert held(lake, BARS, "2018-01") == [("AAPL", 2, 11.0)]


@pytest.fixture
def releases(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Let the check read thresholds with these releases (lines of YAML)."""

    def write(lines: str) -> None:
        file = tmp_path / "quality.yaml"
        file.write_text(f"releases:\n{lines}\n")
        monkeypatch.setattr("expectations.check.load_quality", lambda: load_quality(file))

    return write


def test_a_released_row_comes_back_when_the_month_is_run_again(
    lake: Lake, land: Land, request_for: Request, bar: Bar, releases: Callable[[str], None]
) -> None:
    land("AAPL", [bar("2018-01-02", open=13.0), bar("2018-01-03", open=13.0)])
    run(lake, request_for("AAPL"))
    assert held(lake, QUARANTINE, "2018-01") == [("AAPL", 2, 11.0), ("AAPL", 3, 11.0)]
    releases("- {symbol: AAPL, timestamp: 2018-01-02T00:00:00Z, rules: [high_not_below_open], reason: looked at}")
    run(lake, request_for("AAPL"))
    assert held(lake, QUARANTINE, "2018-01") == [("AAPL", 3, 11.0)]
    (back,) = read_month(lake, BARS, "2018-01").to_pylist()
    assert (back["timestamp"].day, back["open"], back["flags"]) == (2, 13.0, "released")


def test_a_release_from_one_rule_is_none_from_another(
    lake: Lake, land: Land, request_for: Request, bar: Bar, releases: Callable[[str], None]
) -> None:
    land("AAPL", [bar("2018-01-02", open=13.0, volume=-1.0)])
    releases("- {symbol: AAPL, timestamp: 2018-01-02T00:00:00Z, rules: [high_not_below_open], reason: looked at}")
    assert run(lake, request_for("AAPL")) == {}
    (row,) = read_month(lake, QUARANTINE, "2018-01").to_pylist()
    assert row["reason"] == "high 12 is below open 13; volume -1 is negative, or more than is traded of anything"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("no_such_rule", "rule no_such_rule is unknown; use some of close_present"),
        ("one_row_per_time", "two bars of one time; correct the row"),
    ],
)
def test_what_cannot_be_released_is_said(lake: Lake, request_for: Request, releases: Callable[[str], None], rule: str, words: str) -> None:
    releases(f"- {{symbol: AAPL, timestamp: 2018-01-02T00:00:00Z, rules: [{rule}], reason: looked at}}")
    with pytest.raises(ConfigurationError, match=words):
        run(lake, request_for("AAPL"))


def test_a_confirmed_empty_answer_takes_bars_away_and_no_answer_does_not(lake: Lake, land: Land, request_for: Request, bar: Bar) -> None:
    land("AAPL", [bar("2018-01-02"), bar("2018-02-01")])
    run(lake, request_for("AAPL"))
    land("AAPL", [bar("2018-02-02")], source="yahoo", start="2018-02-01", end="2018-03-01")
    run(lake, request_for("AAPL", source="yahoo"))
    assert held(lake, BARS, "2018-01") == [("AAPL", 2, 11.0)]
    assert held(lake, BARS, "2018-02") == [("AAPL", 2, 11.0)]
    land("AAPL", [], start="2018-01-01", end="2018-02-01")
    run(lake, request_for("AAPL", end="2018-01-31"))
    assert held(lake, BARS, "2018-01") == []


def test_refused_rows_of_a_held_symbol_are_in_quarantine_and_its_older_bars_serve(
    lake: Lake, land: Land, request_for: Request, bars: Callable[..., list[dict[str, Any]]]
) -> None:
    rows = bars("2018-01-02", "2018-02-28")
    land("AAPL", [row | {"open": 13.0} if row["date"] == "2018-01-10" else row for row in rows])
    run(lake, request_for("AAPL"))
    before = {month: held(lake, BARS, month) for month in ("2018-01", "2018-02")}
    jumping = [row | dict.fromkeys(("open", "high", "low", "close"), 1e4) if row["date"] >= "2018-02-07" else row for row in rows]
    land("AAPL", [row | {"volume": -1.0} if row["date"] in {"2018-01-17", "2018-02-15"} else row for row in jumping])
    summary = check_bars(lake, request_for("AAPL"), run="run")
    publish_checked(lake, summary.plan)
    (hold,) = read_holds(lake, "1d", ["AAPL"])
    assert hold.cause.rule == "unit_jump"
    assert {month: held(lake, BARS, month) for month in before} == before
    (first,), (second,) = (read_month(lake, QUARANTINE, month).to_pylist() for month in before)
    assert [(row["timestamp"].day, row["rule"], row["reason"]) for row in (first, second)] == [
        (17, "volume_not_negative", "volume -1 is negative, or more than is traded of anything"),
        (15, "volume_not_negative", "volume -1 is negative, or more than is traded of anything"),
    ]
    assert (first["fetched_at"].isoformat(), first["row"]) == ("2026-11-01T00:02:00+00:00", 10)
    assert hold.kept == {"2018-01": 20, "2018-02": 18}
    assert sum(hold.kept.values()) + 2 == summary.symbols["AAPL"].fetched == 40
    stored = content(lake)
    run(lake, request_for("AAPL"), "later")
    assert content(lake) == stored
    land("AAPL", rows)
    run(lake, request_for("AAPL"))
    assert (held(lake, QUARANTINE, "2018-01"), held(lake, QUARANTINE, "2018-02"), read_holds(lake, "1d", ["AAPL"])) == ([], [], [])


def test_what_one_source_holds_back_stays_beside_what_another_publishes(
    lake: Lake, land: Land, request_for: Request, bars: Callable[..., list[dict[str, Any]]]
) -> None:
    rows = bars("2018-01-02", "2018-01-31")
    jumping = [row | dict.fromkeys(("open", "high", "low", "close"), 1e4) if row["date"] >= "2018-01-17" else row for row in rows]
    for source, sent, day in (("yahoo", rows, "2018-01-10"), ("csv", jumping, "2018-01-12")):
        land("AAPL", [row | {"volume": -1.0} if row["date"] == day else row for row in sent], source=source, end="2018-02-01")
        run(lake, request_for("AAPL", source=source, end="2018-02-01"))

    def refused() -> list[tuple[str, int]]:
        return [(row["source"], row["timestamp"].day) for row in read_month(lake, QUARANTINE, "2018-01").to_pylist()]

    assert refused() == [("yahoo", 10), ("csv", 12)]
    run(lake, request_for("AAPL", source="yahoo", end="2018-02-01"))
    assert refused() == [("yahoo", 10), ("csv", 12)]
    land("AAPL", [row | {"volume": -1.0} if row["date"] == "2018-01-12" else row for row in rows], end="2018-02-01")
    run(lake, request_for("AAPL", end="2018-02-01"))
    assert refused() == [("csv", 12)]
    assert set(read_month(lake, BARS, "2018-01")["source"].to_pylist()) == {"csv"}


def test_an_interrupted_publication_is_finished_by_the_next(
    lake: Lake, land: Land, request_for: Request, bar: Bar, monkeypatch: pytest.MonkeyPatch
) -> None:
    land("AAPL", [bar(f"2018-{month:02d}-02", open=13.0 if month == 2 else 10.0) for month in (1, 2, 3)])
    run(lake, request_for("AAPL"))
    whole = content(lake)
    for stop in range(3):
        for dataset in (BARS, QUARANTINE):
            lake.delete_folder(dataset)
        plan, calls = check_bars(lake, request_for("AAPL"), run="run").plan, 0

        def stopping(*arguments: Any, stop: int = stop, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > stop:
                raise KeyboardInterrupt
            return publish_month(*arguments, **named)

        with monkeypatch.context() as patch:
            patch.setattr(checked, "publish_month", stopping)
            with pytest.raises(KeyboardInterrupt):
                publish_checked(lake, plan)
        publish_checked(lake, plan)
        assert content(lake) == whole


def test_a_plan_that_is_gone_or_damaged_is_named(lake: Lake, land: Land, request_for: Request, bar: Bar) -> None:
    land("AAPL", [bar("2018-01-02")])
    plan = check_bars(lake, request_for("AAPL"), run="run").plan
    sound = lake.read(plan)
    for damage in (b"", b"[]", b"{}", sound.replace(b"2018-01", b"../../x"), sound.replace(b'"1d"', b'"9d"')):
        lake.write(plan, damage)
        with pytest.raises(LakeError, match=r"plan\.json is damaged .*run the check again"):
            publish_checked(lake, plan)
    lake.delete(plan)
    with pytest.raises(LakeError, match=r"plan\.json is not there.*run the check again"):
        publish_checked(lake, plan)
    assert list_months(lake, BARS) == []


def test_staged_rows_that_are_gone_or_fewer_are_named(lake: Lake, land: Land, request_for: Request, bar: Bar) -> None:
    land("AAPL", [bar("2018-01-02"), bar("2018-01-03")])
    plan = check_bars(lake, request_for("AAPL"), run="run").plan
    changed = json.loads(lake.read(plan))
    changed["months"][0]["bars"] = 3
    lake.write(plan, json.dumps(changed).encode())
    with pytest.raises(LakeError, match=r"2018-01\.parquet holds 2 rows, plan\.json says 3"):
        publish_checked(lake, plan)
    lake.delete("staging/checks/run/bars/2018-01.parquet")
    with pytest.raises(LakeError, match=r"2018-01\.parquet is not there, though plan\.json names it"):
        publish_checked(lake, plan)
    assert list_months(lake, BARS) == []
