"""Metrics on the probability of one event; each takes what came (1 or 0) and what was stated, arrays of equal length without nulls."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import logit

from ml.methods.calibration import Line, fit_line
from ml.validation.metrics import SMALLEST_PROBABILITY

_BINS = 10


def brier(came: np.ndarray, stated: np.ndarray) -> float:
    """Mean squared difference of probability and outcome (Brier 1950)."""
    return float(np.mean((stated - came) ** 2))


def log_loss(came: np.ndarray, stated: np.ndarray) -> float:
    """Mean of minus the logarithm of the probability that what came was given."""
    given = np.where(came == 1, stated, 1.0 - stated)
    return float(-np.log(np.clip(given, SMALLEST_PROBABILITY, 1.0)).mean())


def auc_within(came: np.ndarray, stated: np.ndarray, strata: np.ndarray) -> float | None:
    """How often an event got a higher probability than a non-event of the same stratum (ties half); None without such a pair.

    It is the area under the ROC curve (Hanley and McNeil 1982) of each stratum, weighted by its pairs: what merely tells strata
    apart counts nothing.
    """
    won = pairs = 0.0
    for _, part in pd.DataFrame({"came": came, "rank": stated}).groupby(strata):
        events = int(part["came"].sum())
        here = events * (len(part) - events)
        if here:
            ranks = part["rank"].rank().to_numpy()
            won += ranks[part["came"].to_numpy() == 1].sum() - events * (events + 1) / 2
            pairs += here
    return float(won / pairs) if pairs else None


def calibration_error(came: np.ndarray, stated: np.ndarray) -> float:
    """Mean gap between the stated probability and how often the event came, over ten bins of equal width."""
    place = np.minimum((stated * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(place, weights=stated - came, minlength=_BINS)
    return float(np.abs(gaps).sum() / len(came))


def calibration_line(came: np.ndarray, stated: np.ndarray) -> Line | None:
    """Slope and intercept that would calibrate the logits (1 and 0: they are); None where one outcome or one probability came only."""
    if np.ptp(came) == 0 or np.ptp(stated) == 0:
        return None
    return fit_line(logit(np.clip(stated, SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY)), came)
