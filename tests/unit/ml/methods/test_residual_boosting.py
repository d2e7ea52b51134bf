import numpy as np
import pytest
from scipy.special import expit

from ml.methods.calibration import Line
from ml.methods.residual_boosting import ResidualBooster, continue_residual_booster, fit_residual_booster, load_residual_booster

SIGNS = {"distance": -1, "other": 0}
PARAMS = {"max_depth": 3, "eta": 0.1, "min_child_weight": 20.0, "tree_method": "hist", "max_bin": 64}
ROWS = 4000


def draw(effect: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(4)
    values = generator.random((ROWS, 2)).astype(np.float32)
    formula = 2 - 5 * values[:, 0].astype(float)
    came = generator.random(ROWS) < expit(0.7 * formula - 0.3 + effect * (values[:, 1] > 0.5))
    return values, formula, came.astype(float)


def fit(values: np.ndarray, formula: np.ndarray, came: np.ndarray, rounds: int = 40, seed: int = 7) -> ResidualBooster:
    return fit_residual_booster(values, formula, came, signs=SIGNS, params=PARAMS, rounds=rounds, seed=seed)


def test_calibrates_the_formula_and_finds_what_it_lacks() -> None:
    values, formula, came = draw(effect=1.5)
    booster = fit(values, formula, came)
    stated = booster.probabilities(values, formula)
    assert booster.start.slope == pytest.approx(0.65, abs=0.1)
    calibrated = expit(booster.start(formula))
    assert np.mean((stated - came) ** 2) < np.mean((calibrated - came) ** 2) - 0.01
    high = values[:, 1] > 0.5
    assert stated[high].mean() == pytest.approx(came[high].mean(), abs=0.02)
    assert stated[~high].mean() == pytest.approx(came[~high].mean(), abs=0.02)


def test_never_rises_with_the_distance_though_the_data_do() -> None:
    values, formula, came = draw(effect=0.0)
    came[values[:, 0] > 0.8] = 1.0
    booster = fit(values, formula, came)
    for other in (0.1, 0.6):
        grid = np.column_stack([np.linspace(0, 1, 400), np.full(400, other)]).astype(np.float32)
        assert (np.diff(booster.probabilities(grid, 2 - 5 * grid[:, 0].astype(float))) <= 1e-7).all()


def test_a_formula_that_points_the_wrong_way_is_not_turned_around() -> None:
    values, formula, came = draw(effect=0.0)
    booster = fit(values, -formula, came, rounds=1)
    assert booster.start == Line(0.0, pytest.approx(np.log(came.mean() / (1 - came.mean()))))


def test_stored_and_loaded_it_states_the_same() -> None:
    values, formula, came = draw(effect=1.0)
    booster = fit(values, formula, came)
    files = booster.files("touched")
    assert sorted(files) == ["touched.json", "touched.ubj"]
    np.testing.assert_array_equal(
        load_residual_booster(files, "touched").probabilities(values, formula), booster.probabilities(values, formula)
    )
    assert fit(values, formula, came).files("touched") == files


def test_where_the_formula_is_silent_so_is_the_model() -> None:
    values, formula, came = draw(effect=1.0)
    booster = fit(values, formula, came)
    formula[:3] = np.nan
    assert np.isnan(booster.probabilities(values, formula)).nonzero()[0].tolist() == [0, 1, 2]
    assert booster.probabilities(values[:0], formula[:0]).shape == (0,)


def test_going_on_learns_what_is_new_and_stays_monotone() -> None:
    values, formula, came = draw(effect=0.0)
    booster = fit(values, formula, came)
    newer = draw(effect=2.0)[2]
    further = continue_residual_booster(booster, values, formula, newer, signs=SIGNS, params=PARAMS, rounds=20, seed=7)
    assert further.start == booster.start
    before, after = (np.mean((one.probabilities(values, formula) - newer) ** 2) for one in (booster, further))
    assert after < before - 0.005
    grid = np.column_stack([np.linspace(0, 1, 400), np.full(400, 0.6)]).astype(np.float32)
    assert (np.diff(further.probabilities(grid, 2 - 5 * grid[:, 0].astype(float))) <= 1e-7).all()
