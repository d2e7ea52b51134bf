from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from include.errors import LakeError
from include.lake import Lake
from ml.report.feature_quality import FeatureQuality, read_quality
from tests.model_lake import FEATURES, compute_features, real_bars, write_lake

FIRST, LAST = datetime(2014, 1, 2, tzinfo=UTC), datetime(2016, 12, 30, tzinfo=UTC)
WARM_UP = 200  # of every feature of the test's set


def quality_by_name(lake: Lake, symbols: list[str]) -> dict[str, FeatureQuality]:
    features = read_quality(lake, "1d", symbols, FIRST, LAST)
    return {feature.facts.name: feature for category in features.categories for feature in category.features}


def test_counts_nulls_after_the_warm_up_across_years(lake: Lake) -> None:
    bars = real_bars("^GSPC", "2014-01-01", "2017-01-01")
    wrong = list(range(50, 60)) + list(range(195, 205)) + list(range(400, 430))

    def spoil(features: pd.DataFrame) -> pd.DataFrame:
        features.iloc[wrong, features.columns.get_loc("rsi_14")] = np.nan
        features.iloc[300, features.columns.get_loc("return_1")] = np.inf
        return features

    write_lake(lake, [bars], spoil)
    found = quality_by_name(lake, ["^GSPC"])
    assert found["rsi_14"].nulls["^GSPC"] == 5 + 30
    assert found["rsi_14"].warm_up_nulls["^GSPC"] == 1 + 10 + 5  # the first change is unknown too
    assert found["rsi_14"].share("^GSPC") == pytest.approx(35 / (len(bars) - WARM_UP))
    assert found["rsi_14"].null_share == pytest.approx(51 / len(bars))
    assert (found["return_1"].infinite, found["return_60"].nulls["^GSPC"], found["return_60"].warm_up_nulls["^GSPC"]) == (1, 0, 60)
    assert read_quality(lake, "1d", ["^GSPC"], FIRST, LAST).infinite == 1


def test_what_trades_no_volume_shows_as_null(lake: Lake) -> None:
    write_lake(lake, [real_bars(symbol, "2014-01-01", "2017-01-01") for symbol in ("^GSPC", "^VIX")])
    found = quality_by_name(lake, ["^GSPC", "^VIX"])
    assert (found["volume_ratio_20"].share("^GSPC"), found["volume_ratio_20"].share("^VIX")) == (0.0, 1.0)
    features = read_quality(lake, "1d", ["^GSPC", "^VIX"], FIRST, LAST)
    assert features.rows == 756 + 755 + (len(real_bars("^VIX", "2014-01-01", "2017-01-01")) - 755)
    assert features.categories[0].share("^VIX") == pytest.approx(6 / len(FEATURES))  # closes only: no range either, and no breadth


def test_a_symbol_in_its_warm_up_has_no_share(lake: Lake) -> None:
    write_lake(lake, [real_bars("^GSPC", "2014-01-01", "2014-04-01")])
    found = quality_by_name(lake, ["^GSPC", "AAPL"])
    assert found["return_1"].share("^GSPC") is None
    assert found["return_1"].rows.keys() == {"^GSPC"}


def test_no_features_is_an_error(lake: Lake) -> None:
    with pytest.raises(LakeError, match="run the DAG backfill_market"):
        read_quality(lake, "1d", ["^GSPC"], FIRST, LAST)


def test_fixture_has_what_the_counts_rest_on() -> None:
    features = compute_features(real_bars("^GSPC", "2014-01-01", "2017-01-01"))
    assert features["rsi_14"].isna().sum() == 1
    assert features["return_60"].isna().sum() == 60
