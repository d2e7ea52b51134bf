import numpy as np
import pytest

from ml.methods.value_boosting import ValueBooster, fit_value_booster

FEATURES = ["spread", "noise"]
PARAMS = {"max_depth": 3, "eta": 0.1, "tree_method": "hist", "max_bin": 64}
LEVELS = [0.05, 0.5, 0.95]


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Uniform on 0 to a width that the first feature tells."""
    chance = np.random.default_rng(5)
    values = np.column_stack([np.repeat([1.0, 4.0], 4000), chance.normal(size=8000)]).astype(np.float32)
    return values, values[:, 0] * chance.random(8000)


def test_quantiles_follow_what_tells_of_them(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    values, target = drawn
    params = {**PARAMS, "objective": "reg:quantileerror", "quantile_alpha": LEVELS}
    booster = fit_value_booster(values, target, features=FEATURES, params=params, rounds=60, seed=7)
    stated = booster.state(values)
    assert stated.shape == (8000, 3)
    assert (np.diff(stated, axis=1) >= 0).all()
    for width in (1.0, 4.0):
        part = values[:, 0] == width
        assert stated[part].mean(axis=0) / width == pytest.approx(LEVELS, abs=0.05)
        assert np.mean(target[part, None] <= stated[part], axis=0) == pytest.approx(LEVELS, abs=0.03)


def test_one_quantile_and_the_mean_have_one_output(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    values, target = drawn
    for objective, expected in (
        ({"objective": "reg:quantileerror", "quantile_alpha": 0.95}, 0.95),
        ({"objective": "reg:squarederror"}, 0.5),
    ):
        stated = fit_value_booster(values, target, features=FEATURES, params=PARAMS | objective, rounds=60, seed=7).state(values)
        assert stated.shape == (8000, 1)
        assert stated[:4000].mean() == pytest.approx(expected, abs=0.05)


def test_equal_fits_give_equal_bytes_and_nulls_are_no_trouble(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    values, target = drawn
    params = {**PARAMS, "objective": "reg:quantileerror", "quantile_alpha": 0.95, "subsample": 0.7}
    fits = [fit_value_booster(values, target, features=FEATURES, params=params, rounds=10, seed=seed) for seed in (7, 7, 8)]
    assert fits[0] == fits[1] != fits[2]
    gone = np.full((3, 2), np.nan, np.float32)
    assert np.isfinite(ValueBooster(fits[0].trees).state(gone)).all()
