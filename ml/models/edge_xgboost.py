"""``edge_xgboost``: how probable it is that the next trade of a strategy wins, and what it earns after costs.

A meta-label (Lopez de Prado 2018): the strategy says which side, the model whether to take the trade. The probability starts from the
gambler's ruin of the trade's bracket; what the trade earns is learnt beside it, and where that is not above 0 in all that the walk-forward
would have taken, the answer is NO_TRADE.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logit

from include.errors import ModelError
from ml.dataset import Dataset, Source
from ml.methods.contributions import contribution_shares
from ml.methods.residual_boosting import ResidualBooster, fit_residual_booster, load_residual_booster
from ml.methods.value_boosting import ValueBooster, fit_value_booster
from ml.models.edge_judge import ALIKE, GAMBLER, NET_RETURN, WINS, judge_edge
from ml.protocol import IMPORTANCE_FILE, Judgement, Predictions
from ml.trades import TRADE_FEATURES, trade_dataset
from ml.validation.leaks import refuse_function

_PERCENT = 100.0
_BOOSTING = MappingProxyType(
    {
        "max_depth": 3,
        "eta": 0.05,
        "lambda": 20.0,
        "subsample": 0.7,
        "colsample_bytree": 0.5,
        "tree_method": "hist",
        "max_bin": 64,
    }
)
#: Fewest trades of a leaf as a share of all: trades of one stretch of a market come out alike, however many strategies made them.
_LEAF_SHARE = 0.05
#: Settings that were compared on the months of the walk-forward before these were taken; the card carries it.
_TRIALS = 2
_ROUNDS = 60
_TENTHS = 10
_WINS_FILE, _NET_FILE = "wins", "net_return.ubj"


@dataclass(frozen=True)
class EdgeXgboost:
    """The model, unfitted."""

    def params(self) -> dict[str, Any]:
        """Settings of both boosters, and the names of the classes."""
        return {**_BOOSTING, "leaf_share": _LEAF_SHARE, "rounds": _ROUNDS, "classes": ["LOSES", "WINS"], "trials": _TRIALS}

    def group(self, label: str, symbol: str) -> str:  # noqa: ARG002 - the judge looks at the parts itself
        """Name the label."""
        return label

    def prepare(self, source: Source) -> Dataset:
        """Rows of trades; a trade wins that earns more than nothing after costs.

        Raises
        ------
        UnsuitableError
            If there is no trade.
        ModelError
            If there are too few, or whether a trade wins is a function of what was known before.
        """
        outcomes = {WINS: lambda rows: rows["net_return"] > 0, NET_RETURN: lambda rows: _PERCENT * rows["net_return"]}
        data = trade_dataset(source, "edge_xgboost", TRADE_FEATURES, outcomes)
        refuse_function(_values(data.rows), data.labels[WINS]["value"].to_numpy())
        return data

    def fit(self, known: Dataset, *, seed: int) -> FittedEdge:
        """Fit the probability and the earnings."""
        importance = {}
        rows, came = _labelled(known, WINS)
        if len(np.unique(came)) < 2:
            raise ModelError(f"edge_xgboost: of {len(came)} trades that ended all came out alike; there is nothing to learn from")
        leaf = _LEAF_SHARE * len(came)
        params = {**_BOOSTING, "min_child_weight": leaf / 4}  # weights are p (1 - p) here, a quarter at most
        signs, values = dict.fromkeys(TRADE_FEATURES, 0), _values(rows)
        wins = fit_residual_booster(values, logit(ruin(rows)), came, signs=signs, params=params, rounds=_ROUNDS, seed=seed)
        importance[WINS] = contribution_shares(wins.trees, values, TRADE_FEATURES)
        rows, earned = _labelled(known, NET_RETURN)
        params, values = {**_BOOSTING, "min_child_weight": leaf, "objective": "reg:squarederror"}, _values(rows)
        net = fit_value_booster(values, earned, features=TRADE_FEATURES, params=params, rounds=_ROUNDS, seed=seed)
        importance[NET_RETURN] = contribution_shares(net.trees, values, TRADE_FEATURES)
        return FittedEdge(wins, net, importance)

    def load(self, files: Mapping[str, bytes]) -> FittedEdge:
        """Read back what :meth:`FittedEdge.files` gave."""
        return FittedEdge(load_residual_booster(files, _WINS_FILE), ValueBooster(files[_NET_FILE]), json.loads(files[IMPORTANCE_FILE]))

    def baselines(self, known: Dataset, data: Dataset) -> Predictions:
        """State shares that won in training, of all and of trades alike, and the gambler's ruin; mean earnings, and none."""
        rows, came = _labelled(known, WINS)
        index, net = data.rows.index, known.labels[NET_RETURN]["value"].mean()
        wins = {"prior": came.mean(), GAMBLER: ruin(data.rows), ALIKE: _share_of_alike(rows, came, data.rows)}
        return {
            WINS: pd.DataFrame(wins, index=index),
            NET_RETURN: pd.DataFrame({"mean": net, "nothing": 0.0}, index=index),
        }

    def judge(self, walk_forward: pd.DataFrame) -> Judgement:
        """See :func:`ml.models.edge_judge.judge_edge`."""
        return judge_edge(walk_forward)


