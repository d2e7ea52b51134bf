import numpy as np
import pytest
import xgboost

from ml.methods.boosting import ClassBooster, continue_class_booster, fit_class_booster, further_rounds, load_class_booster
from ml.methods.transitions import cautious_markov, majority

PARAMS = {"max_depth": 3, "eta": 0.2, "subsample": 0.7, "tree_method": "hist", "max_bin": 64}
ROWS = 600


def fit(classes_present: tuple[int, ...], seed: int = 7) -> tuple[ClassBooster, np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(2)
    values = generator.normal(size=(ROWS, 3)).astype(np.float32)
    edges = np.quantile(values[:, 0], np.linspace(0, 1, len(classes_present) + 1)[1:-1])
    later = np.array(classes_present)[np.digitize(values[:, 0], edges)]
    now = generator.choice(classes_present, ROWS).astype(float)
    booster = fit_class_booster(values, now, later, majority(later, 5), features=["a", "b", "c"], params=PARAMS, rounds=20, seed=seed)
    return booster, values, now, later


@pytest.mark.parametrize("present", [(0, 1, 2, 3, 4), (1, 3), (0, 2, 4), (3,)])
def test_five_columns_that_sum_to_one_whatever_training_lacks(present: tuple[int, ...]) -> None:
    booster, values, now, later = fit(present)
    stated = booster.probabilities(values, now)
    assert stated.shape == (ROWS, 5)
    np.testing.assert_allclose(stated.sum(axis=1), 1.0, rtol=1e-9)
    assert (stated > 0).all()
    assert np.mean(stated.argmax(axis=1) == later) > 0.9
    absent = [code for code in range(5) if code not in present]
    np.testing.assert_allclose(stated[:, absent], 1 / (ROWS + 5))


def test_nulls_are_taken() -> None:
    booster, values, now, _ = fit((1, 3))
    values[:5] = np.nan
    now[:5] = np.nan
    assert np.isfinite(booster.probabilities(values, now)).all()
    assert booster.probabilities(values[:0], now[:0]).shape == (0, 5)


def test_stored_and_loaded_is_the_same() -> None:
    booster, values, now, _ = fit((0, 2, 4))
    files = booster.files("horizon_1")
    assert sorted(files) == ["horizon_1.json", "horizon_1.ubj"]
    loaded = load_class_booster(files, "horizon_1")
    assert loaded == booster
    assert (loaded.probabilities(values, now) == booster.probabilities(values, now)).all()
    one_class, *_ = fit((3,))
    assert load_class_booster(one_class.files("x"), "x") == one_class


def test_going_on_learns_what_is_new_and_keeps_the_trees_before() -> None:
    booster, values, now, later = fit((1, 3))
    turned = np.where(later == 1, 3, 1)
    further = continue_class_booster(booster, values, now, turned, params=PARAMS, rounds=2, seed=7)
    assert (further.start, further.present, further.features) == (booster.start, booster.present, booster.features)
    right = [np.log(one.probabilities(values, now)[np.arange(ROWS), turned]).mean() for one in (booster, further)]
    assert right[1] > right[0]
    count = [len(xgboost.Booster(model_file=bytearray(one.trees)).get_dump()) for one in (booster, further)]
    assert count == [20 * 2, 22 * 2]


def test_going_on_leaves_out_classes_that_were_never_seen() -> None:
    booster, values, now, _ = fit((1, 3))
    assert continue_class_booster(booster, values, now, np.full(ROWS, 4), params=PARAMS, rounds=2, seed=7) == booster
    assert (further_rounds(80), further_rounds(4)) == (8, 1)


def test_the_seed_decides() -> None:
    assert fit((1, 3), seed=7)[0].trees == fit((1, 3), seed=7)[0].trees
    assert fit((1, 3), seed=7)[0].trees != fit((1, 3), seed=8)[0].trees


def test_without_trees_to_speak_of_the_start_remains() -> None:
    """The base margin is the logarithm of the start: one tree of no weight changes nothing."""
    generator = np.random.default_rng(4)
    now, later = generator.integers(0, 3, 400).astype(float), generator.integers(0, 3, 400)
    values = generator.normal(size=(400, 1)).astype(np.float32)
    start = cautious_markov(now, later, 5)
    booster = fit_class_booster(values, now, later, start, features=["a"], params=PARAMS | {"eta": 1e-9}, rounds=1, seed=1)
    np.testing.assert_allclose(booster.probabilities(values, now), start.probabilities(now), rtol=1e-5)
