import numpy as np
import pytest
from scipy.special import expit
from sklearn import metrics as oracle

from ml.validation.binary import auc_within, brier, calibration_error, calibration_line, log_loss


def test_equal_scikit_learn() -> None:
    generator = np.random.default_rng(2)
    stated = generator.uniform(0.01, 0.99, 500)
    came = (generator.random(500) < stated).astype(float)
    assert brier(came, stated) == pytest.approx(oracle.brier_score_loss(came, stated))
    assert log_loss(came, stated) == pytest.approx(oracle.log_loss(came, stated))


def test_calibration_by_hand() -> None:
    # Two bins: .2 stated, came 2 of 4; .9 stated, came 1 of 1.
    assert calibration_error(np.array([1, 1, 0, 0, 1]), np.array([0.2, 0.2, 0.2, 0.2, 0.9])) == pytest.approx((4 * 0.3 + 0.1) / 5)
    assert calibration_error(np.array([1.0, 1.0]), np.array([1.0, 1.0])) == 0


def test_the_line_of_an_overconfident_one() -> None:
    generator = np.random.default_rng(3)
    honest = generator.normal(0, 1, 30_000)
    came = (generator.random(30_000) < expit(honest)).astype(float)
    line = calibration_line(came, expit(2 * honest))
    assert line is not None
    assert line.slope == pytest.approx(0.5, abs=0.03)
    assert calibration_line(np.ones(5), np.linspace(0.1, 0.9, 5)) is None
    assert calibration_line(np.array([0, 1]), np.array([0.3, 0.3])) is None


def test_auc_within_one_stratum_equals_scikit_learn() -> None:
    generator = np.random.default_rng(4)
    stated = generator.integers(0, 20, 300) / 20  # with ties
    came = (generator.random(300) < stated).astype(float)
    assert auc_within(came, stated, np.zeros(300)) == pytest.approx(oracle.roc_auc_score(came, stated))


def test_what_tells_strata_apart_counts_nothing() -> None:
    strata = np.repeat([0, 1], 1000)
    came = (np.random.default_rng(5).random(2000) < np.where(strata, 0.9, 0.1)).astype(float)
    stated = np.where(strata, 0.9, 0.1)
    assert oracle.roc_auc_score(came, stated) > 0.85
    assert auc_within(came, stated, strata) == 0.5
    assert auc_within(np.ones(3), np.ones(3), np.zeros(3)) is None
