"""Conditional variance of daily returns: GARCH by maximum likelihood (package ``arch``), EWMA, one recursion for all.

Inside, returns are in percent, as the optimiser needs them; outside, they are fractions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

PERCENT = 100.0
_EWMA_DECAY = 0.94
_EWMA_START = 20
_RECENT = 19


@dataclass(frozen=True)
class State:
    """Where a recursion stands after its last return.

    ``variance`` is that of the next day (percent squared), ``recent`` the last 19 returns (fractions, oldest first),
    ``timestamp`` the last bar's opening (ISO, UTC).
    """

    timestamp: str
    variance: float
    recent: tuple[float | None, ...]


@dataclass(frozen=True)
class Variance:
    """h(t+1) = omega + (alpha + gamma [e(t) < 0]) e(t)^2 + beta h(t), with e = 100 r - mean.

    ``degrees`` are those of the Student-t innovations, None for normal ones; ``initial`` is h of the first return.
    """

    kind: str
    mean: float
    omega: float
    alpha: float
    gamma: float
    beta: float
    degrees: float | None
    initial: float
    log_likelihood: float | None = None

    @property
    def persistence(self) -> float:
        """How much of a variance is left a day later, in expectation."""
        return self.alpha + self.gamma / 2 + self.beta

    def next_variances(self, returns: np.ndarray, start: float | None = None) -> np.ndarray:
        """Compute the one-day-ahead variance after each return, percent squared.

        ``start`` is h of the first return (default: the fitted one). A null return leaves the expectation: its square
        is taken as its variance.
        """
        residuals = returns * PERCENT - self.mean
        variance = self.initial if start is None else start
        following = np.empty(len(residuals))
        for place, residual in enumerate(residuals.tolist()):
            if math.isnan(residual):
                variance = self.omega + self.persistence * variance
            else:
                weight = self.alpha + self.gamma if residual < 0 else self.alpha
                variance = self.omega + weight * residual * residual + self.beta * variance
            following[place] = variance
        return following

    def mean_variance(self, variances: np.ndarray, days: int) -> np.ndarray:
        """Compute the expected mean variance of the next ``days`` days, given h(t+1), percent squared."""
        powers = self.persistence ** np.arange(days)
        constants = np.concatenate([[0.0], np.cumsum(powers)[:-1]]) * self.omega
        return np.asarray(variances * powers.mean() + constants.mean())


def fit_garch(returns: np.ndarray, *, asymmetric: bool) -> Variance | None:
    """GJR-GARCH(1,1) with Student-t innovations, or plain GARCH(1,1) with normal ones; both with a constant mean.

    Parameters
    ----------
    returns
        Simple daily returns as fractions, without nulls.

    Returns
    -------
    Variance or None
        None where the optimiser does not converge or the variance would grow without bound.
    """
    from arch import arch_model

    percent = returns * PERCENT
    model = arch_model(
        percent,
        mean="Constant",
        vol="GARCH",
        p=1,
        o=int(asymmetric),
        q=1,
        dist="t" if asymmetric else "normal",
        rescale=False,
    )
    result = model.fit(disp="off", show_warning=False)
    found = result.params
    fitted = Variance(
        kind="gjr-garch-t" if asymmetric else "garch",
        mean=float(found["mu"]),
        omega=float(found["omega"]),
        alpha=float(found["alpha[1]"]),
        gamma=float(found.get("gamma[1]", 0.0)),
        beta=float(found["beta[1]"]),
        degrees=float(found["nu"]) if asymmetric else None,
        initial=0.0,
        log_likelihood=float(result.loglikelihood),
    )
    if result.convergence_flag != 0 or not np.isfinite(found).all() or fitted.persistence >= 1:
        return None
    backcast = float(model.volatility.backcast(percent - percent.mean()))
    return replace(fitted, initial=fitted.omega + fitted.persistence * backcast)


def ewma(returns: np.ndarray) -> Variance:
    """Exponentially weighted variance with decay .94 (RiskMetrics 1996), started from the first 20 returns."""
    start = float(np.mean((returns[:_EWMA_START] * PERCENT) ** 2))
    return Variance("ewma", 0.0, 0.0, 1 - _EWMA_DECAY, 0.0, _EWMA_DECAY, None, start)


def fit_best(returns: np.ndarray) -> Variance:
    """Fit the first of GJR-GARCH-t, GARCH and EWMA that can be; its ``kind`` says which."""
    return fit_garch(returns, asymmetric=True) or fit_garch(returns, asymmetric=False) or ewma(returns)


def state_after(variance: Variance, returns: np.ndarray, timestamp: str) -> State:
    """State of the recursion after ``returns`` (fractions)."""
    recent = tuple(None if math.isnan(value) else value for value in returns[-_RECENT:].tolist())
    return State(timestamp, float(variance.next_variances(returns)[-1]), recent)
