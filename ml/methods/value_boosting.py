"""A number, or quantiles of it, by gradient boosting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class ValueBooster:
    """Trees (an XGBoost model as UBJ, which holds the names of its features)."""

    trees: bytes

    def state(self, values: np.ndarray) -> np.ndarray:
        """Shape (rows, outputs): one output, or one a quantile, rising.

        Parameters
        ----------
        values
            Shape (rows, features), as in training; nulls are allowed.
        """
        import xgboost

        booster = xgboost.Booster(params={"nthread": 1})
        booster.load_model(bytearray(self.trees))
        matrix = xgboost.DMatrix(values, feature_names=booster.feature_names, nthread=1)
        stated = booster.predict(matrix).astype(np.float64).reshape(len(values), -1)
        return np.sort(stated, axis=1)  # trees of different quantiles know nothing of each other and may cross


def fit_value_booster(
    values: np.ndarray,
    target: np.ndarray,
    *,
    features: list[str],
    params: Mapping[str, Any],
    rounds: int,
    seed: int,
) -> ValueBooster:
    """Boost the loss that ``params`` names.

    Parameters
    ----------
    values
        Shape (rows, features); nulls are allowed.
    target
        The numbers to state, without nulls.
    params
        Settings of XGBoost; ``objective`` (``reg:squarederror``, or ``reg:quantileerror`` with ``quantile_alpha``) and ``max_bin``
        among them.
    """
    import xgboost

    matrix = xgboost.QuantileDMatrix(values, label=target, feature_names=features, nthread=1, max_bin=params["max_bin"])
    settings = {**params, "seed": seed, "nthread": 1, "verbosity": 0}
    return ValueBooster(bytes(xgboost.train(settings, matrix, num_boost_round=rounds).save_raw("ubj")))
