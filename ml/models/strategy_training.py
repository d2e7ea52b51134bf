"""Train a strategy model: search where it is asked for, the common training, and what is to stand beside it on the card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from include.errors import ConfigurationError
from include.lake import Lake
from ml.backtests import BacktestSource
from ml.catalog import STRATEGY_TYPES, make_model
from ml.dataset import Dataset
from ml.models.strategy_continued import continued, go_on, measured, plain
from ml.models.strategy_data import NEXT, StrategyModel
from ml.models.strategy_ensemble import StrategyEnsemble
from ml.models.strategy_judge import by_date
from ml.models.strategy_search import search
from ml.models.strategy_twins import chosen_twins
from ml.sources import open_source
from ml.trained_versions import note_version
from ml.training import Trained, train_on
from ml.validation.losses import row_losses
from ml.validation.walk_forward import walk_forward


@dataclass(frozen=True)
class Wish:
    """What is asked for: the least score of a past window, trials of a search (0: none), and whether to go on from a version."""

    min_composite_score: float = 0.5
    trials: int = 0
    continue_boosting: bool = False


def train_strategy(lake: Lake, model_id: str, wish: Wish, *, universe: str, timeframe: str, seed: int) -> Trained:
    """Train one strategy model and register it as challenger, or return the version that the same inputs gave before.

    Raises
    ------
    ConfigurationError
        If the model, universe or wish is none.
    UnsuitableError
        If there are no backtests.
    ModelError
        If there are fewer than 1000, a figure is too good to be honest, or a canary is dead.
    ResultsError
        If the results database cannot be reached.
    """
    source = open_source(lake, model_id, universe, timeframe)
    model = make_model(model_id, {"min_composite_score": wish.min_composite_score})
    if not isinstance(source, BacktestSource) or not isinstance(model, StrategyModel):
        raise ConfigurationError(f"{model_id} is no strategy model; use {', '.join(STRATEGY_TYPES)}")
    if wish.continue_boosting:
        if wish.trials or not isinstance(model, StrategyEnsemble):
            raise ConfigurationError("continue_boosting is for the ensemble alone, and keeps its parameters: without hyperparameter_search")
        trained = _go_on(source, model, seed)
    else:
        if wish.trials:
            model = search(model, model.prepare(source), name=model_id, trials=wish.trials, seed=seed)  # type: ignore[type-var]
        trained = train_on(source, model, model_id, seed=seed, further=lambda data, forward: _further(source, model, data, forward, seed))
    note_version(lake, universe, timeframe, model_id, trained.version)
    return trained


def _go_on(source: BacktestSource, model: StrategyEnsemble, seed: int) -> Trained:
    recipe, before = continued(model, {"universe": source.universe.name, "timeframe": source.timeframe})
    # First of all, since where nothing is new there is nothing to judge.
    fitted = go_on(recipe, before, recipe.prepare(source), seed=seed)

    def further(data: Dataset, forward: pd.DataFrame) -> dict[str, Any]:
        more = _further(source, recipe, data, forward, seed)
        refit = walk_forward(plain(recipe), data, seed=seed)
        told = measured(recipe, before, fitted, data, seed=seed)
        told["walk_forward"] = {"continued": _loss(forward), "full refit": _loss(refit)}
        return {"strategies": {**more["strategies"], "incremental": told}}

    return train_on(source, recipe, "strategy_ensemble", seed=seed, further=further, fitted=lambda _: fitted)


def _further(source: BacktestSource, model: StrategyModel, data: Dataset, forward: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Part of the card that only strategies have."""
    everything = walk_forward(model, model.prepare_unfiltered(source), seed=seed)  # type: ignore[arg-type]
    facts = {
        "known_until": data.labels[NEXT]["known_at"].max().isoformat(),
        "backtests": {"with filter": _worth(forward), "without filter": _worth(everything)},
        "twins": chosen_twins(source, forward, seed=seed),
    }
    return {"strategies": facts}


def _worth(forward: pd.DataFrame) -> dict[str, float]:
    """The figures that tell a filter's worth, on its own rows."""
    figures = {
        "rows": float(len(forward)),
        "profits": float(forward["actual"].mean()),
        "log_loss": _loss(forward),
        "log_loss_majority": float(row_losses(forward, "majority", "log_loss").mean()),
        "net_return": float(by_date(forward, forward["model"]).mean()),
        "net_return_equal_stake": float(by_date(forward, np.ones(len(forward))).mean()),
    }
    return figures | ({"auc": float(roc_auc_score(forward["actual"], forward["p1"]))} if np.ptp(forward["actual"]) else {})


def _loss(forward: pd.DataFrame) -> float:
    return float(row_losses(forward, "model", "log_loss").mean())
