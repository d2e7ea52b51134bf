"""Train a strategy model: search where it is asked for, the common training, and what is to stand beside it on the card."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from include.errors import ConfigurationError, InsufficientDataError, NoEdgeError
from include.lake import Lake
from ml.backtests import BacktestSource
from ml.catalog import STRATEGY_TYPES, make_model
from ml.continuing import version_before
from ml.dataset import Source
from ml.models.strategy_data import Searched, StrategyModel
from ml.models.strategy_ensemble import StrategyEnsemble
from ml.models.strategy_judge import by_date
from ml.models.strategy_search import search
from ml.models.strategy_twins import chosen_twins
from ml.sources import open_source
from ml.trained_versions import note_no_edge, note_shortage, note_version
from ml.training import Trained, train_on
from ml.validation.losses import row_losses
from ml.validation.walk_forward import walk_forward


@dataclass(frozen=True)
class Wish:
    """What is asked for: the least score of a past window, trials of a search (0: none), whether to go on from a version, the run.

    ``trades_run`` is the only run of trades to learn from; None: all at the costs in force.
    """

    min_composite_score: float = 0.5
    trials: int = 0
    continue_boosting: bool = False
    trades_run: str | None = None


def train_strategy(lake: Lake, model_id: str, wish: Wish, *, universe: str, timeframe: str, seed: int) -> Trained:
    """Train one strategy model and register it as challenger, or return the version that the same inputs gave before.

    Raises
    ------
    ConfigurationError
        If the model, universe or wish is none.
    UnsuitableError
        If there are no backtests, or none of a run that counts.
    NoEdgeError
        If there are enough, but of too few the past window was worth anything and these earned nothing: noted, for the page.
    InsufficientDataError
        If there are fewer than 1000, or too few rows to judge the model on: noted for the page, too.
    ModelError
        If a figure is too good to be honest, or a canary is dead.
    ResultsError
        If the results database cannot be reached.
    """
    source = open_source(lake, model_id, universe, timeframe, trades_run=wish.trades_run)
    try:
        trained = _train(source, model_id, wish, seed)
    except NoEdgeError as answer:
        note_no_edge(lake, universe, timeframe, model_id, str(answer))
        raise
    except InsufficientDataError as error:
        note_shortage(lake, universe, timeframe, model_id, str(error))
        raise
    note_version(lake, universe, timeframe, model_id, trained.version)
    return trained


def _train(source: Source, model_id: str, wish: Wish, seed: int) -> Trained:
    made = make_model(model_id, {"min_composite_score": wish.min_composite_score})
    if not isinstance(source, BacktestSource) or not isinstance(made, StrategyModel):
        raise ConfigurationError(f"{model_id} is no strategy model; use {', '.join(STRATEGY_TYPES)}")
    if wish.continue_boosting and wish.trials:
        raise ConfigurationError("continue_boosting keeps the parameters of the version before: ask without hyperparameter_search")
    model: Any = _as_before(made, model_id) if wish.continue_boosting else made
    if wish.trials:
        model = search(model, model.prepare(source), name=model_id, trials=wish.trials, seed=seed)
    return train_on(
        source,
        model,
        model_id,
        seed=seed,
        continue_boosting=wish.continue_boosting,
        further=lambda forward: _further(source, model, forward, seed),
    )


def _as_before(model: StrategyModel, model_id: str) -> StrategyModel:
    """The model with the parameters of the version to go on from, and the search that found them; another than the ensemble as it is."""
    if not isinstance(model, StrategyEnsemble):
        return model
    params = version_before(model_id).card["params"]
    searched = Searched(**params["searched"]) if params["searched"] else None
    return replace(model, **{name: params[name] for name in model.space()}, searched=searched)


def _further(source: BacktestSource, model: Any, forward: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Part of the card that only strategies have."""
    everything = walk_forward(model, model.prepare_unfiltered(source), seed=seed)
    facts = {
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
