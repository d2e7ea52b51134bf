"""Search for the parameters of a strategy model with Optuna, on the earlier part of the decision dates only.

Each trial walks forward over folds of that part; its log-loss decides, its AUC is noted, and one that is worse than half of the
others on the first folds is given up. The study lies in the results database: a search that was killed goes on where it was, and every
trial counts when luck is taken off what was found.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import replace
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import optuna
import pandas as pd
from optuna.trial import FrozenTrial, TrialState
from sklearn.metrics import roc_auc_score
from sqlalchemy import text

from include.results.engine import results_address, results_engine, writing
from ml.dataset import Dataset
from ml.models.strategy_agent import StrategyAgent
from ml.models.strategy_classifier import StrategyClassifier
from ml.models.strategy_data import NEXT, Searched
from ml.models.strategy_ensemble import StrategyEnsemble
from ml.validation.binary import log_loss
from ml.validation.dated import share_split

Searchable = TypeVar("Searchable", StrategyEnsemble, StrategyClassifier, StrategyAgent)
TRIALS = 100
#: Where the folds of a trial begin and end, as shares of the dates that are searched on.
_FOLDS = (0.4, 0.55, 0.7, 0.85, 1.0)
_SCHEMA = "studies"
_LOG = logging.getLogger(__name__)


def search(model: Searchable, data: Dataset, *, name: str, trials: int, seed: int) -> Searchable:
    """Return the model with the best parameters that ``trials`` trials found; the default ones are the first of them.

    Parameters
    ----------
    data
        All rows; the search sees those that were decided, with outcomes that were known, before the last 40 % of the dates.
    name
        Of the model. The study's name adds a hash of the data, the space and the seed: another search is another study, and its trials
        count as well.

    Raises
    ------
    ModelError
        If there is too little data to split.
    ResultsError
        If the results database cannot be reached.
    """
    until = share_split(data).validation.isoformat()
    known = data.known_by(pd.Timestamp(until, tz="UTC"))
    study = _open_study(model, known, name, seed)
    finished = _finished(study)
    if not study.trials:
        study.enqueue_trial({parameter: getattr(model, parameter) for parameter in model.space()})
    if finished:
        _LOG.info("%s: %d trials are there already", study.study_name, finished)

    def objective(trial: optuna.Trial) -> float:
        return _walk(_suggested(model, trial), known, trial, seed)

    if finished < trials:
        study.optimize(objective, n_trials=trials - finished, callbacks=[lambda done, trial: _tell(done, trial, trials)])
    best = _typed(model, study.best_params)
    _LOG.info("%s: best log-loss %.4f with %s", study.study_name, study.best_value, best)
    tried = _tried(name)
    if others := tried - len(study.trials):
        _LOG.info("%s: %d trials of searches on other data count as well", study.study_name, others)
    return replace(model, **best, searched=Searched(tried, until))


def _open_study(model: Any, known: Dataset, name: str, seed: int) -> optuna.Study:
    facts = [known.content_hash(), {key: list(value) for key, value in model.space().items()}, model.params(), seed]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=f"{name}-{digest}",
        storage=_storage(),
        load_if_exists=True,
        direction="minimize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1),
    )
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):  # of a run that was killed
        study.tell(trial.number, state=TrialState.FAIL)
    # A resumed search must not draw what it drew before.
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials))
    return study


def _storage() -> optuna.storages.RDBStorage:
    address = results_address()
    url = address.url.render_as_string(hide_password=False)
    if address.url.get_backend_name() == "sqlite":
        results_engine()  # makes the folder
        return optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": {"timeout": 60}})
    # In a schema of its own: Optuna's tables include one named alembic_version, and others may use the database, too.
    with writing(results_engine()) as connection:
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {_SCHEMA}"))
    options = {**address.options, "options": f"-c search_path={_SCHEMA}"}
    return optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": options, "pool_pre_ping": True})


def _tried(name: str) -> int:
    """Trials of every search for the model, killed ones and those on other data too: the older data are part of the newer."""
    studies = optuna.get_all_study_summaries(_storage(), include_best_trial=False)
    return sum(one.n_trials for one in studies if one.study_name.rpartition("-")[0] == name)


def _finished(study: optuna.Study) -> int:
    return len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)))


def _suggested(model: Searchable, trial: optuna.Trial) -> Searchable:
    chosen: dict[str, float] = {}
    for parameter, (low, high, by_ratio) in model.space().items():
        if isinstance(getattr(model, parameter), int):
            chosen[parameter] = trial.suggest_int(parameter, int(low), int(high), log=by_ratio)
        else:
            chosen[parameter] = trial.suggest_float(parameter, low, high, log=by_ratio)
    return replace(model, **_typed(model, chosen))


def _typed(model: Any, chosen: dict[str, float]) -> dict[str, Any]:
    return {parameter: type(getattr(model, parameter))(value) for parameter, value in chosen.items()}


def _walk(model: Any, known: Dataset, trial: optuna.Trial, seed: int) -> float:
    """Mean log-loss of the folds; each is told of, so that a hopeless trial ends early."""
    dates = np.sort(known.rows.loc[known.labels[NEXT]["value"].notna(), "closed_at"].unique())
    edges = [dates[min(int(len(dates) * share), len(dates) - 1)] for share in _FOLDS]
    losses, came, stated = [], [], []
    for fold, (start, end) in enumerate(pairwise(edges)):
        last = fold == len(edges) - 2
        part = known if last else known.before(end)
        said = model.fit(known.known_by(start), seed=seed).predict(part)[NEXT]["p1"]
        tested = (part.rows["closed_at"] >= start) & part.labels[NEXT]["value"].notna()
        came.append(part.labels[NEXT].loc[tested, "value"].to_numpy())
        stated.append(said[tested].to_numpy())
        losses.append(log_loss(came[-1], stated[-1]))
        trial.report(float(np.mean(losses)), fold)
        if not last and trial.should_prune():
            raise optuna.TrialPruned
    outcomes = np.concatenate(came)
    if np.ptp(outcomes) > 0:
        trial.set_user_attr("auc", float(roc_auc_score(outcomes, np.concatenate(stated))))
    return float(np.mean(losses))


def _tell(study: optuna.Study, trial: FrozenTrial, trials: int) -> None:
    if trial.state == TrialState.COMPLETE and trial.value is not None:
        what = f"log-loss {trial.value:.4f}, AUC {trial.user_attrs.get('auc', float('nan')):.3f}"
    else:
        what = "given up early"
    done = [one for one in study.get_trials(deepcopy=False) if one.state == TrialState.COMPLETE]
    best = f"; best so far {study.best_value:.4f}" if done else ""
    _LOG.info("trial %d of %d: %s%s", _finished(study), trials, what, best)
