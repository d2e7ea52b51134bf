"""Hostile CSV files: one error that names the file, or bars that an independent reading of the same bytes agrees with.

``make fuzz CASES=10000`` is the long form.
"""

from __future__ import annotations

import csv
import io
import math
import os
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from include.errors import SourceError
from include.schemas import LANDING
from include.universes import Kind
from marketmill.hooks.csv_file import CsvFile, read_csv_file
from tests.fuzz.hostile import shown, spoil, spoil_bytes

CASES = int(os.environ.get("FUZZ_CASES", "500"))
SEED = int(os.environ.get("FUZZ_SEED", "7"))
WHOLE = b"""date,open,high,low,close,adj_close,volume
2018-06-25,182.17,182.61,180.11,182.17,43.31,31663100
2018-06-26,183.00,186.53,182.54,184.43,43.85,24569200
2018-06-27,185.23,187.28,184.03,184.16,,25285300
2018-06-28,184.10,186.21,183.80,185.50,44.11,
2018-06-29,186.29,187.19,182.91,185.11,44.01,22737700
"""


@pytest.mark.parametrize("block", range(10))
def test_a_hostile_file_is_one_error_or_the_truth(block: int, tmp_path: Path) -> None:
    draw, path = random.Random(f"{SEED}-{block}"), tmp_path / "AAPL.csv"
    refused = 0
    for number in range(CASES // 10):
        case = spoil(draw, WHOLE, spoil_bytes)
        path.write_bytes(case)
        file = read(path)
        if isinstance(file, str):
            refused += 1
            assert file.startswith("AAPL.csv"), (number, shown(case))
            assert len(file) < 700, (number, shown(case))
            assert "\n" not in file, (number, shown(case))
        else:
            assert told(file) == read_again(case), (number, shown(case))
    assert 0 < refused < CASES // 10


def read(path: Path) -> CsvFile | str:
    """The file, or what is wrong with it."""
    try:
        return read_csv_file(path, "1d", Kind.STOCK)
    except SourceError as error:
        return str(error)


def told(file: CsvFile) -> list[tuple[float | str | None, ...]]:
    """Rows as they were read, dates as text."""
    assert file.rows.schema == LANDING
    names = ("timestamp", "open", "high", "low", "close", "adjusted_close", "volume")
    return [tuple(str(row[name]) if name == "timestamp" else row[name] for name in names) for row in file.rows.to_pylist()]


def read_again(case: bytes) -> list[tuple[float | str | None, ...]]:
    """The same by Python's own reader, which takes more than ours does."""
    lines = [line for line in csv.reader(io.StringIO(case.decode("utf-8-sig"), newline="")) if "".join(line).strip()]
    header = [name.strip().lower() for name in lines[0]]
    rows = []
    for line in lines[1:]:
        row = dict(zip(header, (field.strip() for field in line), strict=True))
        values = (row.get(name, "") for name in ("open", "high", "low", "close", "adj_close", "volume"))
        numbers = [None if value.lower() in {"", "null", "nan", "na"} else float(value) for value in values]
        assert all(number is None or math.isfinite(number) for number in numbers)
        rows.append((str(moment(row["date" if "date" in row else "timestamp"])), *numbers))
    return rows


def moment(text: str) -> datetime:
    """Midnight UTC of a date, from ISO 8601 or milliseconds."""
    if text.lstrip("-").isdigit() and len(text) > 8:
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
