"""The published example, values by hand, and simulated trials."""

import numpy as np
import pytest
from scipy.stats import kurtosis, norm, skew

from ml.validation.deflated_sharpe import ACCEPTED, deflated_sharpe, expected_maximum_sharpe, probabilistic_sharpe, sharpe_ratio


def test_the_example_of_the_paper() -> None:
    """Bailey and Lopez de Prado (2014): 100 trials of variance 1/2 a year, annual Sharpe 2.5 over 1250 days."""
    benchmark = expected_maximum_sharpe(np.sqrt(0.5 / 250), 100)
    assert benchmark == pytest.approx(0.1132, abs=1e-4)
    assert probabilistic_sharpe(2.5 / np.sqrt(250), benchmark, 1250, -3.0, 10.0) == pytest.approx(0.9004, abs=1e-4)
    fewer = expected_maximum_sharpe(np.sqrt(0.5 / 250), 46)
    assert probabilistic_sharpe(2.5 / np.sqrt(250), fewer, 1250, -3.0, 10.0) == pytest.approx(0.9505, abs=1e-3)


def test_by_hand() -> None:
    returns = np.array([0.01, -0.02, 0.03, 0.02])
    ratio = 0.01 / np.sqrt((0.0 + 0.0009 + 0.0004 + 0.0001) / 3)
    assert sharpe_ratio(returns) == pytest.approx(ratio)
    trials = np.array([ratio, 0.0])
    found = deflated_sharpe(returns, trials)
    spread = abs(ratio) / np.sqrt(2)
    benchmark = spread * ((1 - 0.5772156649) * norm.ppf(0.5) + 0.5772156649 * norm.ppf(1 - 1 / (2 * np.e)))
    variance = 1 - skew(returns) * ratio + (kurtosis(returns, fisher=False) - 1) / 4 * ratio**2
    assert found.expected_maximum == pytest.approx(benchmark)
    assert found.probability == pytest.approx(norm.cdf((ratio - benchmark) * np.sqrt(3) / np.sqrt(variance)))
    assert (found.trials, found.periods) == (2, 4)


def test_the_best_of_many_without_skill_is_what_is_expected() -> None:
    returns = np.random.default_rng(3).normal(0, 0.01, size=(400, 250, 100))
    sharpes = returns.mean(axis=1) / returns.std(axis=1, ddof=1)
    expected = expected_maximum_sharpe(float(sharpes.std(ddof=1)), 100)
    assert sharpes.max(axis=1).mean() == pytest.approx(expected, rel=0.03)


def test_luck_is_not_accepted_and_skill_is() -> None:
    chance = np.random.default_rng(5)
    accepted = 0
    for _ in range(60):
        returns = chance.normal(0, 0.01, size=(250, 100))
        sharpes = np.array([sharpe_ratio(column) for column in returns.T])
        accepted += deflated_sharpe(returns[:, sharpes.argmax()], sharpes).probability > ACCEPTED
    assert accepted <= 3
    skilled = chance.normal(0.004, 0.01, size=250)
    sharpes[0] = sharpe_ratio(skilled)
    assert deflated_sharpe(skilled, sharpes).probability > ACCEPTED


def test_every_further_trial_counts() -> None:
    returns = np.random.default_rng(6).normal(0.001, 0.01, size=250)
    sharpes = np.array([sharpe_ratio(returns), 0.0, -0.05])
    found = [deflated_sharpe(returns, sharpes, more_trials=more) for more in (0, 10, 100)]
    assert found[0].probability > found[1].probability > found[2].probability
    assert [one.trials for one in found] == [3, 13, 103]


@pytest.mark.parametrize("returns", [np.zeros(100), np.full(50, 0.01), np.array([0.1, 0.2])])
def test_what_does_not_vary_proves_nothing(returns: np.ndarray) -> None:
    assert deflated_sharpe(returns, np.array([0.0, 0.1])).probability == 0.0


def test_one_trial_needs_no_deflation() -> None:
    assert expected_maximum_sharpe(0.3, 1) == 0.0
