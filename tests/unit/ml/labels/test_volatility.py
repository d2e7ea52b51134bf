import numpy as np
import pandas as pd

from ml.labels.volatility import ending_ahead, last_values, realised

RETURNS = pd.Series(np.random.default_rng(1).normal(0, 0.01, 60))
DAYS = pd.Series(pd.date_range("2018-01-01", periods=60, tz="UTC"))


def test_realised_is_the_sample_deviation_of_the_last_twenty() -> None:
    found = realised(RETURNS)
    assert found.iloc[:19].isna().all()
    for place in (19, 40, 59):
        assert found.iloc[place] == np.std(RETURNS.iloc[place - 19 : place + 1].to_numpy(), ddof=1)


def test_a_null_return_nulls_exactly_the_windows_that_hold_it() -> None:
    broken = RETURNS.copy()
    broken.iloc[30] = np.nan
    assert realised(broken).isna().tolist() == [place < 19 or 30 <= place < 50 for place in range(60)]


def test_a_value_does_not_depend_on_where_the_history_begins() -> None:
    assert (realised(RETURNS).iloc[40:].to_numpy() == realised(RETURNS.iloc[15:]).iloc[25:].to_numpy()).all()


def test_the_label_is_the_deviation_seen_later() -> None:
    for bars in (1, 20):
        label = ending_ahead(RETURNS, DAYS, bars)
        assert label["value"].iloc[25] == realised(RETURNS).iloc[25 + bars]
        assert label["known_at"].iloc[25] == DAYS.iloc[25 + bars]
        assert label["value"].iloc[-bars:].isna().all()


def test_last_values_are_oldest_first() -> None:
    assert last_values(pd.Series([1.0, 2, 3, 4]), 2).tolist()[1:] == [[1, 2], [2, 3], [3, 4]]
