"""The search on both kinds of database: resumed, killed, counted, and blind to the later dates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.trial import TrialState

from include.feature_sets import write_current
from include.lake import Lake
from include.settings import settings
from ml.dataset import Dataset
from ml.models import strategy_search
from ml.models.strategy_data import NEXT
from ml.models.strategy_ensemble import StrategyEnsemble
from ml.models.strategy_search import search
from ml.validation.dated import share_split
from tests.backtests import made_source
from tests.model_lake import FEATURE_SET


@dataclass(frozen=True)
class Quick(StrategyEnsemble):
    """States the share of profits, the surer the larger ``rate`` is; remembers the newest row that it saw."""

    seen: ClassVar[list[pd.Timestamp]] = []

    def fit(self, known: Dataset, *, seed: int) -> Any:
        self.seen.append(known.labels[NEXT]["known_at"].max())
        share = known.labels[NEXT]["value"].mean()
        rate = self.rate

        class Fitted:
            def predict(self, data: Dataset) -> dict[str, pd.DataFrame]:
                Quick.seen.append(data.rows["closed_at"].max())
                return {NEXT: pd.DataFrame({"p1": np.full(len(data.rows), np.clip(share + rate, 0.01, 0.99))})}

        return Fitted()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> list[Dataset]:
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    write_current(lake, "1d", FEATURE_SET)
    return [StrategyEnsemble().prepare(made_source(lake, windows=30, strategies=24, seed=seed)) for seed in (1, 2)]


@pytest.fixture
def data(both: list[Dataset]) -> Dataset:
    Quick.seen.clear()
    return both[0]


@pytest.fixture
def results(database_url: str, monkeypatch: pytest.MonkeyPatch):
    from include.results.engine import results_engine

    monkeypatch.setenv("RESULTS_URL", database_url)
    for cached in (settings, results_engine):
        cached.cache_clear()
    yield
    for cached in (settings, results_engine):
        cached.cache_clear()


@pytest.mark.usefixtures("results")
def test_a_search_goes_on_where_it_was_and_counts_every_trial(data: Dataset, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    first = search(Quick(), data, name="quick", trials=3, seed=1)
    assert first.searched is not None
    assert first.searched.trials == 3
    split = share_split(data)
    assert first.searched.until == split.validation.isoformat()
    assert max(Quick.seen) <= pd.Timestamp(split.validation, tz="UTC")
    more = search(Quick(), data, name="quick", trials=7, seed=1)
    assert more.searched.trials == 7  # type: ignore[union-attr]
    [summary] = optuna.get_all_study_summaries(strategy_search._storage())
    study = optuna.load_study(study_name=summary.study_name, storage=strategy_search._storage())
    rates = [trial.params["rate"] for trial in study.trials]
    assert rates[0] == Quick().rate  # the defaults are the first trial
    assert len(set(rates)) == 7
    assert more.rate == study.best_params["rate"] == min(rates, key=lambda rate: study.trials[rates.index(rate)].value or 9)
    assert 0 < more.rate < 0.2
    assert "trial 7 of 7" in caplog.text
    assert "AUC" in caplog.text
    again = search(Quick(), data, name="quick", trials=7, seed=1)
    assert again == more


@pytest.mark.usefixtures("results")
def test_a_trial_that_was_killed_is_counted_and_not_waited_for(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: Any) -> float:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(strategy_search, "_walk", die)
        with pytest.raises(KeyboardInterrupt):
            search(Quick(), data, name="quick", trials=3, seed=1)
    found = search(Quick(), data, name="quick", trials=3, seed=1)
    [summary] = optuna.get_all_study_summaries(strategy_search._storage())
    study = optuna.load_study(study_name=summary.study_name, storage=strategy_search._storage())
    states = [trial.state for trial in study.trials]
    assert states.count(TrialState.RUNNING) == 0
    assert states.count(TrialState.FAIL) == 1
    assert found.searched.trials == 4  # type: ignore[union-attr]


@pytest.mark.usefixtures("results")
def test_other_data_is_another_study_whose_trials_count(both: list[Dataset]) -> None:
    """Who searches, gets new data and searches again has tried both."""
    search(Quick(), both[0], name="quick-er", trials=1, seed=1)  # another model
    first, second = (search(Quick(), data, name="quick", trials=trials, seed=1) for data, trials in zip(both, (3, 2), strict=True))
    assert (first.searched.trials, second.searched.trials) == (3, 5)  # type: ignore[union-attr]
    assert len(optuna.get_all_study_summaries(strategy_search._storage())) == 3
