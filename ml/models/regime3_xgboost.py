"""``regime3_xgboost``: whether the market trends, ranges or is better left alone, at this bar and 1, 6 and 24 bars from now.

The regime of a bar is a rule over its features, so stating it proves nothing; the product are the three forecasts. One booster a
horizon learns from all symbols together; ahead it starts from how the regime of now usually moves on.
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
from ml.labels.regime3 import INPUTS, MEASURES, REGIMES, measures, regime3
from ml.labels.regime5 import ahead
from ml.methods.boosting import ClassBooster, fit_class_booster, load_class_booster
from ml.methods.contributions import contribution_shares
from ml.methods.transitions import as_columns, cautious_markov, majority
from ml.models.regime_data import pairs, simple_lines
from ml.models.regime_judge import LeakLines, judge_regimes
from ml.panel import priced_rows
from ml.protocol import IMPORTANCE_FILE, Judgement, Predictions

SAME_BAR = "same bar"
#: Bars ahead by the name of the label.
HORIZONS = MappingProxyType({SAME_BAR: 0, "1 bar": 1, "6 bars": 6, "24 bars": 24})
_FEATURES = ("volatility_20", "volatility_60", "rsi_14", "close_to_sma_50", "return_5", "return_20")
#: What the boosters see: no prices, so that symbols can be learnt from together. ``hour`` is that of the bar's close, UTC.
_SEEN = (*MEASURES, "adx_14", "volume_ratio_20", "natr_14", "bollinger_width_20", *_FEATURES, "hour")
#: Where ADX stands close to a bound the next bar's change shows: BTC, ETH and POL reach .014 above persistence one bar ahead, .038 six bars
#: ahead, and name .21 and .20 of the changes.
LEAK_LINES = LeakLines(
    "regime3",
    MappingProxyType({"1 bar": ("persistence", 0.03), "6 bars": ("persistence", 0.06), "24 bars": ("Markov", 0.06)}),
    MappingProxyType({"1 bar": 0.40, "6 bars": 0.40, "24 bars": 0.60}),
    same=SAME_BAR,
    main="6 bars",
)
#: Trees a class by bars ahead: the farther, the fewer independent rows there are to learn from.
_ROUNDS = MappingProxyType({0: 100, 1: 80, 6: 60, 24: 20})
#: Settings that were compared on the months of the walk-forward before these were taken; the card carries it.
_TRIALS = 2
_BOOSTING = MappingProxyType(
    {
        "max_depth": 3,
        "eta": 0.1,
        "subsample": 0.7,
        "colsample_bytree": 0.5,
        "min_child_weight": 20.0,
        "lambda": 5.0,
        "tree_method": "hist",
        "max_bin": 64,
    }
)


@dataclass(frozen=True)
class Regime3Xgboost:
    """The model, unfitted."""

    def params(self) -> dict[str, Any]:
        """Settings of the boosters, trees by horizon, and the names of the codes."""
        rounds = {str(bars): trees for bars, trees in _ROUNDS.items()}
        return {**_BOOSTING, "rounds": rounds, "classes": list(REGIMES), "trials": _TRIALS}

    def group(self, label: str, symbol: str) -> str:  # noqa: ARG002 - the symbols are judged together
        """Name the horizon."""
        return label

    def prepare(self, source: Source) -> Dataset:
        """Rows of every symbol that has a price, each from its first known regime on."""
        names = list(dict.fromkeys([*INPUTS, *_FEATURES]))
        rows, left_out = priced_rows(source, "regime3_xgboost", names, INPUTS[0])
        rows = rows.assign(today=regime3(rows), hour=rows["closed_at"].dt.hour.astype(np.float32), **measures(rows))
        begun = rows["today"].notna().groupby(rows["symbol"]).cummax()
        rows = rows[begun].reset_index(drop=True)
        today = pd.DataFrame({"value": rows["today"], "known_at": rows["closed_at"]})
        by_symbol = today.groupby(rows["symbol"], sort=False, group_keys=False)
        labels = {name: pd.concat([ahead(part, bars) for _, part in by_symbol]) for name, bars in HORIZONS.items()}
        return Dataset(rows, [name for name in _SEEN if rows[name].notna().any()], labels, left_out)

    def fit(self, known: Dataset, *, seed: int) -> FittedRegime3:
        """Fit one booster a horizon."""
        today, boosters, importance = _known_today(known), {}, {}
        for name, bars in HORIZONS.items():
            now, later, taken = pairs(today, known.labels[name])
            values = known.rows.loc[taken, known.features].to_numpy(np.float32)
            # The regime of now would give its own label away: there the shares are the start.
            start = cautious_markov(now, later, len(REGIMES)) if bars else majority(later, len(REGIMES))
            boosters[name] = fit_class_booster(
                values, now, later, start, features=known.features, params=_BOOSTING, rounds=_ROUNDS[bars], seed=seed
            )
            if trees := boosters[name].trees:
                importance[name] = contribution_shares(trees, values, known.features)
        return FittedRegime3(boosters, importance)

    def load(self, files: Mapping[str, bytes]) -> FittedRegime3:
        """Read back what :meth:`FittedRegime3.files` gave."""
        boosters = {name: load_class_booster(files, _file(name)) for name in HORIZONS}
        return FittedRegime3(boosters, json.loads(files[IMPORTANCE_FILE]))

    def baselines(self, known: Dataset, data: Dataset) -> Predictions:
        """See :func:`ml.models.regime_data.simple_lines`."""
        return simple_lines(known, _known_today(known), _known_today(data), data.rows.index, len(REGIMES), same=SAME_BAR)

    def judge(self, walk_forward: pd.DataFrame) -> Judgement:
        """See :func:`ml.models.regime_judge.judge_regimes`."""
        return judge_regimes(LEAK_LINES, walk_forward)


@dataclass(frozen=True)
class FittedRegime3:
    """A booster by horizon, and by horizon the features' shares in what it adds."""

    boosters: dict[str, ClassBooster]
    importance: dict[str, dict[str, float]] = field(default_factory=dict)

    def predict(self, data: Dataset) -> Predictions:
        """Likeliest regime ``model`` and probabilities ``p0`` to ``p2``, in the order of the codes."""
        today, stated = _known_today(data), {}
        for name, booster in self.boosters.items():
            values = data.rows[list(booster.features)].to_numpy(np.float32)
            stated[name] = as_columns("model", booster.probabilities(values, today), data.rows.index)
        return stated

    def files(self) -> dict[str, bytes]:
        """``bars_<ahead>.json`` and ``.ubj`` for each horizon, ``importance.json``."""
        files = {file: content for name, booster in self.boosters.items() for file, content in booster.files(_file(name)).items()}
        return {**files, IMPORTANCE_FILE: json.dumps(self.importance, indent=1).encode()}


def _known_today(data: Dataset) -> np.ndarray:
    """Regime at each row, the last one of the symbol that was known where it is not."""
    return np.asarray(data.rows["today"].groupby(data.rows["symbol"]).ffill())


def _file(horizon: str) -> str:
    return f"bars_{HORIZONS[horizon]}"
