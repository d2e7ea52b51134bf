"""Splits and dividends: append-only, the newest fetch is right, and the feature job reads what is written."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest

from include.actions import Action, ActionKind, append_actions, note_told, read_actions, told_at
from include.errors import LakeError, SourceError
from include.lake import Lake, parquet_bytes
from include.schemas import ACTIONS
from spark_jobs.features.scale import Split
from spark_jobs.splits import read_splits

FIVE = Action(date(2020, 8, 31), ActionKind.SPLIT, 5.0)
THREE = Action(date(2022, 8, 25), ActionKind.SPLIT, 3.0)
PAID = Action(date(2021, 5, 7), ActionKind.DIVIDEND, 0.82)


def at(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=UTC)


def bytes_of(lake: Lake, symbol: str) -> dict[str, bytes]:
    return {name: lake.read(f"{lake.actions(symbol)}/{name}") for name in lake.files(lake.actions(symbol))}


def test_what_is_written_is_read_and_reaches_the_features(lake):
    assert append_actions(lake, "TSLA", "yahoo", at(2023), [THREE, PAID, FIVE]) == [FIVE, PAID, THREE]
    assert read_actions(lake, "TSLA") == [FIVE, PAID, THREE]
    assert lake.files(lake.actions("TSLA")) == ["20230101T000000000000Z-yahoo.parquet"]
    assert lake.read_table(f"{lake.actions('TSLA')}/20230101T000000000000Z-yahoo.parquet").schema == ACTIONS
    moments = [int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1e6) for day in (FIVE.date, THREE.date)]
    assert read_splits(lake) == {"TSLA": (Split(moments[0], 5.0), Split(moments[1], 3.0))}


def test_the_same_again_changes_no_byte(lake):
    append_actions(lake, "TSLA", "yahoo", at(2023), [FIVE, PAID])
    before = bytes_of(lake, "TSLA")
    # Yahoo rounds what it adjusts for later splits; the product of its number and the splits is a hair off.
    assert append_actions(lake, "TSLA", "yahoo", at(2024), [FIVE, Action(PAID.date, PAID.kind, 0.820001)]) == []
    assert bytes_of(lake, "TSLA") == before


def test_only_the_new_is_appended_and_nothing_is_rewritten(lake):
    append_actions(lake, "TSLA", "yahoo", at(2021), [FIVE])
    before = bytes_of(lake, "TSLA")
    assert append_actions(lake, "TSLA", "yahoo", at(2023), [FIVE, THREE]) == [THREE]
    assert {name: data for name, data in bytes_of(lake, "TSLA").items() if name in before} == before
    assert read_actions(lake, "TSLA") == [FIVE, THREE]


def test_the_newest_fetch_is_right_even_when_it_is_the_old_value_again(lake):
    for year, value in ((2021, 5.0), (2022, 4.0), (2023, 5.0)):
        append_actions(lake, "TSLA", "yahoo", at(year), [Action(FIVE.date, FIVE.kind, value)])
        assert [action.value for action in read_actions(lake, "TSLA")] == [value]
        assert [split.ratio for split in read_splits(lake)["TSLA"]] == [value]


def test_a_split_that_never_was_is_taken_back_by_one_of_one(lake):
    append_actions(lake, "TSLA", "yahoo", at(2021), [FIVE])
    append_actions(lake, "TSLA", "hand", at(2022), [Action(FIVE.date, ActionKind.SPLIT, 1.0)])
    assert [split.ratio for split in read_splits(lake)["TSLA"]] == [1.0]


def test_an_older_fetch_that_comes_late_changes_no_opinion(lake):
    append_actions(lake, "TSLA", "yahoo", at(2023), [FIVE])
    append_actions(lake, "TSLA", "yahoo", at(2021), [Action(FIVE.date, FIVE.kind, 4.0)])
    assert read_actions(lake, "TSLA") == [FIVE]


def test_nothing_writes_nothing(lake):
    assert append_actions(lake, "TSLA", "yahoo", at(2023), []) == []
    assert not lake.exists("actions")
    assert read_actions(lake, "TSLA") == []


@pytest.mark.parametrize("value", [0.0, -2.0, float("nan"), float("inf")])
def test_a_split_must_be_a_ratio(value):
    with pytest.raises(LakeError, match=r"a split on 2020-08-31 has the value .*must be a positive number"):
        Action(FIVE.date, ActionKind.SPLIT, value)


def test_a_source_that_contradicts_itself_is_refused_whole(lake):
    with pytest.raises(SourceError, match=r"yahoo tells of two different splits of TSLA on 2020-08-31: 4.0, 5.0"):
        append_actions(lake, "TSLA", "yahoo", at(2023), [FIVE, PAID, Action(FIVE.date, FIVE.kind, 4.0)])
    assert not lake.exists("actions")


def test_a_time_needs_a_zone(lake):
    with pytest.raises(LakeError, match="has no time zone"):
        append_actions(lake, "TSLA", "yahoo", datetime(2023, 1, 1), [FIVE])


def test_a_file_is_never_rewritten(lake):
    append_actions(lake, "TSLA", "yahoo", at(2023), [FIVE])
    with pytest.raises(LakeError, match="actions are never rewritten"):
        append_actions(lake, "TSLA", "yahoo", at(2023), [THREE])


def test_a_damaged_file_is_named(lake):
    append_actions(lake, "TSLA", "yahoo", at(2023), [FIVE])
    path = f"{lake.actions('TSLA')}/20230101T000000000000Z-yahoo.parquet"
    table = lake.read_table(path)
    lake.write(path, parquet_bytes(table.set_column(2, ACTIONS.field("action"), [["spin-off"]])))
    with pytest.raises(LakeError, match=r"yahoo\.parquet: 'spin-off' is not a valid ActionKind"):
        read_actions(lake, "TSLA")


def test_writers_at_once_store_each_action_once(lake):
    def append(number: int) -> None:
        append_actions(Lake(lake.url), "TSLA", f"source{number}", at(2023), [FIVE, THREE])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(append, range(8)))
    assert len(lake.files(lake.actions("TSLA"))) == 1
    assert read_actions(lake, "TSLA") == [FIVE, THREE]


def test_when_a_source_told_last_is_known_for_each_source(lake: Lake) -> None:
    assert told_at(lake, "BRK.B", "yahoo") is None
    for at in (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)):
        note_told(lake, "BRK.B", "yahoo", at)
        assert told_at(lake, "BRK.B", "yahoo") == at
    assert told_at(lake, "BRK.B", "own") is None
    assert (read_actions(lake, "BRK.B"), dict(read_splits(lake))) == ([], {})


def test_a_note_that_is_no_time_is_named(lake: Lake) -> None:
    lake.write("actions/told-yahoo-AAPL.txt", b"yesterday")
    with pytest.raises(LakeError, match=r"actions/told-yahoo-AAPL.txt is no time .*; delete it"):
        told_at(lake, "AAPL", "yahoo")
