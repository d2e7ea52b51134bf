"""The models of trades: each learns what is there to learn, states nothing where there is nothing, and says so."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from include.errors import ModelError
from ml.dataset import Dataset, Source
from ml.models import edge_xgboost
from ml.models.edge_judge import NET_RETURN, WINS, judge_edge
from ml.models.edge_xgboost import EdgeXgboost
from ml.models.friction_xgboost import COST, FrictionXgboost
from ml.models.risk_quantile import EXCURSION, RiskQuantile
from ml.validation.walk_forward import walk_forward

EDGE, FRICTION, RISK = EdgeXgboost(), FrictionXgboost(), RiskQuantile()


@pytest.fixture(scope="module")
def source(source: Source) -> Source:
    return replace(source, start=datetime(2013, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def edge(source: Source) -> Dataset:
    return EDGE.prepare(source)


@pytest.fixture(scope="module")
def edge_rows(edge: Dataset) -> pd.DataFrame:
    return walk_forward(EDGE, edge, seed=7)


def lines(group: dict[str, Any]) -> dict[str, dict[str, float]]:
    return {line["name"]: line["metrics"] for line in group["comparison"]}


def relabelled(data: Dataset, **values: np.ndarray) -> Dataset:
    """The dataset with other outcomes where there were outcomes; names with _ for spaces."""
    labels = dict(data.labels)
    for name, value in values.items():
        label = labels[name.replace("_", " ")]
        labels[name.replace("_", " ")] = label.assign(value=np.where(label["value"].notna(), value, np.nan))
    return replace(data, labels=labels)


def test_coins_have_no_edge_and_the_answer_is_no_trade(edge_rows: pd.DataFrame) -> None:
    judgement = EDGE.judge(edge_rows)
    wins, net = lines(judgement.groups[0]), lines(judgement.groups[1])
    assert 0.45 < wins["model"]["auc_within"] < 0.55
    assert wins["prior"]["auc_within"] == pytest.approx(0.5, abs=0.02)
    assert wins["gambler's ruin"]["brier"] < wins["prior"]["brier"]
    assert net["all trades taken"]["share_taken"] == 1.0
    assert judgement.no_trade
    assert [promise["verdict"] for promise in judgement.promises][1] == "not met"
    assert "NO_TRADE" in judgement.promises[1]["reason"]
    assert {"^GSPC", "^IXIC"} <= {group["name"] for group in judgement.groups}


def test_a_planted_edge_is_found_and_the_gate_opens(edge: Dataset) -> None:
    chance = np.random.default_rng(6)
    good = (edge.rows["with_return_5"] > 0).to_numpy()
    won = chance.random(len(good)) < np.where(good, 0.54, 0.47)
    planted = relabelled(edge, wins=won.astype(float), net_return=np.where(won, 1.0, -1.1) + np.where(good, 0.2, -0.2))
    rows = walk_forward(EDGE, planted, seed=7)
    judgement = EDGE.judge(rows)
    assert judgement.no_trade is None
    assert judgement.promises[1]["verdict"] == "met"
    net = lines(judgement.groups[1])
    assert 0.3 < net["model"]["share_taken"] < 0.7
    assert net["model"]["expected_value_low"] > max(0, net["all trades taken"]["expected_value"])
    assert net["model"]["expected_value_low"] < net["model"]["expected_value"] < net["model"]["expected_value_high"]


def test_shuffled_wins_are_not_told(edge: Dataset) -> None:
    value = edge.labels[WINS]["value"]
    dealt = value.copy()
    dealt[value.notna()] = np.random.default_rng(3).permutation(value.dropna())
    rows = walk_forward(EDGE, relabelled(edge, wins=dealt.to_numpy()), seed=7)
    assert 0.45 < lines(EDGE.judge(rows).groups[0])["model"]["auc_within"] < 0.55


def test_the_outcome_among_the_features_is_refused(edge: Dataset) -> None:
    leaking = edge.rows.assign(rsi_14=edge.rows["net_return"])
    rows = walk_forward(EDGE, replace(edge, rows=leaking), seed=7)
    with pytest.raises(ModelError, match=r"AUC of 1.000 on \d+ trades, more than knowledge of the past"):
        EDGE.judge(rows)


def test_a_label_that_side_and_distance_tell_is_refused(
    edge: Dataset, edge_rows: pd.DataFrame, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would raise the line with it: the shares of the same side and distance tell it as well as any model."""
    distance = edge.rows["take_profit_ranges"] * edge.rows["natr_14"]
    told = relabelled(edge, wins=(distance > distance.median()).to_numpy(np.float64))
    monkeypatch.setattr(edge_xgboost, "trade_dataset", lambda *_: told)
    with pytest.raises(ModelError, match="the label is a function of the features"):
        EDGE.prepare(source)
    certain = edge_rows.assign(model=edge_rows["actual"], **{"prior of side and distance": edge_rows["actual"]})
    with pytest.raises(ModelError, match=r"AUC of 1.000 on \d+ trades, more than knowledge of the past can give \(0.950\)"):
        EDGE.judge(certain)


