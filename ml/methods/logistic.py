"""Class probabilities by logistic regression on standardised columns: the plain baseline of a classifier."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from ml.methods.linear import weighted_sum

_STRENGTH = 0.01  # of the inverse penalty: weak signals need a strong hand


def fit_logistic(values: np.ndarray, codes: np.ndarray) -> Pipeline:
    """Fit on values of shape (rows, columns), nulls allowed (taken as the column's mean), and the class of each row."""
    return _pipeline(_STRENGTH).fit(values.astype(np.float64), codes)


def logistic_probabilities(pipeline: Pipeline, values: np.ndarray, classes: int) -> np.ndarray:
    """Shape (rows, classes); a class that training lacked gets 0."""
    stated = np.zeros((len(values), classes))
    stated[:, pipeline.classes_.astype(int)] = pipeline.predict_proba(values.astype(np.float64))
    return stated


@dataclass(frozen=True)
class PlainLogistic:
    """A fitted regression of one event as numbers: ``means`` stand for nulls, ``weights`` are by column, in its own unit."""

    means: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float

    def logits(self, values: np.ndarray) -> np.ndarray:
        """Logit of the event a row; ``values`` has shape (rows, columns), nulls allowed."""
        filled = np.where(np.isfinite(values), values, np.array(self.means))
        return weighted_sum(filled, self.weights) + self.intercept

    def to_json(self) -> bytes:
        """Write it; equal regressions give equal bytes."""
        return json.dumps({"means": self.means, "weights": self.weights, "intercept": self.intercept}, indent=1).encode()


def load_plain_logistic(content: bytes) -> PlainLogistic:
    """Inverse of :meth:`PlainLogistic.to_json`."""
    facts = json.loads(content)
    return PlainLogistic(tuple(facts["means"]), tuple(facts["weights"]), facts["intercept"])


def fit_plain_logistic(values: np.ndarray, came: np.ndarray, *, strength: float = _STRENGTH) -> PlainLogistic:
    """Fit on values of shape (rows, columns), nulls allowed, and 1 where the event came, else 0; both occur.

    ``strength`` is the inverse of the penalty.
    """
    pipeline = _pipeline(strength).fit(_finite(values), came)
    imputer, scaler, regression = (step for _, step in pipeline.steps)
    weights = regression.coef_[0] / scaler.scale_
    intercept = float(regression.intercept_[0] - weights @ scaler.mean_)
    return PlainLogistic(tuple(imputer.statistics_.tolist()), tuple(weights.tolist()), intercept)


def _pipeline(strength: float) -> Pipeline:
    return make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression(C=strength, max_iter=200))


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, np.nan).astype(np.float64)