@dataclass(frozen=True)
class FittedEdge:
    """A booster of the probability, one of the earnings, and the features' shares in each."""

    wins: ResidualBooster
    net: ValueBooster
    importance: dict[str, dict[str, float]] = field(default_factory=dict)

    def predict(self, data: Dataset) -> Predictions:
        """Probability to win ``model``, the same as ``p1``, and its rest ``p0``; expected net return in percent ``model``."""
        values, index = _values(data.rows), data.rows.index
        chance = self.wins.probabilities(values, logit(ruin(data.rows)))
        return {
            WINS: pd.DataFrame({"model": chance, "p0": 1.0 - chance, "p1": chance}, index=index),
            NET_RETURN: pd.DataFrame({"model": self.net.state(values)[:, 0]}, index=index),
        }

    def files(self) -> dict[str, bytes]:
        """``wins.json`` and ``wins.ubj``, ``net_return.ubj``, ``importance.json``."""
        importance = json.dumps(self.importance, indent=1).encode()
        return {**self.wins.files(_WINS_FILE), _NET_FILE: self.net.trees, IMPORTANCE_FILE: importance}


def ruin(rows: pd.DataFrame) -> np.ndarray:
    """Probability that a walk without drift meets the take-profit before the stop (gambler's ruin); even where a level is not known."""
    stop, take = (rows[name].to_numpy(np.float64) for name in ("stop_ranges", "take_profit_ranges"))
    return np.asarray(np.nan_to_num(stop / (take + stop), nan=0.5))


def _share_of_alike(known: pd.DataFrame, came: np.ndarray, rows: pd.DataFrame) -> np.ndarray:
    """Share that won of the same side with the take-profit in the same tenth of distances in percent; of the last where it has none.

    Costs eat up a near target, and a rising market favours one side: this alone tells winners from losers, so no model may claim it.
    """
    edges = np.nanquantile(_distance(known), np.linspace(0, 1, _TENTHS + 1)[1:-1])
    cells, found = (2 * np.searchsorted(edges, _distance(part)) + (part["side"] > 0).to_numpy() for part in (known, rows))
    counts, won = np.bincount(cells, minlength=2 * _TENTHS), np.bincount(cells, weights=came, minlength=2 * _TENTHS)
    return np.asarray(((won + came.mean()) / (counts + 1))[found])  # one imagined trade a cell


def _distance(rows: pd.DataFrame) -> np.ndarray:
    return np.asarray(rows["take_profit_ranges"] * rows["natr_14"], np.float64)


def _labelled(known: Dataset, label: str) -> tuple[pd.DataFrame, np.ndarray]:
    values = known.labels[label]["value"]
    taken = values.notna()
    return known.rows[taken], values[taken].to_numpy(np.float64)


def _values(rows: pd.DataFrame) -> np.ndarray:
    return rows[TRADE_FEATURES].to_numpy(np.float32)
