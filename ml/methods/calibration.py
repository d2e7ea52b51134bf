"""Calibration of probabilities of one event on its logit (Platt 1999)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Line(NamedTuple):
    """Logit of the calibrated probability = intercept + slope x logit of the stated one; (1, 0) leaves all as it is."""

    slope: float
    intercept: float

    def __call__(self, logits: np.ndarray) -> np.ndarray:
        """Logits of the calibrated probabilities."""
        return self.intercept + self.slope * logits


def fit_line(logits: np.ndarray, came: np.ndarray) -> Line:
    """Find the likeliest line.

    Parameters
    ----------
    logits
        Logits of the stated probabilities, not all equal.
    came
        1 where the event came, 0 where it did not; both occur.
    """
    from sklearn.linear_model import LogisticRegression

    found = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-8).fit(logits[:, None], came)
    return Line(float(found.coef_[0, 0]), float(found.intercept_[0]))
