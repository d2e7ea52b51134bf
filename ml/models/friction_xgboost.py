"""``friction_xgboost``: what a trade will really cost, in basis points of its notional: fees, spread and slippage, in and out.

Of simulated trades the costs are a formula of the simulator's; a model that learns them learns that formula and nothing of the market.
The card says so. Real fills are learnt from beside them, told apart by a feature, and judged apart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from ml.dataset import Dataset, Source
from ml.methods.contributions import contribution_shares
from ml.methods.value_boosting import ValueBooster, fit_value_booster
from ml.models.friction_judge import judge_friction
from ml.protocol import IMPORTANCE_FILE, Judgement, Predictions
from ml.trades import MARKET_FEATURES, REAL, trade_dataset

COST = "cost"
_BASIS_POINTS = 1e4
#: Not the levels of a trade: measured from the fill, those of a real trade would tell of its slippage.
_FEATURES = [*MARKET_FEATURES, "side", "size", "is_real"]
_QUANTILES = [0.05, 0.5, 0.95]
_BOOSTING = MappingProxyType(
    {
        "objective": "reg:quantileerror",
        "quantile_alpha": _QUANTILES,
        "max_depth": 4,
        "eta": 0.1,
        "min_child_weight": 20.0,
        "subsample": 0.7,
        "tree_method": "hist",
        "max_bin": 64,
    }
)
_ROUNDS = 100
_FILE = "cost.ubj"


@dataclass(frozen=True)
class FrictionXgboost:
    """The model, unfitted."""

    def params(self) -> dict[str, Any]:
        """Settings of the booster."""
        return {**_BOOSTING, "rounds": _ROUNDS, "trials": 1}

    def group(self, label: str, symbol: str) -> str:  # noqa: ARG002 - the judge looks at the parts itself
        """Name the label."""
        return label

    def prepare(self, source: Source) -> Dataset:
        """Rows of trades, real and simulated."""
        data = trade_dataset(source, "friction_xgboost", _FEATURES, {COST: _cost})
        return replace(data, rows=data.rows.assign(is_real=(data.rows["origin"] == REAL).astype(np.float32)))

    def fit(self, known: Dataset, *, seed: int) -> FittedFriction:
        """Fit the middle and a 90 % interval."""
        label = known.labels[COST]["value"]
        taken = label.notna()
        values = _values(known.rows[taken])
        booster = fit_value_booster(
            values, label[taken].to_numpy(np.float64), features=_FEATURES, params=_BOOSTING, rounds=_ROUNDS, seed=seed
        )
        return FittedFriction(booster, {COST: contribution_shares(booster.trees, values, _FEATURES)})

    def load(self, files: Mapping[str, bytes]) -> FittedFriction:
        """Read back what :meth:`FittedFriction.files` gave."""
        return FittedFriction(ValueBooster(files[_FILE]), json.loads(files[IMPORTANCE_FILE]))

    def baselines(self, known: Dataset, data: Dataset) -> Predictions:
        """State the median cost in training, that of the trade's own symbol, and the median of the fees alone."""
        label, symbols = known.labels[COST]["value"], known.rows["symbol"]
        ended = label.notna()
        constant = float(label.median())
        by_symbol = data.rows["symbol"].map(label.groupby(symbols).median()).fillna(constant)
        fees = float((_BASIS_POINTS * known.rows.loc[ended, "fees"]).median())
        return {COST: pd.DataFrame({"constant": constant, "constant a symbol": by_symbol, "fees only": fees}, index=data.rows.index)}

    def judge(self, walk_forward: pd.DataFrame) -> Judgement:
        """See :func:`ml.models.friction_judge.judge_friction`."""
        return judge_friction(walk_forward)


@dataclass(frozen=True)
class FittedFriction:
    """A booster of three quantiles, and the features' shares in what they state."""

    booster: ValueBooster
    importance: dict[str, dict[str, float]] = field(default_factory=dict)

    def predict(self, data: Dataset) -> Predictions:
        """Median cost ``model`` and its 90 % interval ``lower`` to ``upper``, basis points."""
        lower, middle, upper = self.booster.state(_values(data.rows)).T
        return {COST: pd.DataFrame({"model": middle, "lower": lower, "upper": upper}, index=data.rows.index)}

    def files(self) -> dict[str, bytes]:
        """``cost.ubj``, ``importance.json``."""
        return {_FILE: self.booster.trees, IMPORTANCE_FILE: json.dumps(self.importance, indent=1).encode()}


def _cost(rows: pd.DataFrame) -> pd.Series:
    costs: pd.Series = _BASIS_POINTS * rows[["fees", "spread_cost", "slippage"]].sum(axis=1, skipna=False)
    return costs


def _values(rows: pd.DataFrame) -> np.ndarray:
    return rows[_FEATURES].to_numpy(np.float32)
