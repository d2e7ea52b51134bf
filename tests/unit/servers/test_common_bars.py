"""The tables that stand-ins hold, and where they come from."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.servers.common import Bar, BarStore, bar_of, between, merged, unfinished
from tests.servers.common_tables import package_tables, read_csv_rows

MIDNIGHT = datetime(2024, 1, 2, tzinfo=UTC)


def test_rows_are_sorted_and_replaced() -> None:
    later, earlier = (MIDNIGHT + timedelta(days=1), 1, 2, 1, 2, 5), (date(2024, 1, 2), 1, 2, 1, 2, 5, 1.9)
    store = BarStore({"A": {"1d": [later, earlier]}})
    assert [bar.start for bar in store.bars("A", "1d")] == [MIDNIGHT.timestamp(), MIDNIGHT.timestamp() + 86400]
    assert [bar.adjusted_close for bar in store.bars("A", "1d")] == [1.9, None]
    before = store.version
    store.replace("A", "1h", [])
    assert (store.version, store.bars("A", "1h"), store.bars("B", "1d")) == (before + 1, [], [])
    assert store.symbols == ["A"]


@pytest.mark.parametrize(
    ("timeframe", "rows", "words"),
    [
        ("2d", [], "timeframe '2d' is not one of 1m, 5m"),
        ("1d", [(datetime(2024, 1, 2), 1, 2, 1, 2, 5)], "no time zone"),
        ("1d", [(MIDNIGHT, 1, 2, 1, 2)], "has not the columns"),
        ("1d", [(MIDNIGHT, 1, 2, 1, 2, 5), (date(2024, 1, 2), 1, 2, 1, 2, 5)], "two rows at 2024-01-02"),
    ],
)
def test_wrong_tables_are_refused(timeframe: str, rows: list[tuple], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        BarStore({"A": {timeframe: rows}})


def test_a_timestamp_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="neither a datetime nor a date"):
        bar_of((5.0, 1, 2, 1, 2, 5))


def test_null_rows() -> None:
    null = bar_of((MIDNIGHT, None, None, None, None, None))
    assert null.is_null
    assert merged(0, [null, Bar(0, 2, 3, 1, 2.5, 7), null]) == Bar(0, 2, 3, 1, 2.5, 7)
    assert merged(0, [null]).is_null
    assert math.isnan(null.open)


def test_an_unfinished_bar_stays_inside_the_whole_one() -> None:
    whole = Bar(0, 10, 14, 9, 12, 101, 6)
    part = unfinished(whole, 0.5)
    assert (part.open, part.close, part.volume, part.adjusted_close) == (10, 10.5, 50, 5.25)
    assert whole.low <= part.low <= part.high <= whole.high


def test_between_is_closed() -> None:
    bars = [Bar(start, 1, 1, 1, 1, 1) for start in (0, 10, 20, 30)]
    assert [bar.start for bar in between(bars, 10, 20)] == [10, 20]
    assert between(bars, 11, 19) == []


def test_tables_inside_packages() -> None:
    tables = package_tables()
    assert set(tables) == {"^GSPC", "^IXIC", "AAPL", "GOOG", "IBM", "MSFT", "FB"}
    assert set(tables["AAPL"]) == {"1d", "1h", "1m"}
    assert tables["^GSPC"]["1d"][0] == (
        datetime(1999, 1, 4, tzinfo=UTC), 1229.22998, 1248.810059, 1219.099976, 1228.099976, 877000000, 1228.099976,
    )  # fmt: skip
    first = tables["AAPL"]["1h"][0][0]
    assert first.isoformat() == "2024-08-06T13:30:00+00:00"
    assert len(BarStore(tables).bars("MSFT", "1d")) > 3000


def test_csv_timestamps(tmp_path: Path) -> None:
    path = tmp_path / "A.csv"
    path.write_text("timestamp,open,high,low,close,volume\n1704153600000,1,2,1,2,5\n2024-01-02T03:00+02:00,1,2,1,2,5\n")
    rows = read_csv_rows(path)
    assert [row[0] for row in rows] == [MIDNIGHT, datetime(2024, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))]
    path.write_text("date,open,high,low,close,volume\n2024-01-02,1,2,1,odd,5\n")
    with pytest.raises(ValueError, match=r"A\.csv line 2: .*odd"):
        read_csv_rows(path)
