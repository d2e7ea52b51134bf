"""The deflated Sharpe ratio: how probably a Sharpe ratio is above what the best of so many tries has by luck alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import kurtosis, norm, skew

#: A deflated Sharpe ratio above this is taken for skill.
ACCEPTED = 0.95
_EULER = 0.5772156649015329


class Deflated(NamedTuple):
    """``sharpe`` and ``expected_maximum`` are per period, not annualised; ``probability`` is the deflated Sharpe ratio."""

    sharpe: float
    expected_maximum: float
    probability: float
    trials: int
    periods: int


def sharpe_ratio(returns: np.ndarray) -> float:
    """Mean by standard deviation (divisor n - 1) of returns a period; 0 where they do not vary."""
    spread = float(np.std(returns, ddof=1)) if len(returns) > 1 else 0.0
    return float(np.mean(returns)) / spread if spread > 0 else 0.0


def expected_maximum_sharpe(spread: float, trials: int) -> float:
    """Sharpe ratio that the best of ``trials`` strategies without skill has on average (Bailey and Lopez de Prado 2014).

    Parameters
    ----------
    spread
        Standard deviation of the Sharpe ratios of the trials, per period.
    trials
        Everything that was tried, also what was thrown away; 1: nothing was chosen, so 0.
    """
    if trials < 2:
        return 0.0
    high, higher = norm.ppf(1.0 - 1.0 / trials), norm.ppf(1.0 - 1.0 / (trials * np.e))
    return float(spread * ((1.0 - _EULER) * high + _EULER * higher))


def probabilistic_sharpe(sharpe: float, benchmark: float, periods: int, skewness: float, kurtosis_: float) -> float:
    """Probability that the true Sharpe ratio is above ``benchmark``; all per period, kurtosis 3 for a normal."""
    variance = 1.0 - skewness * sharpe + (kurtosis_ - 1.0) / 4.0 * sharpe**2
    return float(norm.cdf((sharpe - benchmark) * np.sqrt(periods - 1) / np.sqrt(max(variance, np.finfo(float).tiny))))


def deflated_sharpe(returns: np.ndarray, trial_sharpes: np.ndarray, *, more_trials: int = 0) -> Deflated:
    """Deflate the Sharpe ratio of the chosen strategy.

    Parameters
    ----------
    returns
        Of the chosen strategy, one a period, shape (periods,).
    trial_sharpes
        Sharpe ratios of all strategies that it was chosen from, itself among them, per period of the same length.
    more_trials
        Tries whose Sharpe ratio is not known, of a search for parameters for instance; they count as well.

    Returns
    -------
    Deflated
        Returns that do not vary, or fewer than three, prove nothing: probability 0.
    """
    trials = len(trial_sharpes) + more_trials
    spread = float(np.std(trial_sharpes, ddof=1)) if len(trial_sharpes) > 1 else 0.0
    sharpe, benchmark = sharpe_ratio(returns), expected_maximum_sharpe(spread, trials)
    if len(returns) < 3 or np.ptp(returns) == 0:
        return Deflated(sharpe, benchmark, 0.0, trials, len(returns))
    shape = float(skew(returns)), float(kurtosis(returns, fisher=False))
    return Deflated(sharpe, benchmark, probabilistic_sharpe(sharpe, benchmark, len(returns), *shape), trials, len(returns))
