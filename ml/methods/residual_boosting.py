"""Probability of one event: a formula's logit, calibrated, then corrected by monotone trees."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
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
    start = fit_line(formula, came) if np.ptp(formula) > _SAME else Line(0.0, float(logit(came.mean())))
    if start.slope <= 0:  # the formula knows nothing of this event: then a line would turn its order around
        start = Line(0.0, float(logit(came.mean())))
    names = list(signs)
    matrix = _matrix(values, came, start(formula), names, params)
    return ResidualBooster(start, tuple(names), _boost(matrix, signs, params, rounds, seed))


def continue_residual_booster(
    former: ResidualBooster,
    values: np.ndarray,
    formula: np.ndarray,
    came: np.ndarray,
    *,
    signs: Mapping[str, int],
    params: Mapping[str, Any],
    rounds: int,
    seed: int,
) -> ResidualBooster:
    """Add ``rounds`` to a booster, fitted to new rows; the calibration stays. Parameters as in :func:`fit_residual_booster`."""
    matrix = _matrix(values, came, former.start(formula), list(former.features), params)
    return replace(former, trees=_boost(matrix, signs, params, rounds, seed, former.trees))


def _matrix(values: np.ndarray, came: np.ndarray, margin: np.ndarray, features: list[str], params: Mapping[str, Any]) -> Any:
    import xgboost

    return xgboost.QuantileDMatrix(values, label=came, base_margin=margin, feature_names=features, nthread=1, max_bin=params["max_bin"])


def _boost(matrix: Any, signs: Mapping[str, int], params: Mapping[str, Any], rounds: int, seed: int, before: bytes | None = None) -> bytes:
    import xgboost

    settings = {
        **params,
        "objective": "binary:logistic",
        "monotone_constraints": tuple(signs.values()),
        "base_score": 0.5,
        "seed": seed,
        "nthread": 1,
        "verbosity": 0,
    }
    model = bytearray(before) if before else None
    return bytes(xgboost.train(settings, matrix, num_boost_round=rounds, xgb_model=model).save_raw("ubj"))
