"""The published example, values by hand, and simulated trials."""

import numpy as np
import pytest
from scipy.stats import kurtosis, norm, skew

from ml.validation.deflated_sharpe import ACCEPTED, deflated_sharpe, expected_maximum_sharpe, sharpe_error, sharpe_ratio, sharpe_ratios


def test_the_example_of_the_paper() -> None:
    """Bailey and Lopez de Prado (2014): 100 trials of variance 1/2 a year, annual Sharpe 2.5 over 1250 days."""
    own, error = 2.5 / np.sqrt(250), sharpe_error(2.5 / np.sqrt(250), 1250, -3.0, 10.0)
    benchmark = expected_maximum_sharpe(np.sqrt(0.5 / 250), 100)
    assert benchmark == pytest.approx(0.1132, abs=1e-4)
    assert norm.cdf((own - benchmark) / error) == pytest.approx(0.9004, abs=1e-4)
    fewer = expected_maximum_sharpe(np.sqrt(0.5 / 250), 46)
    assert norm.cdf((own - fewer) / error) == pytest.approx(0.9505, abs=1e-3)


def test_by_hand() -> None:
    returns = np.array([0.01, -0.02, 0.03, 0.02])
    ratio = 0.01 / np.sqrt((0.0 + 0.0009 + 0.0004 + 0.0001) / 3)
    assert sharpe_ratio(returns) == pytest.approx(ratio)
    best_of_two = 0.5772156649 * norm.ppf(1 - 1 / (2 * np.e))
    error = np.sqrt((1 - skew(returns) * ratio + (kurtosis(returns, fisher=False) - 1) / 4 * ratio**2) / 3)
    found = deflated_sharpe(returns, 2)
    assert (found.luck, found.spread) == (0.0, pytest.approx(1 / np.sqrt(3)))
    assert found.expected_maximum == pytest.approx(best_of_two / np.sqrt(3))
    assert found.probability == pytest.approx(norm.cdf((ratio - found.expected_maximum) / max(error, 1 / np.sqrt(3))))
    assert (found.trials, found.periods) == (2, 4)
    twins = np.array([0.0, 1.0, 2.0])
    found = deflated_sharpe(returns, 2, without_skill=twins)
    assert (found.luck, found.spread, found.expected_maximum) == (1.0, 1.0, pytest.approx(1 + best_of_two))
    assert found.probability == pytest.approx(norm.cdf(ratio - found.expected_maximum))


def test_twins_never_loosen() -> None:
    """Those that lose, by costs for instance, or that hardly differ, are no easier to beat than none."""
    returns = np.random.default_rng(6).normal(0.001, 0.01, size=250)
    assert deflated_sharpe(returns, 9, without_skill=np.linspace(-0.31, -0.3, 50)) == deflated_sharpe(returns, 9)


def test_the_best_of_many_without_skill_is_what_is_expected() -> None:
    returns = np.random.default_rng(3).normal(0, 0.01, size=(400, 250, 100))
    sharpes = returns.mean(axis=1) / returns.std(axis=1, ddof=1)
    expected = expected_maximum_sharpe(float(sharpes.std(ddof=1)), 100)
    assert sharpes.max(axis=1).mean() == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("trials", [1, 2, 100])
def test_luck_is_not_accepted(trials: int) -> None:
    returns = np.random.default_rng(5).normal(0, 0.01, size=(400, trials, 250))
    best = [one[sharpe_ratios(one).argmax()] for one in returns]
    accepted = np.mean([deflated_sharpe(one, trials).probability > ACCEPTED for one in best])
    assert accepted <= 0.075  # 5 % and two standard errors of 400 draws
    assert accepted > 0 or trials > 2


def test_skill_is_found_whoever_stands_beside_it() -> None:
    """Most of the trials have skill: that the ratios differ is no sign of luck."""
    chance = np.random.default_rng(5)
    returns = np.stack([chance.normal(mean, 0.01, 2500) for mean in np.linspace(-0.002, 0.002, 50)])
    best = returns[sharpe_ratios(returns).argmax()]
    assert sharpe_ratio(best) == pytest.approx(3 / np.sqrt(252), abs=0.05)
    assert [deflated_sharpe(best, trials).probability > 0.99 for trials in (1, 50)] == [True, True]


def test_every_further_trial_counts() -> None:
    returns = np.random.default_rng(6).normal(0.001, 0.01, size=250)
    found = [deflated_sharpe(returns, trials) for trials in (3, 13, 103)]
    assert found[0].probability > found[1].probability > found[2].probability


@pytest.mark.parametrize("returns", [np.zeros(100), np.full(50, 0.01), np.array([0.1, 0.2])])
def test_what_does_not_vary_proves_nothing(returns: np.ndarray) -> None:
    assert deflated_sharpe(returns, 2).probability == 0.0


def test_one_trial_needs_no_deflation() -> None:
    assert expected_maximum_sharpe(0.3, 1) == 0.0
