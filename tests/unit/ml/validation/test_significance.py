import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.sandwich_covariance import S_hac_simple

from ml.validation.significance import block_bootstrap, by_day, diebold_mariano

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
