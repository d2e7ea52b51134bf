"""Twenty-six real symbols from files: a year, then one month more; a symbol without a file is named and holds nobody back."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from include.feature_sets import read_current, read_features
from include.universes import load_universe
from tests.shared_data import shared_data

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.xdist_group("airflow-chain")]


def test_a_backfill_and_the_month_after_it(dags_test, lake, hashes, tmp_path):
    """A minute, most of it for Airflow, the checks and Spark to start twice."""
    daily = shared_data("daily")
    symbols = {instrument.symbol for instrument in load_universe("global26").instruments}
    for symbol in symbols - {"META"}:
        (tmp_path / f"{symbol}.csv").symlink_to(daily / f"{symbol}.csv")
    asked = {"universe": "global26", "source": "csv", "csv_folder": str(tmp_path)}
    backfill = dags_test("backfill_market", **asked, start="2023-02-01", end="2024-02-01")
    assert backfill.code == 1
    assert backfill.said("1 of 26 symbols could not be fetched whole, published is what landed whole")
    assert len(read_current(lake, "1d").names) >= 75
    year = read_features(lake, "1d", names=["return_20"])
    assert set(year["symbol"]) == symbols - {"META"}
    assert year["timestamp"].dt.strftime("%Y-%m").nunique() == 12

    before = hashes("bars", "features")
    (tmp_path / "META.csv").symlink_to(daily / "META.csv")
    update = dags_test("update_market", "2024-03-15", **asked)
    assert update.code == 0, update.log[-4000:]
    after = hashes("bars", "features")
    assert {path: after[path] for path in before} == before
    assert {part for path in after.keys() - before.keys() for part in Path(path).parts if part.startswith("month=")} == {"month=2024-02"}
    month = read_features(lake, "1d", start=date(2024, 2, 1), names=["return_20", "sma_200"])
    assert set(month["symbol"]) == symbols
    assert month[month["symbol"] != "META"]["sma_200"].notna().all()
