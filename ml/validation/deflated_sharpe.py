"""The deflated Sharpe ratio: how probably a Sharpe ratio is above what the best of so many tries has by luck alone.

Bailey and Lopez de Prado 2014, but for one thing: they take the spread of luck from the Sharpe ratios of the trials, which holds where no
trial has skill. Here it comes from the null itself, so that what stands beside a strategy changes nothing but the number of tries
(docs/adr/0013).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import kurtosis, norm, skew

#: A deflated Sharpe ratio above this is taken for skill.
ACCEPTED = 0.95
_EULER = 0.5772156649015329


class Deflated(NamedTuple):
    """All but the last three per period, not annualised; ``probability`` is the deflated Sharpe ratio.

    ``luck`` is what a strategy without skill has on average, ``spread`` how much by chance (a standard deviation), and
    ``expected_maximum`` what the best of so many trials without skill has on average.
    """

    sharpe: float
    luck: float
    spread: float
    expected_maximum: float
    probability: float
    trials: int
    periods: int


def sharpe_ratio(returns: np.ndarray) -> float:
    """Mean by standard deviation (divisor n - 1) of returns a period; 0 where they do not vary."""
    return float(sharpe_ratios(np.asarray(returns, dtype=np.float64)[None, :])[0]) if len(returns) > 1 else 0.0


def sharpe_ratios(returns: np.ndarray) -> np.ndarray:
    """Sharpe ratio of each row of returns, shape (strategies, periods); see :func:`sharpe_ratio`."""
    spread = np.std(returns, axis=1, ddof=1)
    return np.asarray(np.divide(returns.mean(axis=1), spread, out=np.zeros(len(returns)), where=spread > 0))


def expected_maximum_sharpe(spread: float, trials: int) -> float:
    """Sharpe ratio that the best of ``trials`` strategies without skill has on average (Bailey and Lopez de Prado 2014, equation 1).

    Parameters
    ----------
    spread
        Standard deviation of the Sharpe ratio of a strategy without skill, per period.
    trials
        Everything that was tried, also what was thrown away; 1: nothing was chosen, so 0.
    """
    if trials < 2:
        return 0.0
    high, higher = norm.ppf(1.0 - 1.0 / trials), norm.ppf(1.0 - 1.0 / (trials * np.e))
    return float(spread * ((1.0 - _EULER) * high + _EULER * higher))


def sharpe_error(sharpe: float, periods: int, skewness: float, kurtosis_: float) -> float:
    """Standard error of a Sharpe ratio of independent returns (Mertens 2002); all per period, kurtosis 3 for a normal.

    Without skill, where it is 0, skewness and kurtosis fall out and ``1 / sqrt(periods - 1)`` is left (Lo 2002).
    """
    variance = 1.0 - skewness * sharpe + (kurtosis_ - 1.0) / 4.0 * sharpe**2
    return float(np.sqrt(max(variance, np.finfo(float).tiny) / (periods - 1)))


def deflated_sharpe(returns: np.ndarray, trials: int, *, without_skill: np.ndarray | None = None) -> Deflated:
    """Deflate the Sharpe ratio of the chosen strategy.

    Parameters
    ----------
    returns
        Of the chosen strategy, one a period, shape (periods,).
    trials
        How many it was chosen from, itself among them: strategies, also those that never traded, and trials of a search. All count,
        however alike they are: to count fewer would loosen it.
    without_skill
        Sharpe ratios of the strategy's random twins over the same periods. Their mean is what its place in the market earns without
        skill, their spread holds trades that stand side by side. None: luck is 0 on average. Neither may loosen: a mean below 0
        counts as 0, a spread below that of independent returns as that one.

    Returns
    -------
    Deflated
        Returns that do not vary, or fewer than three, prove nothing: probability 0.
    """
    periods, sharpe = len(returns), sharpe_ratio(returns)
    luck, spread = 0.0, 1.0 / np.sqrt(max(periods - 1, 1))
    if without_skill is not None:
        luck, spread = max(luck, float(without_skill.mean())), max(spread, float(without_skill.std(ddof=1)))
    benchmark = luck + expected_maximum_sharpe(spread, trials)
    probability = 0.0
    if periods >= 3 and np.ptp(returns) > 0:
        error = max(spread, sharpe_error(sharpe, periods, float(skew(returns)), float(kurtosis(returns, fisher=False))))
        probability = float(norm.cdf((sharpe - benchmark) / error))
    return Deflated(sharpe, luck, float(spread), benchmark, probability, trials, periods)
