"""What each feature contributes to what trees state: mean size of its contributions (exact SHAP values, Lundberg et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_ROWS = 2000


def contribution_shares(trees: bytes, values: np.ndarray, features: list[str]) -> dict[str, float]:
    """Share of each feature in all contributions, largest first; they add up to 1, or are all 0 where no tree splits.

    Parameters
    ----------
    trees
        An XGBoost model as UBJ.
    values
        Shape (rows, features), those it was fitted on; about 2000, evenly spread, are looked at.
    """
    import xgboost

    booster = xgboost.Booster(params={"nthread": 1})
    booster.load_model(bytearray(trees))
    some = values[:: max(1, len(values) // _ROWS)]
    found = np.abs(booster.predict(xgboost.DMatrix(some, feature_names=features, nthread=1), pred_contribs=True))
    return as_shares(found.reshape(-1, len(features) + 1)[:, :-1].mean(axis=0, dtype=np.float64), features)


def as_shares(sizes: np.ndarray, features: Sequence[str]) -> dict[str, float]:
    """Share of each feature in the sum of ``sizes``, largest first; all 0 where they are."""
    shares = sizes / (sizes.sum() or 1.0)
    return {features[place]: float(shares[place]) for place in np.argsort(-shares, kind="stable")}