def test_trades_that_overlap_the_fold_are_purged_by_their_exit(edge: Dataset) -> None:
    moment = pd.Timestamp("2014-06-02", tz="UTC")
    known = edge.known_by(moment)
    open_then = (known.rows["exited_at"] > moment).to_numpy()
    assert open_then.sum() > 3
    assert known.labels[WINS]["value"].isna().to_numpy()[open_then].all()
    assert known.labels[WINS]["value"].notna().to_numpy()[~open_then].all()


def test_all_alike_is_told(edge: Dataset) -> None:
    with pytest.raises(ModelError, match="all came out alike"):
        EDGE.fit(relabelled(edge, wins=np.ones(len(edge.rows))), seed=7)


def test_too_few_taken_closes_the_gate(edge_rows: pd.DataFrame) -> None:
    none = edge_rows.assign(model=np.where(edge_rows["label"] == NET_RETURN, -1.0, edge_rows["model"]))
    judgement = judge_edge(none)
    assert "would have taken 0; on fewer than 30 nothing can be said" in str(judgement.no_trade)


def test_earning_where_every_trade_earns_is_no_merit(edge_rows: pd.DataFrame) -> None:
    net = edge_rows["label"] == NET_RETURN
    chosen = edge_rows.assign(model=np.where(net, np.where(np.arange(len(edge_rows)) % 2 == 0, 1.0, -1.0), edge_rows["model"]))
    all_earn = chosen.assign(actual=np.where(net, 1.0, chosen["actual"]))
    taken_earn = chosen.assign(actual=np.where(net, chosen["model"], chosen["actual"]))
    assert judge_edge(all_earn).promises[1]["verdict"] == "trivially met"
    assert judge_edge(taken_earn).promises[1]["verdict"] == "met"


def test_friction_of_simulated_trades_is_said_to_be_the_simulators(source: Source) -> None:
    rows = walk_forward(FRICTION, FRICTION.prepare(source), seed=7)
    judgement = FRICTION.judge(rows)
    assert [group["name"] for group in judgement.groups] == ["simulated trades"]
    promise = judgement.promises[0]
    assert promise["verdict"] == "trivially met"
    assert promise["reason"].startswith("every trade is simulated: this only relearns the simulator's own formula")
    assert (rows["lower"] <= rows["model"]).all()
    assert (rows["model"] <= rows["upper"]).all()


def test_real_fills_are_judged_apart_and_decide(source: Source) -> None:
    data = FRICTION.prepare(source)
    chance = np.random.default_rng(8)
    real = chance.random(len(data.rows)) < 0.3
    width = data.rows["natr_14"].fillna(1).to_numpy()
    cost = np.where(real, 20 + 15 * width + chance.normal(size=len(real)), data.labels[COST]["value"])
    mixed = relabelled(data, cost=cost)
    mixed = replace(mixed, rows=mixed.rows.assign(origin=np.where(real, "real", "simulated"), is_real=real.astype(np.float32)))
    judgement = FRICTION.judge(walk_forward(FRICTION, mixed, seed=7))
    assert [group["name"] for group in judgement.groups] == ["simulated trades", "real trades"]
    apart = lines(judgement.groups[1])
    assert apart["model"]["mae"] < 0.5 * apart["constant"]["mae"]
    assert 0.8 < apart["model"]["coverage_90"] < 1
    assert judgement.promises[0]["verdict"] == "met"
    assert "simulated" not in judgement.promises[0]["reason"]


def test_the_levels_of_a_trade_tell_nothing_of_its_cost() -> None:
    from ml.models.friction_xgboost import _FEATURES

    assert not {"take_profit_ranges", "stop_ranges"} & set(_FEATURES)


def test_excursions_are_bounded_and_the_stop_stands_beside(source: Source) -> None:
    rows = walk_forward(RISK, RISK.prepare(source), seed=7)
    judgement = RISK.judge(rows)
    found = lines(judgement.groups[0])
    assert found["model"]["pinball_95"] < found["unconditional quantile"]["pinball_95"]
    assert 0.85 < found["model"]["coverage_95"] < 0.99  # a quarter end exactly at the stop, on either side of what is stated
    # The made-up trades cannot go further than their stop: no model can know more of the worst than where it is.
    assert judgement.promises[0]["verdict"] == "trivially met"
    assert "alone reaches" in judgement.promises[0]["reason"]
    assert found["model"]["pinball_95"] < 1.1 * found["distance of the stop"]["pinball_95"]


def test_a_quantile_that_only_the_market_tells_is_found(source: Source) -> None:
    data = RISK.prepare(source)
    wild, span = (data.rows["rsi_14"] > 55).to_numpy(), data.rows["natr_14"].to_numpy(np.float64)
    planted = relabelled(data, adverse_excursion=np.where(wild, 4.0, 1.0) * span * np.random.default_rng(2).random(len(wild)))
    judgement = RISK.judge(walk_forward(RISK, planted, seed=7))
    assert judgement.promises[0]["verdict"] == "met"
    assert lines(judgement.groups[0])["model"]["coverage_95"] == pytest.approx(0.95, abs=0.02)
    assert list(planted.labels) == [EXCURSION]
