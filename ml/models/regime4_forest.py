"""``regime4_forest``: which of four regimes rules the market today, and 1, 5 and 21 sessions from now.

One forest of 100 trees a horizon on crossover, ^VIX, ADX, breadth and swings. Ahead it also sees today's regime, and is mixed with
how that usually moves on. Breadth is the share of the universe's stocks above their 50-day mean: a fixed list of companies that are
large today, so the past of it looks better than it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from ml.dataset import Dataset, Source
from ml.labels.regime4 import INPUTS, PRIORITY, REGIMES, regime4
from ml.methods.forest import Forest, fit_forest, load_forest
from ml.methods.transitions import Transitions, as_columns
from ml.models.regime_data import HORIZONS, VIX_FEATURES, known_today, pairs, regime_baselines, regime_dataset, start
from ml.models.regime_judge import LeakLines, judge_regimes, judge_rules
from ml.protocol import IMPORTANCE_FILE, Judgement, Predictions

BY_DEFAULT = "by_default"
_MARKET_FEATURES = (
    "sma_50_to_200",
    "close_to_sma_50",
    "return_5",
    "return_20",
    "return_60",
    "adx_14",
    "volatility_20",
    "volatility_60",
    "breadth_above_sma_50",
)
#: Of four regimes two hold nine days of ten, so that a change is easier to name: honest forecasts over 21 sessions reach .40 to .56 of the
#: changes (the last on the S&P 2016-18, where always the likeliest reaches .47), of five regimes .23 to .38.
LEAK_LINES = LeakLines("regime4", on_change=MappingProxyType({"1 day": 0.35, "5 days": 0.50, "21 days": 0.65}))
_FOREST = MappingProxyType({"n_estimators": 100, "max_features": 0.6, "max_samples": 0.5})
#: Fewest rows of a leaf by sessions ahead: the farther, the fewer independent rows there are to learn from.
_LEAF_ROWS = MappingProxyType({0: 10, 1: 10, 5: 10, 21: 40})
#: How today's regime usually moves on is mixed in with weight rows / (rows + days that training had of it): a regime that it never saw,
#: as the stress of 2020 after the calm years before, is expected to stay.
_IMAGINED_ROWS, _LEAST_MIXED_IN = 50.0, 0.05
#: Settings that were compared on the years of the walk-forward; the card carries it.
_TRIALS = 30


@dataclass(frozen=True)
class Regime4Forest:
    """The model, unfitted."""

    def params(self) -> dict[str, Any]:
        """Settings of the forests, what they are mixed with, the names of the codes and the rules in their order."""
        return {
            **_FOREST,
            "min_samples_leaf": {str(sessions): rows for sessions, rows in _LEAF_ROWS.items()},
            "imagined_rows": _IMAGINED_ROWS,
            "least_mixed_in": _LEAST_MIXED_IN,
            "classes": list(REGIMES),
            "priority": list(PRIORITY),
            "trials": _TRIALS,
        }

    def group(self, label: str, symbol: str) -> str:  # noqa: ARG002 - one market only
        """Name the horizon."""
        return label

    def prepare(self, source: Source) -> Dataset:
        """Rows of the market from its first known regime on; ``by_default`` says whether no rule held for today."""
        return regime_dataset(source, "regime4_forest", _MARKET_FEATURES, _rule, (BY_DEFAULT,))

    def fit(self, known: Dataset, *, seed: int) -> FittedForests:
        """Grow one forest a horizon."""
        today, fits, importance = known_today(known.rows, _rule), {}, {}
        for name, sessions in HORIZONS.items():
            now, later, taken = pairs(today, known.labels[name])
            values = _values(known.rows[taken], known.features, now, sessions)
            params = {**_FOREST, "min_samples_leaf": _LEAF_ROWS[sessions]}
            forest, shares = fit_forest(values, later, classes=len(REGIMES), params=params, seed=seed)
            seen = np.bincount(now.astype(int), minlength=len(REGIMES))
            weights = np.maximum(_IMAGINED_ROWS / (_IMAGINED_ROWS + seen), _LEAST_MIXED_IN) if sessions else np.full(4, _LEAST_MIXED_IN)
            fits[name] = Fit(forest, start(name, now, later, len(REGIMES)), tuple(weights.tolist()), tuple(known.features))
            names = [*known.features, *(f"today {regime.lower()}" for regime in REGIMES)][: values.shape[1]]
            importance[name] = {names[place]: float(shares[place]) for place in np.argsort(-shares, kind="stable")}
        return FittedForests(fits, importance)

    def load(self, files: Mapping[str, bytes]) -> FittedForests:
        """Read back what :meth:`FittedForests.files` gave."""
        fits = {}
        for name in HORIZONS:
            facts = json.loads(files[f"{_file(name)}.json"])
            mixed = Transitions(tuple(tuple(row) for row in facts["mixed"]["matrix"]), tuple(facts["mixed"]["shares"]))
            fits[name] = Fit(load_forest(files[f"{_file(name)}.npz"]), mixed, tuple(facts["weights"]), tuple(facts["features"]))
        return FittedForests(fits, json.loads(files[IMPORTANCE_FILE]))

    def baselines(self, known: Dataset, data: Dataset) -> Predictions:
        """See :func:`ml.models.regime_data.regime_baselines`."""
        return regime_baselines(known, data, _rule, len(REGIMES))

    def judge(self, walk_forward: pd.DataFrame) -> Judgement:
        """See :mod:`ml.models.regime_judge`; the rules and the gaps they leave are told as well."""
        return judge_rules(judge_regimes(LEAK_LINES, walk_forward), walk_forward, list(REGIMES), list(PRIORITY))


@dataclass(frozen=True)
class Fit:
    """A forest of one horizon, what it is mixed with, with which weight by today's regime, and the names of its features."""

    forest: Forest
    mixed: Transitions
    weights: tuple[float, ...]
    features: tuple[str, ...]

    def probabilities(self, rows: pd.DataFrame, today: np.ndarray, sessions: int) -> np.ndarray:
        """Shape (rows, 4)."""
        grown = self.forest.probabilities(_values(rows, list(self.features), today, sessions))
        weight = np.where(np.isfinite(today), np.array(self.weights)[np.nan_to_num(today).astype(int)], 1.0)[:, None]
        return np.asarray((1 - weight) * grown + weight * self.mixed.probabilities(today))


