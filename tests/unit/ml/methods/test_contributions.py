import numpy as np
import pytest
import xgboost

from ml.methods.contributions import contribution_shares


def trees(rounds):
    chance = np.random.default_rng(2)
    values = chance.normal(size=(800, 3)).astype(np.float32)
    label = (values[:, 1] + 0.3 * values[:, 2] > 0).astype(int)
    matrix = xgboost.DMatrix(values, label=label, feature_names=["a", "b", "c"])
    params = {"objective": "multi:softprob", "num_class": 2, "max_depth": 2, "seed": 7, "nthread": 1}
    return bytes(xgboost.train(params, matrix, num_boost_round=rounds).save_raw("ubj")), values


def test_what_decides_has_the_largest_share():
    shares = contribution_shares(*trees(20), ["a", "b", "c"])
    assert list(shares) == ["b", "c", "a"]
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["b"] > 0.6


def test_trees_that_never_split_give_nobody_a_share():
    assert set(contribution_shares(*trees(0), ["a", "b", "c"]).values()) == {0.0}
