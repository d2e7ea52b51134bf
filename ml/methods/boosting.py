"""Class probabilities by gradient boosting that starts from simple ones; training may lack some of the classes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ml.methods.transitions import Transitions


@dataclass(frozen=True)
class ClassBooster:
    """Trees that correct ``start`` for the classes ``present`` in training.

    ``trees`` is an XGBoost model as UBJ, None where training had one class only.
    """

    start: Transitions
    present: tuple[int, ...]
    features: tuple[str, ...]
    trees: bytes | None

    def probabilities(self, values: np.ndarray, current: np.ndarray) -> np.ndarray:
        """Probabilities of all classes, shape (rows, classes); each row sums to 1.

        Classes that training lacked keep what ``start`` gives them.

        Parameters
        ----------
        values
            Shape (rows, features), nulls allowed.
        current
            Class at each row, null where it is not known.
        """
        stated = self.start.probabilities(current)
        if self.trees is None or not len(values):
            return stated
        import xgboost

        booster = xgboost.Booster(params={"nthread": 1})
        booster.load_model(bytearray(self.trees))
        seen = list(self.present)
        matrix = xgboost.DMatrix(values, base_margin=np.log(stated[:, seen]), feature_names=list(self.features), nthread=1)
        found = booster.predict(matrix).astype(np.float64)
        absent = [code for code in range(stated.shape[1]) if code not in self.present]
        left = 1.0 - stated[:, absent].sum(axis=1, keepdims=True)
        stated[:, seen] = found / found.sum(axis=1, keepdims=True) * left
        return stated

    def files(self, name: str) -> dict[str, bytes]:
        """``<name>.json`` and, where there are trees, ``<name>.ubj``."""
        facts = {"start": asdict(self.start), "present": self.present, "features": self.features}
        stored = {f"{name}.json": json.dumps(facts, indent=1).encode()}
        return stored if self.trees is None else {**stored, f"{name}.ubj": self.trees}


def load_class_booster(files: Mapping[str, bytes], name: str) -> ClassBooster:
    """Inverse of :meth:`ClassBooster.files`."""
    facts = json.loads(files[f"{name}.json"])
    start = Transitions(tuple(tuple(row) for row in facts["start"]["matrix"]), tuple(facts["start"]["shares"]))
    return ClassBooster(start, tuple(facts["present"]), tuple(facts["features"]), files.get(f"{name}.ubj"))


def fit_class_booster(
    values: np.ndarray,
    now: np.ndarray,
    later: np.ndarray,
    start: Transitions,
    *,
    features: list[str],
    params: Mapping[str, Any],
    rounds: int,
    seed: int,
) -> ClassBooster:
    """Boost multi-class log-loss from ``start``.

    Parameters
    ----------
    values
        Shape (rows, features); nulls are allowed.
    now, later
        Class at each row (null where not known) and the class to state.
    params
        Settings of XGBoost; ``max_bin`` among them.
    """
    # XGBoost takes codes without gaps only: the classes that are there are numbered anew.
    present, places = np.unique(later.astype(int), return_inverse=True)
    trees = None
    if len(present) > 1:
        margin = np.log(start.probabilities(now)[:, present])
        trees = _boost(values, places, margin, features=features, params=params, rounds=rounds, seed=seed)
    return ClassBooster(start, tuple(int(code) for code in present), tuple(features), trees)


def further_rounds(rounds: int) -> int:
    """Trees to add where an earlier fit of so many goes on: a tenth, at least one."""
    return max(1, rounds // 10)


def continue_class_booster(
    booster: ClassBooster, values: np.ndarray, now: np.ndarray, later: np.ndarray, *, params: Mapping[str, Any], rounds: int, seed: int
) -> ClassBooster:
    """Add ``rounds`` of trees that learn from new rows only; rows of a class that ``booster`` never saw are left out.

    Parameters
    ----------
    values, now, later, params
        As in :func:`fit_class_booster`, of the new rows.
    """
    present = np.array(booster.present)
    known = np.isin(later.astype(int), present)
    if booster.trees is None or not known.any():
        return booster
    margin = np.log(booster.start.probabilities(now[known])[:, present])
    places = np.searchsorted(present, later[known].astype(int))
    features = list(booster.features)
    trees = _boost(values[known], places, margin, features=features, params=params, rounds=rounds, seed=seed, before=booster.trees)
    return replace(booster, trees=trees)


def _boost(
    values: np.ndarray,
    places: np.ndarray,
    margin: np.ndarray,
    *,
    features: list[str],
    params: Mapping[str, Any],
    rounds: int,
    seed: int,
    before: bytes | None = None,
) -> bytes:
    import xgboost

    matrix = xgboost.QuantileDMatrix(values, label=places, base_margin=margin, feature_names=features, nthread=1, max_bin=params["max_bin"])
    settings = {
        **params,
        "objective": "multi:softprob",
        "num_class": margin.shape[1],
        "seed": seed,
        "nthread": 1,
        "verbosity": 0,
    }
    former = None if before is None else xgboost.Booster(params={"nthread": 1})
    if former is not None:
        former.load_model(bytearray(before or b""))
    return bytes(xgboost.train(settings, matrix, num_boost_round=rounds, xgb_model=former).save_raw("ubj"))
