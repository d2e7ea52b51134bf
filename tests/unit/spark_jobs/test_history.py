"""The past of a symbol is read whole, in order, and once a timestamp."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from include.lake import Lake
from spark_jobs.history import read_history
from tests.unit.spark_jobs.made_bars import bars_table, cut, ordinary, publish_bars, weekdays

SIZE = 60
STAMPS = weekdays(SIZE)
MONTHS = ["2015-01", "2015-02", "2015-03"]


@pytest.fixture
def rows() -> pa.Table:
    return pa.concat_tables(bars_table(name, ordinary(SIZE, seed), STAMPS) for seed, name in enumerate(["BBB", "AAA", "CCC"]))


def test_rows_come_by_symbol_and_time(lake: Lake, rows: pa.Table) -> None:
    publish_bars(lake, rows)
    history = read_history(lake, "1d", MONTHS, lambda symbol: symbol != "CCC", ["close"])
    assert history.symbols == ("AAA", "BBB")
    for place, seed in ((0, 1), (1, 0)):
        part = history.rows(place)
        assert history.columns["timestamp"][part].tolist() == STAMPS.tolist()
        assert history.columns["close"][part].tolist() == ordinary(SIZE, seed)["close"].tolist()
    assert history.month[history.rows(0)].tolist() == sorted(history.month[history.rows(0)])
    assert set(history.month) == {0, 1, 2}


def test_the_order_of_rows_in_a_month_does_not_matter(lake: Lake, rows: pa.Table, tmp_path) -> None:
    publish_bars(lake, rows)
    shuffled = Lake(str(tmp_path / "other"))
    publish_bars(shuffled, rows.take(np.random.default_rng(1).permutation(rows.num_rows)))
    one, other = (read_history(each, "1d", MONTHS, lambda _: True, ["close", "volume"]) for each in (lake, shuffled))
    assert one.symbols == other.symbols
    for name, column in one.columns.items():
        assert column.tobytes() == other.columns[name].tobytes()


def test_of_doubled_rows_the_later_one_counts(lake: Lake, rows: pa.Table) -> None:
    again = bars_table("AAA", cut(ordinary(SIZE, 77), 10, 12), STAMPS[10:12])
    publish_bars(lake, pa.concat_tables([rows, again]))
    history = read_history(lake, "1d", MONTHS, lambda symbol: symbol == "AAA", ["close"])
    assert history.columns["timestamp"].tolist() == STAMPS.tolist()
    assert history.columns["close"][10:12].tolist() == ordinary(SIZE, 77)["close"][10:12].tolist()


def test_nulls_and_absent_months(lake: Lake, rows: pa.Table) -> None:
    columns = ordinary(SIZE) | {"volume": np.full(SIZE, np.nan)}
    publish_bars(lake, bars_table("AAA", columns, STAMPS))
    history = read_history(lake, "1d", ["2014-12", *MONTHS], lambda _: True, ["volume"])
    assert np.isnan(history.columns["volume"]).all()
    assert set(history.month) == {1, 2, 3}
    empty = read_history(lake, "1d", MONTHS, lambda _: False, ["volume", "adjustment"])
    assert empty.symbols == ()
    assert empty.columns["volume"].size == empty.columns["timestamp"].size == 0
