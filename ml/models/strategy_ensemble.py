"""``strategy_ensemble``: whether a strategy's next window ends with a profit, by boosted trees, a forest and a logistic regression.

The mean of their logits is calibrated on a later part of the training rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy.special import expit, logit

from ml.dataset import Dataset
from ml.methods.boosting import ClassBooster, continue_class_booster, fit_class_booster, load_class_booster
from ml.methods.calibration import Line, carry_line
from ml.methods.contributions import contribution_shares
from ml.methods.forest import Forest, fit_forest, load_forest
from ml.methods.logistic import PlainLogistic, fit_plain_logistic, load_plain_logistic
from ml.methods.transitions import as_columns, majority
from ml.models.strategy_data import NEXT, StrategyModel, learned, two_columns, two_parts, values
from ml.protocol import IMPORTANCE_FILE, Predictions

_BOOSTING = MappingProxyType({"subsample": 0.7, "colsample_bytree": 0.5, "tree_method": "hist", "max_bin": 64})
#: Least weight of a leaf in rows of training, of the trees and of the forest.
_LEAF_SHARE = 1 / 100
_FOREST_TREES = 100
_MOST_SURE = 4.0  # logit of a member, so that none outvotes the others
_BOOSTER, _FOREST, _LOGISTIC, _FACTS = "boosting", "forest.npz", "logistic.json", "ensemble.json"
#: Trees that an update adds, as a share of those of a full fit.
_UPDATE_SHARE = 0.2


@dataclass(frozen=True)
class StrategyEnsemble(StrategyModel):
    """The model, unfitted.

    ``estimators`` boosted trees a class of ``depth``, each with weight ``rate``; ``penalty`` is the L2 penalty of their leaves.
    """

    estimators: int = 60
    rate: float = 0.03
    depth: int = 2
    penalty: float = 5.0

    def params(self) -> dict[str, Any]:
        """Settings of the members, and what all strategy models have."""
        own = {name: getattr(self, name) for name in ("estimators", "rate", "depth", "penalty")}
        return {**self.question(), **own, **_BOOSTING, "leaf_share": _LEAF_SHARE, "forest_trees": _FOREST_TREES}

    def space(self) -> dict[str, tuple[float, float, bool]]:
        """Parameters to search: lowest, highest, and whether by ratio."""
        return {"estimators": (20, 200, True), "rate": (0.01, 0.2, True), "depth": (1, 4, False), "penalty": (0.5, 50.0, True)}

    def fit(self, known: Dataset, *, seed: int) -> FittedEnsemble:
        """Fit the members on an earlier part to calibrate their mean on the later, then on all."""
        taken, came = learned(known)
        found = values(known.rows[taken], known.features)
        early, late = two_parts(known, taken)
        first, fitted = (self._members(found[part], came[part], known.features, seed) for part in (early, np.ones(len(came), dtype=bool)))
        trees = fitted.booster.trees
        shares = contribution_shares(trees, found.astype(np.float32), known.features) if trees else {}
        line = carry_line(first.logits(found[early]), first.logits(found[late]), came[late], fitted.logits(found))
        return FittedEnsemble(fitted, line, shares)

    def update(self, before: FittedEnsemble, new: Dataset, *, seed: int) -> FittedEnsemble:
        """Let the boosted trees of ``before`` learn from new rows only; all else stays as it was."""
        taken, came = learned(new)
        booster = continue_class_booster(
            before.members.booster,
            values(new.rows[taken], list(before.members.booster.features)).astype(np.float32),
            np.full(len(came), np.nan),
            came,
            params=self._boosting(len(came)),
            rounds=max(int(self.estimators * _UPDATE_SHARE), 1),
            seed=seed,
        )
        return FittedEnsemble(Members(booster, before.members.forest, before.members.logistic), before.line, before.importance)

    def load(self, files: Mapping[str, bytes]) -> FittedEnsemble:
        """Read back what :meth:`FittedEnsemble.files` gave."""
        facts = json.loads(files[_FACTS])
        booster = load_class_booster(files, _BOOSTER)
        forest = load_forest(files[_FOREST]) if _FOREST in files else None
        logistic = load_plain_logistic(files[_LOGISTIC]) if _LOGISTIC in files else None
        return FittedEnsemble(Members(booster, forest, logistic), Line(**facts["line"]), json.loads(files[IMPORTANCE_FILE])[NEXT])

    def _members(self, found: np.ndarray, came: np.ndarray, features: list[str], seed: int) -> Members:
        plain, unknown = found.astype(np.float32), np.full(len(came), np.nan)
        booster = fit_class_booster(
            plain, unknown, came, majority(came, 2), features=features, params=self._boosting(len(came)), rounds=self.estimators, seed=seed
        )
        if booster.trees is None:  # one outcome only
            return Members(booster, None, None)
        leaf = max(int(len(came) * _LEAF_SHARE), 1)
        settings = {"n_estimators": _FOREST_TREES, "max_depth": self.depth + 2, "min_samples_leaf": leaf, "max_features": "sqrt"}
        forest, _ = fit_forest(plain, came, classes=2, params=settings, seed=seed)
        return Members(booster, forest, fit_plain_logistic(found, came))

    def _boosting(self, rows: int) -> dict[str, Any]:
        own = {"max_depth": self.depth, "eta": self.rate, "lambda": self.penalty, "min_child_weight": rows * _LEAF_SHARE * 0.25}
        return {**_BOOSTING, **own}


@dataclass(frozen=True)
class Members:
    """The three that vote; forest and regression are missing where training had one outcome only."""

    booster: ClassBooster
    forest: Forest | None
    logistic: PlainLogistic | None

    def logits(self, found: np.ndarray) -> np.ndarray:
        """Mean logit of a profit; ``found`` has shape (rows, features), finite or null."""
        plain = found.astype(np.float32)
        votes = [self.booster.probabilities(plain, np.full(len(found), np.nan))[:, 1]]
        if self.forest is not None:
            votes.append(self.forest.probabilities(plain)[:, 1])
        stated = [logit(np.clip(vote, expit(-_MOST_SURE), expit(_MOST_SURE))) for vote in votes]
        if self.logistic is not None:
            stated.append(np.clip(self.logistic.logits(found), -_MOST_SURE, _MOST_SURE))
        return np.asarray(np.mean(stated, axis=0))


@dataclass(frozen=True)
class FittedEnsemble:
    """The members, the line that calibrates their mean, and what counts in the trees."""

    members: Members
    line: Line
    importance: dict[str, float] = field(default_factory=dict)

    def predict(self, data: Dataset) -> Predictions:
        """Likelier outcome ``model`` (1: the strategy gets a stake) and probabilities ``p0`` (loss), ``p1`` (profit)."""
        return {NEXT: as_columns("model", self.predict_proba(data), data.rows.index)}

    def predict_proba(self, data: Dataset) -> np.ndarray:
        """Probabilities of loss and profit, shape (rows, 2)."""
        found = values(data.rows, list(self.members.booster.features))
        return two_columns(expit(self.line(self.members.logits(found))))

    def files(self) -> dict[str, bytes]:
        """``boosting.json``, ``.ubj``, ``forest.npz``, ``logistic.json``, ``ensemble.json`` and ``importance.json``."""
        stored = {
            **self.members.booster.files(_BOOSTER),
            _FACTS: json.dumps({"line": self.line._asdict()}, indent=1).encode(),
            IMPORTANCE_FILE: json.dumps({NEXT: self.importance}, indent=1).encode(),
        }
        if self.members.forest is not None:
            stored[_FOREST] = self.members.forest.to_bytes()
        if self.members.logistic is not None:
            stored[_LOGISTIC] = self.members.logistic.to_json()
        return stored
