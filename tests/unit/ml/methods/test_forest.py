import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from ml.methods.forest import fit_forest, load_forest

PARAMS = {"n_estimators": 20, "min_samples_leaf": 5, "max_features": 0.6, "max_samples": 0.5}


@pytest.fixture(scope="module")
def rows():
    chance = np.random.default_rng(4)
    values = chance.normal(size=(600, 5)).astype(np.float32)
    codes = (values[:, 0] + values[:, 1] > 0).astype(float) + (values[:, 2] > 1)
    values[chance.random(values.shape) < 0.05] = np.nan
    return values, codes


def test_states_what_scikit_learn_states(rows):
    values, codes = rows
    forest, importance = fit_forest(values, codes, classes=3, params=PARAMS, seed=7)
    oracle = RandomForestClassifier(**PARAMS, n_jobs=1, random_state=7).fit(values, codes)
    others = np.random.default_rng(5).normal(size=(300, 5)).astype(np.float32)
    others[::7, 2] = np.nan
    np.testing.assert_allclose(forest.probabilities(others), oracle.predict_proba(others), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(importance, oracle.feature_importances_)


def test_a_class_that_training_lacked_has_a_column_of_zeros(rows):
    values, codes = rows
    forest, _ = fit_forest(values, np.where(codes == 1, 3, codes), classes=5, params=PARAMS, seed=7)
    stated = forest.probabilities(values)
    assert stated.shape == (600, 5)
    np.testing.assert_allclose(stated.sum(axis=1), 1.0, atol=1e-12)
    assert (stated[:, [1, 4]] == 0).all()
    assert (stated[:, 3] > 0).any()


def test_bytes_are_equal_and_load_to_the_same(rows):
    values, codes = rows
    forest, _ = fit_forest(values, codes, classes=3, params=PARAMS, seed=7)
    content = forest.to_bytes()
    assert content == fit_forest(values, codes, classes=3, params=PARAMS, seed=7)[0].to_bytes()
    assert content != fit_forest(values, codes, classes=3, params=PARAMS, seed=8)[0].to_bytes()
    np.testing.assert_array_equal(load_forest(content).probabilities(values), forest.probabilities(values))


def test_nothing_pickled_is_read():
    import io

    stream = io.BytesIO()
    np.savez(stream, **dict.fromkeys(("roots", "left", "right", "feature", "threshold", "null_left", "shares"), np.array([object()])))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load_forest(stream.getvalue())
