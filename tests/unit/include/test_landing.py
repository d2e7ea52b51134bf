"""Landing: immutable answers, what they cover, and which of them holds a time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import LakeError
from include.lake import Lake, parquet_bytes
from include.landing import Adjustment, Landed, list_landed, missing_intervals, read_landed, write_landing
from include.schemas import LANDING

FETCHED = datetime(2020, 2, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=number)


def answer(low: int, high: int, fetched: datetime = FETCHED, symbol: str = "^VIX") -> Landed:
    return Landed("csv", symbol, "1d", Adjustment.NONE, day(low), day(high), fetched)


def bars(days: list[int], close: float) -> pa.Table:
    rows = [{"timestamp": day(number), "close": close} for number in days]
    return pa.Table.from_pylist(rows, schema=LANDING)


def closes(lake: Lake, low: int, high: int) -> list[tuple[int, float]]:
    rows = read_landed(lake, "csv", "1d", "^VIX", day(low), day(high)).rows.to_pylist()
    return [((row["timestamp"] - day(0)).days, row["close"]) for row in rows]


def test_an_answer_says_what_it_is_and_is_never_rewritten(lake: Lake) -> None:
    landed = Landed("csv", "BTC/USDT", "1h", Adjustment.NONE, day(0), day(3), FETCHED, request="file=BTC.csv")
    path = write_landing(lake, landed, bars([0, 1], 1.0))
    assert list_landed(lake, "csv", "1h", "BTC/USDT") == [landed]
    before = lake.read(path)
    with pytest.raises(LakeError, match="landing is never rewritten"):
        write_landing(lake, landed, bars([0, 1], 2.0))
    assert lake.read(path) == before


def test_rows_that_do_not_fit_are_refused_before_they_are_written(lake: Lake) -> None:
    with pytest.raises(LakeError, match=r"landing of \^VIX from csv: missing columns"):
        write_landing(lake, answer(0, 3), bars([0], 1.0).drop(["volume"]))
    assert list_landed(lake, "csv", "1d", "^VIX") == []


def test_the_newest_answer_that_covers_a_time_holds_it(lake: Lake) -> None:
    write_landing(lake, answer(0, 4), bars([0, 1, 2, 3], 1.0))
    write_landing(lake, answer(2, 6, FETCHED + timedelta(days=1)), bars([2, 4], 2.0))
    assert closes(lake, 0, 6) == [(0, 1.0), (1, 1.0), (2, 2.0), (4, 2.0)]
    assert closes(lake, 1, 3) == [(1, 1.0), (2, 2.0)]
    assert read_landed(lake, "csv", "1d", "^VIX", day(0), day(6)).superseded == 2


def test_where_its_history_begins_and_ends_a_source_says_that_there_is_nothing(lake: Lake) -> None:
    """A newer answer that does not say so has the last word on its time."""
    write_landing(lake, replace(answer(0, 10), history_from=day(3), history_until=day(7)), bars([3, 4, 6], 1.0))
    assert read_landed(lake, "csv", "1d", "^VIX", day(0), day(10)).empty == ((day(0), day(3)), (day(7), day(10)))
    assert read_landed(lake, "csv", "1d", "^VIX", day(2), day(5)).empty == ((day(2), day(3)),)
    write_landing(lake, answer(6, 9, FETCHED + timedelta(days=1)), bars([8], 1.0))
    assert read_landed(lake, "csv", "1d", "^VIX", day(0), day(10)).empty == ((day(0), day(3)), (day(9), day(10)))


def test_an_older_answer_that_lands_later_does_not_win(lake: Lake) -> None:
    write_landing(lake, answer(0, 4, FETCHED), bars([0, 1], 2.0))
    write_landing(lake, answer(0, 4, FETCHED - timedelta(days=1)), bars([0, 1], 1.0))
    assert closes(lake, 0, 4) == [(0, 2.0), (1, 2.0)]


def test_times_of_any_zone_are_held_in_utc(lake: Lake) -> None:
    east = timezone(timedelta(hours=9))
    landed = Landed("csv", "^VIX", "1d", Adjustment.NONE, day(0), day(3), FETCHED.astimezone(east))
    assert landed.path.endswith("/20200201T000000000000Z.parquet")
    write_landing(lake, landed, bars([0], 1.0))
    assert list_landed(lake, "csv", "1d", "^VIX") == [answer(0, 3)]


def test_a_time_without_zone_and_an_empty_interval_are_refused() -> None:
    with pytest.raises(LakeError, match="fetched_at 2020-02-01 00:00:00 has no time zone"):
        answer(0, 3, FETCHED.replace(tzinfo=None))
    with pytest.raises(LakeError, match="is empty"):
        answer(3, 3)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no parquet",
        parquet_bytes(bars([0], 1.0)),
        parquet_bytes(bars([0], 1.0).replace_schema_metadata({b"marketmill": b"[]"})),
        parquet_bytes(bars([0], 1.0).replace_schema_metadata({b"marketmill": b'{"source": 3}'})),
    ],
    ids=["empty", "text", "no facts", "facts are a list", "facts of another shape"],
)
def test_a_file_that_was_changed_from_outside_is_named(lake: Lake, content: bytes) -> None:
    path = write_landing(lake, answer(0, 3), bars([0], 1.0))
    lake.write(path, content)
    with pytest.raises(LakeError, match=r"20200201T000000000000Z\.parquet is not a landing file .* fetch that time again"):
        list_landed(lake, "csv", "1d", "^VIX")


def test_a_file_that_was_moved_from_outside_is_named(lake: Lake) -> None:
    path = write_landing(lake, answer(0, 3, symbol="AAPL"), bars([0], 1.0))
    lake.move(path, answer(0, 3).path)
    with pytest.raises(LakeError, match="was moved from outside"):
        read_landed(lake, "csv", "1d", "^VIX", day(0), day(3))


intervals = st.tuples(st.integers(0, 30), st.integers(1, 10)).map(lambda pair: (day(pair[0]), day(pair[0] + pair[1])))


@given(wanted=intervals, covered=st.lists(intervals, max_size=8))
def test_missing_and_covered_make_up_what_is_wanted(wanted: tuple[datetime, datetime], covered: list[tuple[datetime, datetime]]) -> None:
    missing = missing_intervals(wanted, covered)

    def holds(parts: list[tuple[datetime, datetime]], moment: datetime) -> bool:
        return any(low <= moment < high for low, high in parts)

    moment = wanted[0] - timedelta(days=1)
    while moment < wanted[1] + timedelta(days=1):
        is_wanted = wanted[0] <= moment < wanted[1]
        assert holds(missing, moment) == (is_wanted and not holds(covered, moment))
        moment += timedelta(hours=12)
    assert missing == sorted(missing)
    assert all(low < high for low, high in missing)
    assert all(before[1] < after[0] for before, after in pairwise(missing))
