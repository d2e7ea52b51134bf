import numpy as np
import pandas as pd
import pytest

from ml.labels.direction import BAND, DOWN, NEUTRAL, UP, direction, next_direction


@pytest.mark.parametrize(
    ("change", "code"),
    [(0.0011, UP), (0.001, NEUTRAL), (0.0, NEUTRAL), (-0.001, NEUTRAL), (-0.0011, DOWN), (0.5, UP), (-0.5, DOWN)],
)
def test_the_band_is_closed(change, code):
    assert direction(pd.Series([change])).item() == code


def test_a_return_of_exactly_the_band_is_neutral_however_it_was_computed():
    close = np.array([1000.0, 1001.0, 100.0, 100.1, 99.9999])
    returns = pd.Series(close[1:] / close[:-1] - 1).astype(np.float32)
    assert direction(returns)[[0, 2]].tolist() == [NEUTRAL, NEUTRAL]
    assert direction(pd.Series([np.nextafter(np.float32(BAND), np.float32(1))])).item() == UP


def test_the_label_is_the_next_rows_direction_and_known_at_its_close():
    closed = pd.Series(pd.date_range("2024-01-02 21:00", periods=4, tz="UTC"))
    label = next_direction(pd.Series([np.nan, 0.02, -0.02, 0.0]), closed)
    assert label["value"].tolist()[:3] == [UP, DOWN, NEUTRAL]
    assert label["known_at"].tolist()[:3] == closed.tolist()[1:]
    assert label.iloc[3].isna().all()


def test_an_unknown_return_has_no_direction():
    assert direction(pd.Series([np.nan])).isna().all()
