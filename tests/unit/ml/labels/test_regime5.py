import numpy as np
import pandas as pd
import pytest

from include.errors import ModelError
from ml.labels.regime5 import BEAR, BULL, HIGH_VOL, LOW_VOL, REGIMES, STRESS, ahead, regime5


def one(vix: float, return_20: float, trend: float) -> float:
    # The second row keeps the medians in their units.
    inputs = (pd.Series([value, usual], dtype=np.float32) for value, usual in ((vix, 16), (return_20, 0), (trend, 0)))
    return regime5(*inputs).iloc[0]


@pytest.mark.parametrize(
    ("vix", "return_20", "trend", "expected"),
    [
        (30.01, -0.20, -0.1, STRESS),
        (30.01, 0.20, 0.1, STRESS),
        (30.0, 0.0, 0.0, HIGH_VOL),  # VIX 30 is not yet stress
        (30.0, -0.06, 0.0, BEAR),
        (15.0, -0.0501, 0.0, BEAR),  # VIX 15 can be bear
        (15.0, 0.04, 0.1, LOW_VOL),  # and never bull
        (14.99, -0.06, -0.1, LOW_VOL),
        (14.99, 0.0301, 0.01, BULL),
        (14.99, 0.03, 0.01, LOW_VOL),
        (14.99, 0.04, 0.0, LOW_VOL),  # the close must be above its mean
        (20.01, 0.0499, 0.0, HIGH_VOL),
        (20.01, -0.05, 0.0, LOW_VOL),  # exactly -5 % is neither bear nor neutral
        (20.01, 0.05, 0.0, LOW_VOL),
        (20.0, 0.0, 0.0, LOW_VOL),
        (25.0, 0.10, 0.1, LOW_VOL),
        (17.0, 0.01, 0.1, LOW_VOL),
    ],
)
def test_rules_at_their_thresholds(vix: float, return_20: float, trend: float, expected: int) -> None:
    assert one(vix, return_20, trend) == expected


def test_a_fall_of_exactly_five_percent_in_prices_is_not_bear() -> None:
    assert np.float64(95.0 / 100.0 - 1) < -0.05  # what double precision would have made of it
    assert one(25.0, 95.0 / 100.0 - 1, -0.1) == LOW_VOL


@pytest.mark.parametrize("missing", range(3))
def test_a_missing_input_gives_no_label(missing: int) -> None:
    values = [16.0, 0.0, 0.0]
    values[missing] = np.nan
    assert np.isnan(one(*values))


def test_codes_are_fixed() -> None:
    assert REGIMES == ("BULL_TRENDING", "BEAR_TRENDING", "HIGH_VOL_NEUTRAL", "LOW_VOL_NEUTRAL", "EXTREME_STRESS")
    assert (BULL, BEAR, HIGH_VOL, LOW_VOL, STRESS) == (0, 1, 2, 3, 4)


def test_other_units_are_refused() -> None:
    calm = pd.Series([0.01, -0.02, 0.01])
    with pytest.raises(ModelError, match="VIX must be in points"):
        regime5(pd.Series([0.16, 0.2, 0.3]), calm, calm)
    with pytest.raises(ModelError, match="return_20 must be a fraction"):
        regime5(pd.Series([16.0, 20, 30]), calm * 100, calm)


def test_the_label_ahead_is_known_when_its_day_is() -> None:
    days = pd.Series(pd.date_range("2018-01-01", periods=4, tz="UTC"))
    label = ahead(pd.DataFrame({"value": [0.0, 1, np.nan, 3], "known_at": days}), 2)
    assert label["value"].tolist()[1] == 3
    assert label["value"].isna().tolist() == [True, False, True, True]
    assert label["known_at"].iloc[0] == days.iloc[2]
    assert label["known_at"].isna().tolist() == [False, False, True, True]
