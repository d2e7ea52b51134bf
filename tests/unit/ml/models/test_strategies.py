"""The three strategy models on made-up backtests: a planted signal is found, luck is not, and a label of its own features is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from gymnasium.utils.env_checker import check_env
from sklearn.metrics import roc_auc_score

from include.errors import ConfigurationError, ModelError, NoEdgeError, UnsuitableError
from include.feature_sets import write_current
from include.lake import Lake
from include.universes import load_universe
from ml.catalog import make_model
from ml.dataset import Dataset, Source
from ml.models.strategy_agent import live_through
from ml.models.strategy_data import NEXT, StrategyModel, two_parts
from ml.models.strategy_ensemble import StrategyEnsemble
from ml.models.strategy_environment import STAKES, StrategyEnvironment, reward
from ml.models.strategy_judge import by_date, deflated, judge_strategies
from ml.validation.walk_forward import walk_forward
from tests.backtests import made_source
from tests.model_lake import FEATURE_SET

MODELS = ("strategy_ensemble", "strategy_classifier", "strategy_agent")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    write_current(lake, "1d", FEATURE_SET)
    return lake


@pytest.fixture(scope="module")
def luck(lake: Lake) -> Dataset:
    return StrategyEnsemble().prepare(made_source(lake, windows=64, strategies=40, seed=5))


@pytest.fixture(scope="module")
def planted(lake: Lake) -> Dataset:
    return StrategyEnsemble().prepare(made_source(lake, windows=64, strategies=24, signal=0.7, seed=6))


def stated(model_id: str, data: Dataset) -> pd.DataFrame:
    """What one model, fitted on the first 60 % of the time, states of the rest."""
    moment = data.rows["closed_at"].quantile(0.6)
    model = make_model(model_id)
    said = model.fit(data.known_by(moment), seed=3).predict(data)[NEXT]
    later = (data.rows["closed_at"] >= moment) & data.labels[NEXT]["value"].notna()
    return said.assign(actual=data.labels[NEXT]["value"], net_return=data.labels[NEXT]["net_return"], closed_at=data.rows["closed_at"])[
        later
    ]


@pytest.mark.parametrize("model_id", MODELS)
def test_a_planted_oracle_is_learnt(model_id: str, planted: Dataset) -> None:
    said = stated(model_id, planted)
    assert roc_auc_score(said["actual"], said["p1"]) > 0.75
    own, equal = by_date(said, said["model"]), by_date(said, np.ones(len(said)))
    assert own.mean() > equal.mean() + 0.003


@pytest.mark.parametrize("model_id", MODELS)
def test_luck_is_not_beaten(model_id: str, luck: Dataset) -> None:
    said = stated(model_id, luck)
    assert len(said) > 1000
    assert 0.45 < roc_auc_score(said["actual"], said["p1"]) < 0.55


@pytest.mark.parametrize("model_id", MODELS)
def test_random_labels_give_an_auc_about_a_half(model_id: str, planted: Dataset) -> None:
    """Dealt out anew over all rows, the labels of a planted signal are luck as well."""
    label = planted.labels[NEXT]
    there = label["value"].notna()
    dealt = label.assign(value=label["value"].where(~there, np.nan))
    dealt.loc[there, "value"] = np.random.default_rng(8).permutation(label.loc[there, "value"].to_numpy())
    said = stated(model_id, replace(planted, labels={NEXT: dealt}))
    assert 0.45 < roc_auc_score(said["actual"], said["p1"]) < 0.55


def test_a_score_over_a_threshold_is_refused_as_label(lake: Lake) -> None:
    """The label of the next window must not be what the past window already says."""
    source = made_source(lake, strategies=24)
    results = source.results.sort_values(["strategy", "symbol", "window_start"], ignore_index=True)
    before = results.groupby(["strategy", "symbol"])[["sharpe_ratio", "roi"]].shift()
    copied = results.assign(roi=np.where(before["sharpe_ratio"] + before["roi"] > 0, 0.01, -0.01))
    with pytest.raises(ModelError, match="function of the features"):
        StrategyEnsemble().prepare(replace(source, results=copied))


def test_less_than_a_thousand_backtests_are_refused(lake: Lake) -> None:
    with pytest.raises(ModelError, match=r"Insufficient data for training: 936 backtests have a next window with trades, 1000 are needed"):
        StrategyEnsemble().prepare(made_source(lake, windows=14, strategies=24))


def test_too_few_that_were_worth_anything_are_no_edge(lake: Lake) -> None:
    """Enough was tried, hardly anything scored, and what did earned nothing more: that is an answer."""
    dear = made_source(lake, windows=20, strategies=24)
    dear = replace(dear, results=dear.results.assign(roi=dear.results["roi"] - 0.02))
    with pytest.raises(
        NoEdgeError, match=r"^No edge after costs: \d+ of 1368 backtests scored 0.95 or more .* they earned -.* all backtests -"
    ):
        StrategyEnsemble(0.95).prepare(dear)
    with pytest.raises(NoEdgeError, match=r"0 of 1368 backtests scored 1.0 or more in the past window, 400 are needed to learn a choice$"):
        StrategyEnsemble(1.0).prepare(dear)


def test_few_that_go_on_earning_are_too_little_data(lake: Lake) -> None:
    source = made_source(lake, windows=20, strategies=24)
    earning = replace(source, results=source.results.assign(roi=source.results["roi"] + 0.05))
    with pytest.raises(ModelError, match=r"Insufficient data for training: .* scored 0.95 or more .* simulate more") as raised:
        StrategyEnsemble(0.95).prepare(earning)
    assert not isinstance(raised.value, NoEdgeError)


def test_a_leak_is_refused_before_no_edge_is_said(lake: Lake) -> None:
    """The filter leaves too few rows, and yet the label was copied from the past: that is no answer."""
    source = made_source(lake, strategies=24)
    results = source.results.sort_values(["strategy", "symbol", "window_start"], ignore_index=True)
    before = results.groupby(["strategy", "symbol"])["sharpe_ratio"].shift()
    copied = results.assign(roi=np.where(before > 0, 0.01, -0.01))
    with pytest.raises(ModelError, match="function of the features"):
        StrategyEnsemble(1.0).prepare(replace(source, results=copied))


def test_a_strategy_that_never_traded_counts_as_a_try(lake: Lake) -> None:
    source = made_source(lake, windows=64, strategies=40, seed=5)
    silent = source.results[source.results["strategy"] == "rule-00"]
    silent = silent.assign(strategy="silent", total_bets=0, roi=0.0, sharpe_ratio=np.nan, win_rate=np.nan, composite_score=np.nan)
    judged = []
    for results in (source.results, pd.concat([source.results, silent], ignore_index=True)):
        forward = walk_forward(StrategyEnsemble(), StrategyEnsemble().prepare(replace(source, results=results)), seed=7)
        assert "silent" not in set(forward["strategy"])
        judged.append(deflated(forward, 0))
    assert [one.trials for one in judged] == [41, 42]
    assert judged[1].expected_maximum > judged[0].expected_maximum


def test_the_filter_looks_at_the_past_window_only(lake: Lake) -> None:
    source = made_source(lake, strategies=24)
    some, everything = StrategyEnsemble(0.5).prepare(source), StrategyEnsemble().prepare_unfiltered(source)
    assert len(some.rows) < len(everything.rows)
    assert some.rows["composite_score"].min() >= 0.5
    kept = everything.rows["composite_score"] >= 0.5
    pd.testing.assert_frame_equal(everything.rows[kept].reset_index(drop=True), some.rows)
    assert "composite_score" not in some.features
    for wrong in (0.29, 1.5):
        with pytest.raises(ConfigurationError, match="min_composite_score"):
            StrategyEnsemble(wrong).prepare(source)


def test_without_backtests_there_is_nothing_to_learn_from(lake: Lake) -> None:
    with pytest.raises(UnsuitableError, match="run simulate_trades"):
        StrategyEnsemble().prepare(Source(lake, load_universe("sample")))


def test_calibration_rows_are_later_than_what_was_learnt(luck: Dataset) -> None:
    taken = luck.labels[NEXT]["value"].notna().to_numpy()
    early, late = two_parts(luck, taken)
    known_at, decided = luck.labels[NEXT].loc[taken, "known_at"], luck.rows.loc[taken, "closed_at"]
    assert early.any()
    assert late.any()
    assert known_at[early].max() <= decided[late].min()


def test_one_outcome_only_states_its_share(lake: Lake) -> None:
    source = made_source(lake, strategies=24)
    always = replace(source, results=source.results.assign(roi=source.results["roi"].abs() + 0.001))
    for model_id in MODELS:
        model = make_model(model_id)
        assert isinstance(model, StrategyModel)
        data = model.prepare(always)
        chance = model.fit(data, seed=1).predict(data)[NEXT]["p1"]
        assert chance.min() > 0.95
        assert model.baselines(data, data)[NEXT].notna().all(axis=None)


def test_reward_by_hand() -> None:
    np.testing.assert_allclose(reward(STAKES, 0.2), [0.0, 0.1 - 0.005, 0.2 - 0.02])
    np.testing.assert_allclose(reward(1.0, -0.2), -0.22)


def test_the_environment_keeps_gymnasiums_rules() -> None:
    environment = StrategyEnvironment(np.zeros((5, 3)), np.array([0.1, -0.1, 0.0, 0.2, 0.3]))
    check_env(environment, skip_render_check=True)
    environment.reset(seed=1)
    _, earned, over, _, told = environment.step(np.int64(2))
    assert earned == pytest.approx(0.1 - 0.005)
    assert not over
    np.testing.assert_allclose(told["rewards"], reward(STAKES, 0.1))
    lived = live_through(environment, seed=2)
    np.testing.assert_allclose(lived, reward(STAKES[None, :], np.array([[0.1], [-0.1], [0.0], [0.2], [0.3]])))


def test_the_policy_is_the_softmax_of_q(planted: Dataset) -> None:
    fitted = make_model("strategy_agent").fit(planted, seed=1)
    policy = fitted.predict_proba(planted)  # type: ignore[attr-defined]
    assert policy.shape == (len(planted.rows), 3)
    np.testing.assert_allclose(policy.sum(axis=1), 1.0)
    said = fitted.predict(planted)[NEXT]
    np.testing.assert_array_equal(said["model"], STAKES[policy.argmax(axis=1)])
    assert set(said["model"]) <= {0.0, 0.5, 1.0}


def test_an_update_learns_from_new_rows_only(planted: Dataset) -> None:
    model, moment = StrategyEnsemble(), planted.rows["closed_at"].quantile(0.5)
    before = model.fit(planted.known_by(moment), seed=1)
    new = planted.since(moment)
    after = model.update(before, new, seed=1)
    assert after.members.booster.trees != before.members.booster.trees
    assert after.members.forest is before.members.forest
    assert after.line == before.line
    again = model.update(before, new, seed=1)
    assert after.files() == again.files()
    assert model.load(after.files()).predict(planted)[NEXT].equals(after.predict(planted)[NEXT])


def test_the_judge_says_no_edge_where_there_is_none(luck: Dataset) -> None:
    forward = walk_forward(StrategyEnsemble(), luck, seed=7)
    judged = judge_strategies(forward, more_trials=100)
    first, stakes, trials, split = judged.promises
    assert "no edge found" in first["reason"]
    assert {promise["verdict"] for promise in (first, stakes, trials, split)} == {"not met"}
    assert f"the best of {40 + 1 + 100} trials" in trials["reason"]
    lines = {line["name"]: line["metrics"] for line in judged.groups[0]["comparison"]}
    assert list(lines) == ["model", "majority", "past Sharpe", "logistic", "equal stake", "always skip"]
    assert lines["always skip"]["net_return"] == 0.0
    assert lines["equal stake"]["net_return"] == pytest.approx(forward.groupby("closed_at")["net_return"].mean().mean())


def test_what_the_simpler_logistic_line_keeps_as_well_is_no_merit(luck: Dataset) -> None:
    forward = walk_forward(StrategyEnsemble(), luck, seed=7).iloc[:900].reset_index(drop=True)
    profit = forward["actual"] == 1
    told = forward.assign(net_return=np.where(profit, 0.01, -0.01), model=np.where(profit, 1.0, 0.0), p1=np.where(profit, 0.7, 0.3))
    told["p0"] = 1 - told["p1"]
    assert [promise["verdict"] for promise in judge_strategies(told).promises[:3]] == ["met"] * 3
    alike = told.assign(logistic=told["model"], **{"logistic p1": told["p1"], "logistic p0": told["p0"]})
    judged = judge_strategies(alike).promises[:3]
    assert [promise["verdict"] for promise in judged] == ["trivially met"] * 3
    assert all("simpler 'logistic'" in promise["reason"] for promise in judged)


def test_the_judge_refuses_what_is_too_good(planted: Dataset) -> None:
    forward = walk_forward(StrategyEnsemble(), planted, seed=7)
    with pytest.raises(ModelError, match="more than knowledge of the past can give"):
        judge_strategies(forward)


def test_stakes_by_hand() -> None:
    """Two dates of two strategies: the model takes one of each."""
    stamps = pd.to_datetime(["2020-01-01", "2020-01-01", "2020-02-01", "2020-02-01"], utc=True)
    rows = pd.DataFrame({"closed_at": stamps, "net_return": [0.1, -0.1, 0.2, -0.4], "model": [1.0, 0.0, 0.5, 0.0]})
    np.testing.assert_allclose(by_date(rows, rows["model"]), [0.05, 0.05])
    np.testing.assert_allclose(by_date(rows, np.ones(4)), [0.0, -0.1])
