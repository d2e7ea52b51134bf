"""Calibration of probabilities of one event on its logit (Platt 1999)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_FEWEST = 50


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


def fit_cautious_line(logits: np.ndarray, came: np.ndarray) -> Line:
    """As :func:`fit_line`, but never one that turns the order around, and one that states the share of the event where nothing can be told.

    That is where there are fewer than 50 rows, one outcome only, or logits that are all equal.
    """
    share = (came.sum() + 1.0) / (len(came) + 2.0)
    constant = Line(0.0, float(np.log(share / (1.0 - share))))
    if len(came) < _FEWEST or np.ptp(came) == 0 or np.ptp(logits) == 0:
        return constant
    line = fit_line(logits, came)
    return line if line.slope > 0 else constant


def carry_line(learnt: np.ndarray, judged: np.ndarray, came: np.ndarray, final: np.ndarray) -> Line:
    """Calibrate a model by what an earlier one, which saw less, was worth on later rows.

    The two need not be equally sure of themselves, so what is carried over counts in standard deviations of their own logits.

    Parameters
    ----------
    learnt, judged
        Logits of the earlier model, of the rows that it learnt from, and of later ones.
    came
        1 where the event came on the later rows, 0 where it did not.
    final
        Logits of the model to be calibrated, of the rows that it learnt from.
    """
    if np.ptp(learnt) == 0 or np.ptp(final) == 0:
        return fit_cautious_line(np.zeros(len(came)), came)
    line = fit_cautious_line((judged - np.mean(learnt)) / np.std(learnt), came)
    slope = line.slope / float(np.std(final))
    return Line(slope, line.intercept - slope * float(np.mean(final)))
