"""A table that does not fit its schema is refused before it is written."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from include.errors import LakeError
from include.schemas import LANDING, TIMESTAMP, conform


def landing(**changes: pa.Array) -> pa.Table:
    columns = {"timestamp": pa.array([datetime(2018, 1, 2, tzinfo=UTC)], TIMESTAMP)}
    columns |= {name: pa.array([1.0]) for name in LANDING.names[1:]}
    return pa.table(columns | changes)


def test_columns_are_ordered_and_cast() -> None:
    table = landing(volume=pa.array([3], pa.int64()))
    fitted = conform(table.select(reversed(table.column_names)), LANDING, "x")
    assert fitted.schema == LANDING
    assert fitted["volume"].to_pylist() == [3.0]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (landing().drop_columns(["high"]), r"x: missing columns \['high'\]"),
        (landing(extra=pa.array([1])), r"unknown columns \['extra'\]"),
        (landing(close=pa.array(["dear"])), "x: "),
        (landing(timestamp=pa.array([None], TIMESTAMP)), "x: "),
    ],
)
def test_what_does_not_fit_is_named(table: pa.Table, message: str) -> None:
    with pytest.raises(LakeError, match=message):
        conform(table, LANDING, "x")
