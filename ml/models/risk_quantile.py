"""``risk_quantile``: how far a trade goes against its holder at worst, but for one trade in twenty.

The statement is the conditional 95 % quantile of the adverse excursion, learnt by quantile loss in average ranges of the decision.
A stop cuts excursions off, so the distance of the stop stands beside the model: what is no better than that has only read the stop.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from ml.dataset import Dataset, Source
from ml.methods.contributions import contribution_shares
from ml.methods.value_boosting import ValueBooster, fit_value_booster
from ml.models.risk_judge import LEVEL, RANGES, STOP, UNCONDITIONAL, judge_risk
from ml.protocol import IMPORTANCE_FILE, Judgement, Predictions
from ml.trades import TRADE_FEATURES, trade_dataset

EXCURSION = "adverse excursion"
_PERCENT = 100.0
_BOOSTING = MappingProxyType(
    {
        "objective": "reg:quantileerror",
        "quantile_alpha": LEVEL,
        "max_depth": 3,
        "eta": 0.1,
        "subsample": 0.7,
        "tree_method": "hist",
        "max_bin": 64,
    }
)
_ROUNDS = 60
#: Fewest trades of a leaf as a share of all: one in twenty of a leaf decides what it states.
_LEAF_SHARE = 0.05
#: Settings that were compared on the months of the walk-forward before these were taken; the card carries it.
_TRIALS = 3
_FILE = "adverse_excursion.ubj"
_FEATURES = [*TRADE_FEATURES, "stop_distance"]


@dataclass(frozen=True)
class RiskQuantile:
    """The model, unfitted."""

    def params(self) -> dict[str, Any]:
        """Settings of the booster."""
        return {**_BOOSTING, "leaf_share": _LEAF_SHARE, "rounds": _ROUNDS, "trials": _TRIALS}

    def group(self, label: str, symbol: str) -> str:  # noqa: ARG002 - the judge looks at the parts itself
        """Name the label."""
        return label

    def prepare(self, source: Source) -> Dataset:
        """Rows of trades whose excursion is known; real fills hold none."""
        data = trade_dataset(source, "risk_quantile", _FEATURES, {EXCURSION: lambda rows: _PERCENT * rows["adverse_excursion"]})
        # Both factors are known at the decision, in percent of the close that decided.
        data.rows["stop_distance"] = (data.rows["stop_ranges"] * data.rows["natr_14"]).astype(np.float32)
        return data

    def fit(self, known: Dataset, *, seed: int) -> FittedRisk:
        """Fit the quantile."""
        label = known.labels[EXCURSION]["value"]
        taken = label.notna()
        values, worst = _values(known.rows[taken]), (label / _span(known.rows))[taken].to_numpy(np.float64)
        params = {**_BOOSTING, "min_child_weight": _LEAF_SHARE * len(worst)}
        booster = fit_value_booster(values, worst, features=_FEATURES, params=params, rounds=_ROUNDS, seed=seed)
        return FittedRisk(booster, {EXCURSION: contribution_shares(booster.trees, values, _FEATURES)})

    def load(self, files: Mapping[str, bytes]) -> FittedRisk:
        """Read back what :meth:`FittedRisk.files` gave."""
        return FittedRisk(ValueBooster(files[_FILE]), json.loads(files[IMPORTANCE_FILE]))

    def baselines(self, known: Dataset, data: Dataset) -> Predictions:
        """State the quantile in training, in percent and in average ranges, and the distance of the stop."""
        label = known.labels[EXCURSION]["value"]
        everywhere = float(label.quantile(LEVEL))
        ranges = float((label / _span(known.rows)).quantile(LEVEL)) * _span(data.rows)
        lines = {UNCONDITIONAL: everywhere, RANGES: ranges, STOP: data.rows["stop_distance"].fillna(everywhere)}
        return {EXCURSION: pd.DataFrame(lines, index=data.rows.index).astype(np.float64)}

    def judge(self, walk_forward: pd.DataFrame) -> Judgement:
        """See :func:`ml.models.risk_judge.judge_risk`."""
        return judge_risk(walk_forward)


@dataclass(frozen=True)
class FittedRisk:
    """A booster of the quantile, and the features' shares in what it states."""

    booster: ValueBooster
    importance: dict[str, dict[str, float]] = field(default_factory=dict)

    def predict(self, data: Dataset) -> Predictions:
        """Excursion ``model`` in percent that 19 trades of 20 stay within, never negative."""
        stated = np.maximum(self.booster.state(_values(data.rows))[:, 0], 0.0) * _span(data.rows).to_numpy()
        return {EXCURSION: pd.DataFrame({"model": stated}, index=data.rows.index)}

    def files(self) -> dict[str, bytes]:
        """``adverse_excursion.ubj``, ``importance.json``."""
        return {_FILE: self.booster.trees, IMPORTANCE_FILE: json.dumps(self.importance, indent=1).encode()}


def _span(rows: pd.DataFrame) -> pd.Series:
    """Average range in percent of the close that decided; one percent where it is not known."""
    span: pd.Series = rows["natr_14"].astype(np.float64).fillna(1.0)
    return span


def _values(rows: pd.DataFrame) -> np.ndarray:
    return rows[_FEATURES].to_numpy(np.float32)
