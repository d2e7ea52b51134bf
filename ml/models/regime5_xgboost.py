"""``regime5_xgboost``: which of five regimes rules the market today, and 1, 5 and 21 sessions from now.

Today's regime is a rule over the features, so stating it proves nothing; the product are the three forecasts. There is
one booster a horizon; ahead it starts from how today's regime usually moves on and learns what the features say beyond.
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
from ml.labels.regime5 import REGIMES, regime5
from ml.methods.boosting import ClassBooster, continue_class_booster, fit_class_booster, further_rounds, load_class_booster
from ml.methods.contributions import contribution_shares
from ml.methods.transitions import as_columns
from ml.models.regime_data import HORIZONS, known_today, pairs, regime_baselines, regime_dataset, start
from ml.models.regime_judge import LeakLines, judge_regimes
from ml.protocol import IMPORTANCE_FILE, Judgement, Predictions

_MARKET_FEATURES = (
    "return_5",
    "return_20",
    "return_60",
    "close_to_sma_50",
    "sma_50_to_200",
    "rsi_14",
    "volatility_20",
    "volatility_60",
    "volume_ratio_20",
)
LEAK_LINES = LeakLines("regime5")
#: Trees a class by sessions ahead: the farther, the fewer independent rows there are to learn from.
_ROUNDS = MappingProxyType({0: 150, 1: 80, 5: 60, 21: 20})
#: Settings that were compared on the years of the walk-forward before these were taken; the card carries it.
_TRIALS = 9
_BOOSTING = MappingProxyType(
    {
        "max_depth": 3,
        "eta": 0.05,
        "subsample": 0.7,
        "colsample_bytree": 0.5,
        "min_child_weight": 2.0,
        "lambda": 5.0,
        "tree_method": "hist",
        "max_bin": 64,
    }
)


@dataclass(frozen=True)
class Regime5Xgboost:
    """The model, unfitted."""

    def params(self) -> dict[str, Any]:
        """Settings of the boosters, trees by horizon, and the names of the codes."""
        return {
            **_BOOSTING,
            "rounds": {str(sessions): trees for sessions, trees in _ROUNDS.items()},
            "classes": list(REGIMES),
            "trials": _TRIALS,
        }

    def group(self, label: str, symbol: str) -> str:  # noqa: ARG002 - one market only
        """Name the horizon."""
        return label

    def prepare(self, source: Source) -> Dataset:
        """Rows of the market from its first known regime on, with ^VIX as it was known at each row's decision."""
        return regime_dataset(source, "regime5_xgboost", _MARKET_FEATURES, _rule)

    def fit(self, known: Dataset, *, seed: int) -> FittedRegimes:
        """Fit one booster a horizon."""
        today, boosters, importance = known_today(known.rows, _rule), {}, {}
        for name, sessions in HORIZONS.items():
            now, later, taken = pairs(today, known.labels[name])
            values = known.rows.loc[taken, known.features].to_numpy(np.float32)
            boosters[name] = fit_class_booster(
                values,
                now,
                later,
                start(name, now, later, len(REGIMES)),
                features=known.features,
                params=_BOOSTING,
                rounds=_ROUNDS[sessions],
                seed=seed,
            )
            if trees := boosters[name].trees:
                importance[name] = contribution_shares(trees, values, known.features)
        return FittedRegimes(boosters, importance)

    def update(self, before: FittedRegimes, new: Dataset, *, seed: int) -> FittedRegimes:
        """Add trees to the booster of each horizon; what counts stays as it was told."""
        today, boosters = known_today(new.rows, _rule), {}
        for name, sessions in HORIZONS.items():
            now, later, taken = pairs(today, new.labels[name])
            values = new.rows.loc[taken, new.features].to_numpy(np.float32)
            rounds = further_rounds(_ROUNDS[sessions])
            boosters[name] = continue_class_booster(before.boosters[name], values, now, later, params=_BOOSTING, rounds=rounds, seed=seed)
        return FittedRegimes(boosters, before.importance)

    def load(self, files: Mapping[str, bytes]) -> FittedRegimes:
        """Read back what :meth:`FittedRegimes.files` gave."""
        boosters = {name: load_class_booster(files, _file(name)) for name in HORIZONS}
        return FittedRegimes(boosters, json.loads(files[IMPORTANCE_FILE]))

    def baselines(self, known: Dataset, data: Dataset) -> Predictions:
        """See :func:`ml.models.regime_data.regime_baselines`."""
        return regime_baselines(known, data, _rule, len(REGIMES))

    def judge(self, walk_forward: pd.DataFrame) -> Judgement:
        """See :func:`ml.models.regime_judge.judge_regimes`."""
        return judge_regimes(LEAK_LINES, walk_forward)


@dataclass(frozen=True)
class FittedRegimes:
    """A booster by horizon, and by horizon the features' shares in what it adds."""

    boosters: dict[str, ClassBooster]
    importance: dict[str, dict[str, float]] = field(default_factory=dict)

    def predict(self, data: Dataset) -> Predictions:
        """Likeliest regime ``model`` and probabilities ``p0`` to ``p4``, always all five, in the order of the codes."""
        today, stated = known_today(data.rows, _rule), {}
        for name, booster in self.boosters.items():
            values = data.rows[list(booster.features)].to_numpy(np.float32)
            stated[name] = as_columns("model", booster.probabilities(values, today), data.rows.index)
        return stated

    def files(self) -> dict[str, bytes]:
        """``horizon_<sessions>.json`` and ``.ubj`` for each horizon, ``importance.json``."""
        files = {file: content for name, booster in self.boosters.items() for file, content in booster.files(_file(name)).items()}
        return {**files, IMPORTANCE_FILE: json.dumps(self.importance, indent=1).encode()}


def _rule(vix: pd.Series, rows: pd.DataFrame) -> pd.DataFrame:
    return regime5(vix, rows["return_20"], rows["close_to_sma_50"]).to_frame("value")


def _file(horizon: str) -> str:
    return f"horizon_{HORIZONS[horizon]}"
