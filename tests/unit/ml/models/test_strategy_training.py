"""From real bars to simulated trades to strategies: trained, gone on from, among twins, and on a page."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from include.costs import costs_of
from include.errors import ConfigurationError, NoEdgeError, UnsuitableError
from include.lake import Lake
from include.results.engine import results_engine
from include.results.migrate import migrate
from include.settings import settings
from include.trades import list_runs, read_trades
from include.universes import load_universe
from ml import registry
from ml.backtests import BacktestSource, open_backtests
from ml.dataset import Source
from ml.models import strategy_ensemble
from ml.models.strategy_ensemble import FittedEnsemble, StrategyEnsemble
from ml.models.strategy_training import Wish, _further, train_strategy
from ml.models.strategy_twins import chosen_trades
from ml.prediction import state
from ml.promotion import promote, propose
from ml.report.strategies import publish_strategies, read_strategies
from ml.simulation.market import store_market_features
from ml.simulation.rules import strategies
from ml.simulation.run import Run, simulate
from ml.simulation.store import publish_simulated
from ml.trained_versions import note_version
from ml.training import Trained, train_on
from tests.model_lake import SYMBOLS, real_bars, registry_at, write_lake

WHERE = {"universe": "sample", "timeframe": "1d", "seed": 7}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Real bars of ten years, and all published rules simulated on them, in a results database of these tests' own."""
    folder = tmp_path_factory.mktemp("strategies")
    before = os.environ.get("RESULTS_URL")
    os.environ["RESULTS_URL"] = f"sqlite:///{folder / 'results.db'}"
    trees, strategy_ensemble._FOREST_TREES = strategy_ensemble._FOREST_TREES, 60
    results_engine.cache_clear()
    with registry_at(folder):
        lake = write_lake(Lake(str(folder / "lake")), [real_bars(symbol, "2009-01-01", "2019-01-01") for symbol in SYMBOLS])
        source, engine = Source(lake, load_universe("sample")), results_engine()
        migrate(engine)
        publish_simulated(lake, engine, simulate(source, Run("rules", list(strategies()), costs_of("sample", None))))
        store_market_features(source, engine)
        yield lake
    strategy_ensemble._FOREST_TREES = trees
    os.environ.pop("RESULTS_URL") if before is None else os.environ.update(RESULTS_URL=before)
    results_engine.cache_clear()
    settings.cache_clear()


@pytest.fixture(scope="module")
def source(lake: Lake) -> BacktestSource:
    return open_backtests(lake, load_universe("sample"), "1d")


@pytest.fixture(scope="module")
def early(source: BacktestSource) -> Trained:
    """A version that ends before the newest backtest."""
    past = replace(source, end=pd.Timestamp("2017-04-01", tz="UTC").to_pydatetime())
    model = StrategyEnsemble()
    return train_on(past, model, "strategy_ensemble", seed=7, further=lambda forward: _further(past, model, forward, 7))


@pytest.fixture(scope="module")
def gone_on(lake: Lake, early: Trained) -> Trained:
    return train_strategy(lake, "strategy_ensemble", Wish(continue_boosting=True), **WHERE)


def test_real_backtests_hold_no_edge(early: Trained) -> None:
    card = early.card
    first = card["promises"][0]
    assert first["verdict"] == "not met"
    assert "no edge found" in first["reason"]
    lines = {line["name"]: line["metrics"] for line in card["groups"][0]["comparison"]}
    assert 0.44 < lines["model"]["auc"] < 0.56
    days = np.array([part["days"] for part in card["dated_split"]["parts"].values()])
    assert days / days.sum() == pytest.approx([0.6, 0.2, 0.2], abs=0.03)
    worth = card["strategies"]["backtests"]
    assert worth["without filter"]["rows"] > worth["with filter"]["rows"] > 400
    twins = card["strategies"]["twins"]
    assert len(twins["twins"]) == 200
    assert 0 < twins["p_value"] <= 1
    assert card["canaries"]["planted signal"]["verdict"] == "found"


def test_the_chosen_trades_are_those_of_the_chosen_windows(source: BacktestSource) -> None:
    results = source.results
    chosen = results[(results["total_bets"] > 3) & (results["symbol"] == "^GSPC")].iloc[5]
    forward = pd.DataFrame(
        {"strategy": chosen["strategy"], "symbol": chosen["symbol"], "timestamp": chosen["window_start"], "model": [0.5, 0.0]}
    )
    found = chosen_trades(source, forward)
    [run_id] = list_runs(source.lake)
    trades = read_trades(source.lake, run_id)
    mine = trades[(trades["strategy"] == chosen["strategy"]) & (trades["symbol"] == chosen["symbol"])]
    mine = mine[(mine["entered_at"] >= chosen["window_start"]) & (mine["entered_at"] < chosen["window_end"])]
    assert set(found["trade_id"]) == set(mine["trade_id"])
    assert len(found) == chosen["total_bets"]
    np.testing.assert_allclose(found["size"].sum(), mine["size"].sum() * 0.5 / 2)  # half a stake, of half the equity


