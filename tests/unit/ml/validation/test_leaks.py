import numpy as np
import pytest

from include.errors import ModelError
from ml.validation.leaks import refuse_function


@pytest.fixture
def features() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(3000, 6))


def test_a_label_made_of_its_features_is_refused(features: np.ndarray) -> None:
    with pytest.raises(ModelError, match="a function of the features"):
        refuse_function(features, (features[:, 0] + features[:, 1] > 0.3).astype(float))


def test_a_feature_made_of_the_label_is_refused(features: np.ndarray) -> None:
    came = (np.random.default_rng(2).random(3000) < 0.4).astype(float)
    features[:, 3] = came * 5 + features[:, 3]
    features[::7, 3] = np.nan
    with pytest.raises(ModelError, match="a function of the features"):
        refuse_function(features, came)


def test_luck_and_a_strong_signal_pass(features: np.ndarray) -> None:
    chance = np.random.default_rng(3)
    luck = (chance.random(3000) < 0.5).astype(float)
    refuse_function(features, luck)
    refuse_function(features, np.where(chance.random(3000) < 0.7, features[:, 0] > 0, luck).astype(float))
    refuse_function(features, np.full(3000, np.nan))
    refuse_function(features, np.zeros(3000))
