"""``direction_xgboost``: whether the next close is lower, about equal or higher.

One booster for all symbols on the features that do not scale with a price. It starts from the shares of each symbol's classes, so
that all it adds is what the features say.
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
from ml.labels.direction import BAND, DIRECTIONS
from ml.methods.boosting import ClassBooster, continue_class_booster, fit_class_booster, further_rounds, load_class_booster
from ml.methods.contributions import contribution_shares
from ml.methods.transitions import as_columns
from ml.models.direction_data import NEXT, direction_baselines, direction_dataset, learned, prior, scale_free, symbol_codes
from ml.models.direction_judge import judge_directions
from ml.protocol import IMPORTANCE_FILE, Judgement, Predictions

_ROUNDS = 80
#: Settings that were compared on the years of the walk-forward; the card carries it.
_TRIALS = 4
_BOOSTING = MappingProxyType(
    {
        "max_depth": 2,
        "eta": 0.03,
        "subsample": 0.7,
        "colsample_bytree": 0.5,
        "lambda": 5.0,
        "tree_method": "hist",
        "max_bin": 64,
    }
)
#: Least weight of a leaf in rows of training: a share, so that few rows are not smoothed away.
_LEAF_SHARE = 1 / 300
_FILE = "direction"
_SYMBOLS_FILE = "symbols.json"


@dataclass(frozen=True)
class DirectionXgboost:
    """The model, unfitted."""

    def params(self) -> dict[str, Any]:
        """Settings of the booster, the neutral band (fraction) and the names of the codes."""
        return {**_BOOSTING, "rounds": _ROUNDS, "leaf_share": _LEAF_SHARE, "band": BAND, "classes": list(DIRECTIONS), "trials": _TRIALS}

    def group(self, label: str, symbol: str) -> str:  # noqa: ARG002 - one label only
        """Name the symbol."""
        return symbol

    def prepare(self, source: Source) -> Dataset:
        """Rows of every symbol that has a price and two years of bars; the others are named in ``left_out``."""
        return direction_dataset(source, "direction_xgboost", scale_free(source))

    def fit(self, known: Dataset, *, seed: int) -> FittedDirection:
        """Fit one booster for all symbols."""
        taken, later = learned(known)
        values = known.rows.loc[taken, known.features].to_numpy(np.float32)
        codes = symbol_codes(known.rows, known.symbols)[taken]
        params = {**_BOOSTING, "min_child_weight": len(later) * _LEAF_SHARE}
        booster = fit_class_booster(values, codes, later, prior(known), features=known.features, params=params, rounds=_ROUNDS, seed=seed)
        shares = contribution_shares(booster.trees, values, known.features) if booster.trees else {}
        return FittedDirection(booster, tuple(known.symbols), shares)

    def update(self, before: FittedDirection, new: Dataset, *, seed: int) -> FittedDirection:
        """Add trees; where each symbol starts from and what counts stay as they were."""
        taken, later = learned(new)
        values = new.rows.loc[taken, new.features].to_numpy(np.float32)
        codes = symbol_codes(new.rows, list(before.symbols))[taken]
        params, rounds = {**_BOOSTING, "min_child_weight": len(later) * _LEAF_SHARE}, further_rounds(_ROUNDS)
        booster = continue_class_booster(before.booster, values, codes, later, params=params, rounds=rounds, seed=seed)
        return FittedDirection(booster, before.symbols, before.importance)

    def load(self, files: Mapping[str, bytes]) -> FittedDirection:
        """Read back what :meth:`FittedDirection.files` gave."""
        symbols = tuple(json.loads(files[_SYMBOLS_FILE]))
        return FittedDirection(load_class_booster(files, _FILE), symbols, json.loads(files[IMPORTANCE_FILE])[NEXT])

    def baselines(self, known: Dataset, data: Dataset) -> Predictions:
        """See :func:`ml.models.direction_data.direction_baselines`."""
        return direction_baselines(known, data)

    def judge(self, walk_forward: pd.DataFrame) -> Judgement:
        """See :func:`ml.models.direction_judge.judge_directions`."""
        return judge_directions(walk_forward)


@dataclass(frozen=True)
class FittedDirection:
    """One booster, the symbols whose shares it starts from (others: the shares of all), and the features' shares in what it adds."""

    booster: ClassBooster
    symbols: tuple[str, ...]
    importance: dict[str, float] = field(default_factory=dict)

    def predict(self, data: Dataset) -> Predictions:
        """Likeliest direction ``model`` and probabilities ``p0`` (down), ``p1`` (neutral), ``p2`` (up)."""
        values = data.rows[list(self.booster.features)].to_numpy(np.float32)
        chances = self.booster.probabilities(values, symbol_codes(data.rows, list(self.symbols)))
        return {NEXT: as_columns("model", chances, data.rows.index)}

    def files(self) -> dict[str, bytes]:
        """``direction.json``, ``direction.ubj``, ``symbols.json`` and ``importance.json``."""
        return {
            **self.booster.files(_FILE),
            _SYMBOLS_FILE: json.dumps(self.symbols).encode(),
            IMPORTANCE_FILE: json.dumps({NEXT: self.importance}, indent=1).encode(),
        }
