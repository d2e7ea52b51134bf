import shutil
from pathlib import Path

import pytest

from include.errors import LakeError
from include.lake import Lake
from include.universes import load_universe
from ml.report.intake import read_intake
from tests.model_lake import real_bars


def test_counts_the_bars_of_the_universe_only(report_lake: Lake) -> None:
    intake = read_intake(report_lake, load_universe("sample"), "1d", set())
    rows = {symbol.instrument.symbol: symbol.rows for symbol in intake.symbols}
    expected = len(real_bars("^GSPC", "2014-01-01", "2018-01-01"))
    assert rows == {"^GSPC": expected, "^IXIC": expected - 4 + 1, "^VIX": len(real_bars("^VIX", "2014-01-01", "2018-01-01")), "AAPL": 0}
    assert intake.rows == sum(rows.values())
    assert [symbol.instrument.symbol for symbol in intake.present] == ["^GSPC", "^IXIC", "^VIX"]
    assert intake.others == ["XYZ"]


def test_tells_first_and_last_scale_and_remarks(report_lake: Lake) -> None:
    found = {symbol.instrument.symbol: symbol for symbol in read_intake(report_lake, load_universe("sample"), "1d", set()).symbols}
    assert (f"{found['^GSPC'].first:%Y-%m-%d}", f"{found['^GSPC'].last:%Y-%m-%d}") == ("2014-01-02", "2017-12-29")
    assert found["^GSPC"].scales == {"nothing to adjust"}
    assert found["^GSPC"].remarks == []
    assert found["^VIX"].remarks == ["closes only"], "an index without volume lacks none"


def test_counts_what_lies_in_the_changed_months(report_lake: Lake) -> None:
    intake = read_intake(report_lake, load_universe("sample"), "1d", {"2016-07", "2030-01"})
    assert [symbol.changed for symbol in intake.present] == [20, 19, 20]


def test_no_bar_of_the_universe_is_an_error(report_lake: Lake) -> None:
    with pytest.raises(LakeError, match=r"no 1d bars of universe 'crypto'.*run backfill_market"):
        read_intake(report_lake, load_universe("crypto"), "1d", set())


def test_a_damaged_month_is_an_error(report_lake: Lake, tmp_path: Path) -> None:
    copy = tmp_path / "lake"
    shutil.copytree(report_lake.root, copy)
    part = next(copy.glob("bars/timeframe=1d/month=2015-05/*.parquet"))
    part.write_bytes(part.read_bytes()[:-100])
    with pytest.raises(LakeError, match="2015-05"):
        read_intake(Lake(str(copy)), load_universe("sample"), "1d", set())
