"""Probability that a price without drift touches a level, in closed form, and the volatility that goes into it."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, log_ndtr, logit

SESSIONS_A_YEAR = 252.0
#: Beyond these a formula is surer than any number of options could show.
_LEAST, _MOST = 1e-3, 1.0 - 1e-3


def touch_logit(barrier: np.ndarray, volatility: np.ndarray, sessions: np.ndarray) -> np.ndarray:
    """Logit of P = 2 N(-b / (s sqrt(T))), the reflection principle for a logarithm without drift; kept within P .001 to .999.

    Parameters
    ----------
    barrier
        b, distance of the level in logarithms: the size of ln(level / price).
    volatility
        s, yearly, as a fraction.
    sessions
        252 T, trading days that are left.

    Returns
    -------
    numpy.ndarray
        Null where an input is.
    """
    deviations = np.abs(barrier) / (volatility * np.sqrt(sessions / SESSIONS_A_YEAR))
    return np.asarray(logit(np.clip(2.0 * np.exp(log_ndtr(-deviations)), _LEAST, _MOST)))


def touch_probability(barrier: np.ndarray, volatility: np.ndarray, sessions: np.ndarray) -> np.ndarray:
    """The same as a probability."""
    return np.asarray(expit(touch_logit(barrier, volatility, sessions)))
