"""Checks for labels that need no forecast."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from include.errors import ModelError

#: What a forest may reach on shuffled folds; a random split leaks, but gives .68 on honest labels.
FUNCTION_LINE = 0.95
_FOLDS = 3
_ROWS = 4000
_FEWEST_OF_A_CLASS = 20


def refuse_function(values: np.ndarray, came: np.ndarray) -> None:
    """Refuse labels that are a function of the features.

    A forest reads each label from the features of other rows, on shuffled folds. That is far too easy for an honest label, so one that
    it finds nearly always is computed from the features, or has one of them computed from it.

    Parameters
    ----------
    values
        Shape (rows, features), finite or null.
    came
        1 or 0, null: no label.

    Raises
    ------
    ModelError
        If the AUC is above 0.95.
    """
    there = np.flatnonzero(np.isfinite(came))
    some = there[np.linspace(0, len(there) - 1, min(len(there), _ROWS)).astype(int)] if len(there) else there
    label = came[some].astype(int)
    if np.bincount(label, minlength=2).min() < _FEWEST_OF_A_CLASS:
        return
    forest = RandomForestClassifier(n_estimators=50, min_samples_leaf=5, random_state=0, n_jobs=1)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    stated = cross_val_predict(forest, values[some], label, cv=folds, method="predict_proba")[:, 1]
    auc = float(roc_auc_score(label, stated))
    if auc > FUNCTION_LINE:
        raise ModelError(
            f"the label is a function of the features: a forest on shuffled rows reads it with an AUC of {auc:.3f}; "
            "look for what the label is made of among the features before training again"
        )
