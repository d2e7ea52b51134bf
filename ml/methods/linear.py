"""Linear regression: shrunk towards zero to forecast, by least squares with HAC errors to see what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler
from statsmodels.api import OLS, add_constant

_INTERVAL = (0.05, 0.95)


@dataclass(frozen=True)
class LinearFit:
    """One regression on columns in their own units.

    ``coefficients`` and ``intercept`` forecast; ``least_squares`` are the unshrunk coefficients, ``hac_errors`` their standard
    errors; ``residuals`` are the 5 % and 95 % quantile of what was left in training.
    """

    columns: tuple[str, ...]
    intercept: float
    coefficients: tuple[float, ...]
    least_squares: tuple[float, ...]
    hac_errors: tuple[float, ...]
    residuals: tuple[float, float]
    mean: float
    rows: int
    r2: float

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """State each row of ``values`` (rows, columns)."""
        return self.intercept + weighted_sum(values, self.coefficients)


def weighted_sum(values: np.ndarray, weights: Sequence[float]) -> np.ndarray:
    """Sum of each row of ``values`` (rows, columns), weighted by column; the same bits whatever rows stand beside it.

    A product of matrices adds in an order that depends on the number of rows and where they lie in memory.
    """
    summed = np.zeros(len(values))
    for place, weight in enumerate(weights):
        summed += values[:, place] * weight
    return summed


def fit_linear(values: np.ndarray, target: np.ndarray, columns: list[str], *, penalty: float, lags: int) -> LinearFit:
    """Fit on rows without nulls.

    Parameters
    ----------
    values, target
        Shapes (rows, columns) and (rows,).
    penalty
        Ridge penalty a row on standardised columns: with 1, a column that is uncorrelated with the others is halved; 0 is
        least squares.
    lags
        Of Newey and West's (1987) covariance; labels over h rows overlap over h - 1.
    """
    scaler = StandardScaler().fit(values)
    ridge = Ridge(alpha=penalty * len(target), solver="svd").fit(scaler.transform(values), target)
    coefficients = ridge.coef_ / scaler.scale_
    plain = OLS(target, add_constant(values, has_constant="add")).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
    left = target - (ridge.intercept_ + scaler.transform(values) @ ridge.coef_)
    low, high = np.quantile(left, _INTERVAL)
    return LinearFit(
        tuple(columns),
        float(ridge.intercept_ - coefficients @ scaler.mean_),
        tuple(map(float, coefficients)),
        tuple(map(float, plain.params[1:])),
        tuple(map(float, plain.bse[1:])),
        (float(low), float(high)),
        float(target.mean()),
        len(target),
        float(plain.rsquared),
    )
