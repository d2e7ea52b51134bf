"""Class probabilities by logistic regression on standardised columns: the plain baseline of a classifier."""

from __future__ import annotations

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

_STRENGTH = 0.01  # of the inverse penalty: weak signals need a strong hand


def fit_logistic(values: np.ndarray, codes: np.ndarray) -> Pipeline:
    """Fit on values of shape (rows, columns), nulls allowed (taken as the column's mean), and the class of each row."""
    pipeline = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression(C=_STRENGTH, max_iter=200))
    return pipeline.fit(values.astype(np.float64), codes)


def logistic_probabilities(pipeline: Pipeline, values: np.ndarray, classes: int) -> np.ndarray:
    """Shape (rows, classes); a class that training lacked gets 0."""
    stated = np.zeros((len(values), classes))
    stated[:, pipeline.classes_.astype(int)] = pipeline.predict_proba(values.astype(np.float64))
    return stated
