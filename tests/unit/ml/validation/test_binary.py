import numpy as np
import pytest
from scipy.special import expit
from sklearn import metrics as oracle

from ml.validation.binary import brier, calibration_error, calibration_line, log_loss


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
