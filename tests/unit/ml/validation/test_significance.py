import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.sandwich_covariance import S_hac_simple

from ml.validation.significance import block_bootstrap, by_day, clustered_mean, diebold_mariano

NOISE = np.random.default_rng(1).normal(size=800)
SMOOTH = np.convolve(NOISE, np.ones(10), "valid")  # neighbours are alike


def test_diebold_mariano_uses_newey_west() -> None:
    values = SMOOTH + 0.5
    variance = float(S_hac_simple((values - values.mean())[:, None], nlags=8)[0, 0]) / len(values)
    assert diebold_mariano(values, 8) == pytest.approx(values.mean() / np.sqrt(variance / len(values)))
    assert diebold_mariano(-values, 8) == pytest.approx(-diebold_mariano(values, 8))
    assert diebold_mariano(np.ones(10), 1) == 0.0


def test_likeness_of_neighbours_lowers_the_statistic() -> None:
    assert abs(diebold_mariano(SMOOTH + 1, 20)) < abs(diebold_mariano(SMOOTH + 1, 0))


def test_bootstrap_interval() -> None:
    found = block_bootstrap(SMOOTH)
    assert found.low < found.mean == SMOOTH.mean() < found.high
    independent = 2 * 1.96 * SMOOTH.std() / np.sqrt(len(SMOOTH))
    assert found.high - found.low > 1.5 * independent
    assert block_bootstrap(SMOOTH) == found


def test_few_days_leave_more_doubt_not_none() -> None:
    few = block_bootstrap(NOISE[:19])
    assert few.high - few.low == pytest.approx(2 * 1.96 * NOISE[:19].std() / np.sqrt(19), rel=0.4)


def test_rows_of_a_day_count_once() -> None:
    times = pd.Series(pd.to_datetime(["2018-01-02 21:00", "2018-01-01 10:00", "2018-01-01 21:00"], utc=True))
    assert by_day(np.array([5.0, 1.0, 3.0]), times).tolist() == [2.0, 5.0]


def test_rows_of_a_day_are_one_draw_but_each_counts() -> None:
    """A thousand trades a day that all come out alike are as uncertain as one a day."""
    days = pd.Series(pd.date_range("2024-01-01", periods=60, tz="UTC"))
    values = np.random.default_rng(2).normal(size=60)
    alone, many = clustered_mean(values, days), clustered_mean(np.repeat(values, 50), days.repeat(50).reset_index(drop=True))
    assert alone == pytest.approx(many)
    assert alone.low < alone.mean < alone.high
    assert alone.high - alone.low == pytest.approx(4 * values.std() / np.sqrt(60), rel=0.4)
    uneven = clustered_mean(np.array([1.0, 1.0, 1.0, 5.0]), pd.Series(pd.to_datetime(["2024-01-01"] * 3 + ["2024-01-02"], utc=True)))
    assert uneven.mean == 2.0
