"""Probability of one event: a formula's logit, calibrated, then corrected by monotone trees."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit

from ml.methods.calibration import Line, fit_line

#: Logits that lie closer together than this say the same of every row.
_SAME = 1e-6


@dataclass(frozen=True)
class ResidualBooster:
    """Trees (an XGBoost model as UBJ) that correct the formula's calibrated logit."""

    start: Line
    features: tuple[str, ...]
    trees: bytes

    def probabilities(self, values: np.ndarray, formula: np.ndarray) -> np.ndarray:
        """Probability a row; null where the formula is.

        Parameters
        ----------
        values
            Shape (rows, features).
        formula
            Logit that the formula gives each row.
        """
        stated = np.full(len(values), np.nan)
        known = np.isfinite(formula)
        if known.any():
            import xgboost

            booster = xgboost.Booster(params={"nthread": 1})
            booster.load_model(bytearray(self.trees))
            matrix = xgboost.DMatrix(values[known], base_margin=self.start(formula[known]), feature_names=list(self.features), nthread=1)
            stated[known] = expit(booster.predict(matrix, output_margin=True).astype(np.float64))
        return stated

    def files(self, name: str) -> dict[str, bytes]:
        """``<name>.json`` and ``<name>.ubj``."""
        facts = {"start": self.start._asdict(), "features": self.features}
        return {f"{name}.json": json.dumps(facts, indent=1).encode(), f"{name}.ubj": self.trees}


def load_residual_booster(files: Mapping[str, bytes], name: str) -> ResidualBooster:
    """Inverse of :meth:`ResidualBooster.files`."""
    facts = json.loads(files[f"{name}.json"])
    return ResidualBooster(Line(**facts["start"]), tuple(facts["features"]), files[f"{name}.ubj"])


def fit_residual_booster(
    values: np.ndarray,
    formula: np.ndarray,
    came: np.ndarray,
    *,
    signs: Mapping[str, int],
    params: Mapping[str, Any],
    rounds: int,
    seed: int,
) -> ResidualBooster:
    """Calibrate the formula, then boost log-loss from there.

    Parameters
    ----------
    values
        Shape (rows, features); nulls are allowed.
    formula
        Logit that the formula gives each row.
    came
        1 where the event came, 0 where it did not; both occur.
    signs
        By feature, in the order of the columns: 1 or -1 where the probability may only rise or only fall with it, else 0.
    params
        Settings of XGBoost; ``max_bin`` among them.
    """
    import xgboost

    start = fit_line(formula, came) if np.ptp(formula) > _SAME else Line(0.0, float(logit(came.mean())))
    if start.slope <= 0:  # the formula knows nothing of this event: then a line would turn its order around
        start = Line(0.0, float(logit(came.mean())))
    names = list(signs)
    matrix = xgboost.QuantileDMatrix(
        values, label=came, base_margin=start(formula), feature_names=names, nthread=1, max_bin=params["max_bin"]
    )
    settings = {
        **params,
        "objective": "binary:logistic",
        "monotone_constraints": tuple(signs.values()),
        "base_score": 0.5,
        "seed": seed,
        "nthread": 1,
        "verbosity": 0,
    }
    trees = bytes(xgboost.train(settings, matrix, num_boost_round=rounds).save_raw("ubj"))
    return ResidualBooster(start, tuple(names), trees)