@dataclass(frozen=True)
class FittedForests:
    """A forest by horizon, and by horizon the features' shares in what its splits take away."""

    fits: dict[str, Fit]
    importance: dict[str, dict[str, float]] = field(default_factory=dict)

    def predict(self, data: Dataset) -> Predictions:
        """Likeliest regime ``model`` and probabilities ``p0`` to ``p3``, always all four, in the order of the codes."""
        today = known_today(data.rows, _rule)
        return {
            name: as_columns("model", fit.probabilities(data.rows, today, HORIZONS[name]), data.rows.index)
            for name, fit in self.fits.items()
        }

    def files(self) -> dict[str, bytes]:
        """``horizon_<sessions>.npz`` (the trees) and ``.json`` for each horizon, ``importance.json``."""
        files = {IMPORTANCE_FILE: json.dumps(self.importance, indent=1).encode()}
        for name, fit in self.fits.items():
            facts = {"features": fit.features, "mixed": asdict(fit.mixed), "weights": fit.weights}
            files |= {f"{_file(name)}.npz": fit.forest.to_bytes(), f"{_file(name)}.json": json.dumps(facts, indent=1).encode()}
        return files


def _rule(vix: pd.Series, rows: pd.DataFrame) -> pd.DataFrame:
    inputs = rows[[name for name in INPUTS if name != VIX_FEATURES[0]]].assign(vix=vix)
    return regime4(inputs)


def _values(rows: pd.DataFrame, features: list[str], today: np.ndarray, sessions: int) -> np.ndarray:
    """Features; ahead also one column a regime, 1 for today's."""
    values = rows[features].to_numpy(np.float32)
    if sessions == 0:  # today's regime is what is to be stated
        return values
    return np.column_stack([values, today[:, None] == np.arange(len(REGIMES))]).astype(np.float32)


def _file(horizon: str) -> str:
    return f"horizon_{HORIZONS[horizon]}"
