import numpy as np
import pytest
from sklearn import metrics as oracle

from ml.validation import metrics

GENERATOR = np.random.default_rng(1)
ACTUAL = GENERATOR.integers(0, 4, 500).astype(float)  # class 4 never comes
STATED = GENERATOR.integers(0, 5, 500).astype(float)
CHANCES = GENERATOR.dirichlet(np.ones(5), 500)


def test_classification_equals_scikit_learn() -> None:
    assert metrics.accuracy(ACTUAL, STATED) == pytest.approx(oracle.accuracy_score(ACTUAL, STATED))
    assert metrics.balanced_accuracy(ACTUAL, STATED) == pytest.approx(oracle.recall_score(ACTUAL, STATED, average="macro", labels=range(4)))
    assert metrics.macro_f1(ACTUAL, STATED) == pytest.approx(oracle.f1_score(ACTUAL, STATED, average="macro"))
    assert metrics.log_losses(ACTUAL, CHANCES).mean() == pytest.approx(oracle.log_loss(ACTUAL, CHANCES, labels=range(5)))


def test_a_certain_mistake_is_bounded() -> None:
    assert metrics.log_losses(np.array([1.0]), np.array([[1.0, 0.0]]))[0] == pytest.approx(-np.log(1e-6))


def test_errors_by_hand() -> None:
    actual, stated = np.array([1.0, 2.0]), np.array([1.0, 4.0])
    assert metrics.rmse(actual, stated) == pytest.approx(np.sqrt(2))
    assert metrics.mae(actual, stated) == 1.0
    assert metrics.qlike(actual, actual) == 0.0
    assert metrics.qlike(np.array([2.0]), np.array([1.0])) == pytest.approx(4 - np.log(4) - 1)
    assert metrics.coverage(actual, np.array([0.0, 3]), np.array([2.0, 4])) == 0.5


def test_calibration_error() -> None:
    sure = np.array([[0.9, 0.1]] * 10)
    assert metrics.expected_calibration_error(np.array([0.0] * 9 + [1.0]), sure) == pytest.approx(0.0)
    assert metrics.expected_calibration_error(np.array([1.0] * 10), sure) == pytest.approx(0.9)
    assert metrics.expected_calibration_error(np.array([0.0]), np.array([[1.0, 0.0]])) == pytest.approx(0.0)


def test_pinball_equals_scikit_learn() -> None:
    values, stated = GENERATOR.normal(size=200), GENERATOR.normal(size=200)
    losses = metrics.pinball_losses(values, stated, 0.95)
    assert (losses >= 0).all()
    assert losses.mean() == pytest.approx(oracle.mean_pinball_loss(values, stated, alpha=0.95))
