"""Features computed from the past only: the same bytes as those that were published with the future at hand."""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.feature_sets import read_current
from include.lake import Lake
from include.publish import list_months, read_month
from spark_jobs.recompute import features_as_known
from tests.unit.spark_jobs.made_bars import publish_bars, small_universe
from tests.unit.spark_jobs.test_buckets import build


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(str(tmp_path_factory.mktemp("recompute")))
    publish_bars(lake, pa.concat_tables(small_universe(330).values()))
    build(lake)
    return lake


def published(lake: Lake, month: str, symbols: list[str], known_at: datetime) -> pa.Table:
    table = read_month(lake, lake.features("1d", read_current(lake, "1d").id), month)
    table = table.filter(pc.and_(pc.is_in(table["symbol"], pa.array(symbols)), pc.less_equal(table["closed_at"], known_at)))
    return table.sort_by([("symbol", "ascending"), ("timestamp", "ascending")])


@pytest.mark.parametrize("place", [3, 9, -1])
def test_the_past_alone_gives_the_same_bytes(built: Lake, place: int) -> None:
    month, symbols = list_months(built, built.bars("1d"))[place], ["AAA", "LATE", "^VIX"]
    everything = read_month(built, built.bars("1d"), month)
    closes = everything["closed_at"].combine_chunks().sort()
    known_at = closes[len(closes) // 2].as_py()
    again = features_as_known(built, "1d", month, symbols, known_at)
    assert again.num_rows
    assert again.equals(published(built, month, symbols, known_at))


def test_before_the_first_close_of_the_month_nothing_is_known(built: Lake) -> None:
    month = list_months(built, built.bars("1d"))[5]
    first = read_month(built, built.bars("1d"), month)["closed_at"].combine_chunks().sort()[0].as_py()
    assert features_as_known(built, "1d", month, ["AAA"], first - timedelta(microseconds=1)).num_rows == 0
