"""Splits bring every row of a symbol to one price scale, whatever state it was fetched in."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from include.errors import LakeError
from include.lake import Lake, parquet_bytes
from include.schemas import ACTIONS, TIMESTAMP
from spark_jobs.features.scale import Split, split_ratios
from spark_jobs.splits import read_splits


def micros(text: str) -> int:
    return int(np.datetime64(text, "us").astype(np.int64))


def actions(rows: list[tuple[str, str, float, str]], symbol: str = "TSLA") -> bytes:
    dates, kinds, values, fetched = zip(*rows, strict=True)
    table = pa.table(
        [
            pa.array([symbol] * len(rows)),
            pa.array([datetime.fromisoformat(text).replace(tzinfo=UTC) for text in dates], TIMESTAMP),
            pa.array(kinds),
            pa.array(values, pa.float64()),
            pa.array(["yahoo"] * len(rows)),
            pa.array([datetime.fromisoformat(text).replace(tzinfo=UTC) for text in fetched], TIMESTAMP),
        ],
        schema=ACTIONS,
    )
    return parquet_bytes(table)


SPLITS = (Split(micros("2020-08-31"), 5.0), Split(micros("2022-08-25"), 3.0))


@pytest.mark.parametrize(
    ("state", "day", "as_of", "ratio"),
    [
        ("raw", "2020-08-28", "2024-01-01", 15.0),
        ("raw", "2020-08-31", "2024-01-01", 3.0),
        ("raw", "2022-08-25", "2024-01-01", 1.0),
        ("split", "2020-08-28", "2024-01-01", 1.0),
        ("split", "2020-08-28", "2021-01-01", 3.0),
        ("split", "2020-08-28", "2020-08-29", 15.0),
        ("split", "2020-08-28", "2022-08-25", 1.0),
        ("split_and_dividend", "2020-08-28", "2021-01-01", 3.0),
        ("none", "2020-08-28", "2020-08-29", 1.0),
    ],
)
def test_splits_later_than_the_state_are_applied(state: str, day: str, as_of: str, ratio: float) -> None:
    found = split_ratios(SPLITS, np.array([micros(day)]), np.array([micros(as_of)]), np.array([state], object))
    assert found.tolist() == [ratio]


def test_a_series_fetched_before_and_after_a_split_is_one_series() -> None:
    """The trap of appended months: real prices of TSLA around its 3:1 split, the early part fetched before it."""
    stamps = np.array([micros(day) for day in ("2022-08-23", "2022-08-24", "2022-08-25", "2022-08-26")])
    fetched = np.array([micros("2022-08-24T21:00")] * 2 + [micros("2022-09-01")] * 2)
    closes = np.array([889.36, 891.29, 296.07, 288.09])
    scaled = closes / split_ratios(SPLITS, stamps, fetched, np.array(["split"] * 4, object))
    assert np.abs(np.diff(np.log(scaled))).max() < 0.03


def test_the_newest_fetch_of_a_split_counts_once(lake: Lake) -> None:
    folder = lake.actions("TSLA")
    lake.write(f"{folder}/b.parquet", actions([("2020-08-31", "split", 5.0, "2024-01-01"), ("2022-08-25", "split", 3.0, "2024-01-01")]))
    lake.write(f"{folder}/c.parquet", actions([("2020-08-31", "split", 4.0, "2021-01-01"), ("2021-01-01", "dividend", 1.0, "2024-01-01")]))
    lake.write(f"{lake.actions('MSFT')}/a.parquet", actions([("2021-01-01", "dividend", 1.0, "2024-01-01")], "MSFT"))
    assert read_splits(lake) == {"TSLA": SPLITS}


def test_no_actions_no_splits(lake: Lake) -> None:
    assert read_splits(lake) == {}


@pytest.mark.parametrize("ratio", [0.0, -2.0, float("inf"), float("nan")])
def test_a_ratio_that_is_none_is_refused(lake: Lake, ratio: float) -> None:
    lake.write(f"{lake.actions('TSLA')}/a.parquet", actions([("2020-08-31", "split", ratio, "2024-01-01")]))
    with pytest.raises(LakeError, match=r"actions/symbol=TSLA/a.parquet: a split of TSLA has the ratio .*must be a positive number"):
        read_splits(lake)


def test_a_file_that_is_no_actions_is_named(lake: Lake) -> None:
    lake.write(f"{lake.actions('TSLA')}/a.parquet", parquet_bytes(pa.table({"x": [1]})))
    with pytest.raises(LakeError, match=r"symbol=TSLA/a.parquet: missing columns"):
        read_splits(lake)