def test_going_on_is_a_challenger_measured_on_old_and_new_rows(early: Trained, gone_on: Trained) -> None:
    told = gone_on.card["continued"]
    assert told["from_version"] == early.version
    assert gone_on.card["params"]["continued_from"]["version"] == early.version
    old, new = (told["labels"]["next window"][part] for part in ("old", "new"))
    assert list(new["loss"]) == [f"before (version {early.version})", "continued", "full refit"]
    assert old["rows"] > new["rows"] > 100
    # It learnt from the new rows, but where the version before is calibrated down to the share of profits both state that share.
    assert new["loss"]["continued"] <= new["loss"][f"before (version {early.version})"]
    assert registry.holder("strategy_ensemble", registry.CHALLENGER) == gone_on.version
    assert registry.holder("strategy_ensemble", registry.CHAMPION) is None
    before, after = (registry.get("strategy_ensemble", one.version).load() for one in (early, gone_on))
    assert isinstance(before, FittedEnsemble)
    assert isinstance(after, FittedEnsemble)
    assert before.members.logistic == after.members.logistic
    assert before.members.booster.trees != after.members.booster.trees


def test_nothing_new_is_nothing_to_go_on_with(lake: Lake, gone_on: Trained) -> None:
    with pytest.raises(UnsuitableError, match="nothing became known since"):
        train_strategy(lake, "strategy_ensemble", Wish(continue_boosting=True), **WHERE)


def test_the_gate_serves_the_share_of_profits(gone_on: Trained) -> None:
    decision = propose("strategy_ensemble", gone_on.version)
    assert decision is not None
    assert decision.serves == {"next window": "majority"}


def test_only_the_ensemble_goes_on_and_it_does_not_search(lake: Lake) -> None:
    with pytest.raises(UnsuitableError, match="strategy_classifier cannot go on from an earlier version"):
        train_strategy(lake, "strategy_classifier", Wish(continue_boosting=True), **WHERE)
    with pytest.raises(ConfigurationError, match="keeps the parameters of the version before"):
        train_strategy(lake, "strategy_ensemble", Wish(trials=3, continue_boosting=True), **WHERE)
    with pytest.raises(ConfigurationError, match="is no strategy model"):
        train_strategy(lake, "volatility_garch", Wish(), **WHERE)


def test_the_page_says_no_edge_and_shows_the_twins(lake: Lake, early: Trained, gone_on: Trained) -> None:
    path = publish_strategies(lake, run="look", universe="sample", timeframe="1d")
    page = lake.read(path).decode()
    assert "<h2>No edge" in page
    for words in ("This version goes on from version", "without filter", "Overfitting"):
        assert words in page
    note_version(lake, "sample", "1d", "strategy_ensemble", early.version)
    before = lake.read(publish_strategies(lake, run="before", universe="sample", timeframe="1d")).decode()
    note_version(lake, "sample", "1d", "strategy_ensemble", gone_on.version)
    for words in ("<h2>No edge", "Among random twins", "200 random twins", f"p-value {early.card['strategies']['twins']['p_value']:.3f}"):
        assert words in before
    [view] = read_strategies(lake, "sample", "1d")
    assert not view.has_edge
    assert view.card is not None
    assert view.card.version == gone_on.version
    with pytest.raises(UnsuitableError, match="no training of a strategy model on 1h bars"):
        publish_strategies(lake, run="look", universe="sample", timeframe="1h")


def test_an_edge_needs_its_twins(lake: Lake, gone_on: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promises that are met are not enough where the twins do as well."""
    from ml.report import strategies as page

    found = registry.get("strategy_ensemble", gone_on.version)
    card = json.loads(json.dumps(found.card))
    for promise in card["promises"]:
        promise["verdict"] = "met"
    for has_edge in (True, False):
        card["strategies"]["twins"]["has_edge"] = has_edge
        monkeypatch.setattr(page.registry, "get", lambda *_, card=card: replace(found, card=card))
        [view] = read_strategies(lake, "sample", "1d")
        assert view.has_edge is has_edge
    card["strategies"].pop("twins")
    [view] = read_strategies(lake, "sample", "1d")
    assert "says nothing of twins" in str(view.problem)


def test_the_champion_states_the_decisions_that_are_open(lake: Lake, gone_on: Trained) -> None:
    """By the same road as every model: promoted by the gate, it states the newest date, where no outcome is known."""
    decision = propose("strategy_ensemble", gone_on.version)
    assert decision is not None
    promote("strategy_ensemble", decision.version, expected=None, serves=decision.serves, reason=decision.reason)
    stated = state(lake, "strategy_ensemble", None, most_months=6)
    assert stated is not None
    rows = stated.rows
    assert set(rows["line"]) == {"majority"}
    assert rows["is_oos"].all()
    assert len(set(rows["timestamp"])) == 1
    assert rows["particulars"].str.contains("strategy").all()
    np.testing.assert_allclose(rows["p0"] + rows["p1"], 1.0)


def test_no_edge_is_noted_and_is_a_page(lake: Lake, gone_on: Trained) -> None:
    """Of real backtests none scores 1, and that is an answer; what was registered before stays."""
    newest = registry.holder("strategy_classifier", registry.CHALLENGER)
    with pytest.raises(NoEdgeError, match="No edge after costs: 0 of"):
        train_strategy(lake, "strategy_classifier", Wish(min_composite_score=1.0), **WHERE)
    assert registry.holder("strategy_classifier", registry.CHALLENGER) == newest is None
    page = lake.read(publish_strategies(lake, run="none", universe="sample", timeframe="1d")).decode()
    assert page.count("No edge after costs: 0 of") == 1
    assert "This version goes on from version" in page  # the ensemble
