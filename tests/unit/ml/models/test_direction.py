from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from include.errors import ModelError
from ml.dataset import Dataset, Source
from ml.labels.direction import DOWN, NEUTRAL, UP
from ml.models.direction_data import NEXT
from ml.models.direction_judge import ALL, _rank_ic, judge_directions
from ml.models.direction_lstm import DirectionLstm
from ml.models.direction_xgboost import DirectionXgboost
from ml.validation.walk_forward import walk_forward
from tests.model_lake import FEATURES

MODEL = DirectionXgboost()
CHANCES = ["p0", "p1", "p2"]


@pytest.fixture(scope="module")
def data(source: Source) -> Dataset:
    return MODEL.prepare(source)


@pytest.fixture(scope="module")
def predictions(data: Dataset) -> pd.DataFrame:
    return walk_forward(MODEL, data, seed=7)


def test_a_statistic_takes_no_part_and_no_price_is_a_feature(data: Dataset) -> None:
    assert data.symbols == ["^GSPC", "^IXIC"]
    assert "no price that anyone can hold" in data.left_out["^VIX"]
    assert set(data.features) == set(FEATURES) - {"breadth_above_sma_50"}  # which is null here


def test_labels_are_the_next_closes_on_real_bars(data: Dataset) -> None:
    import arch.data.sp500

    close = arch.data.sp500.load()["Close"]
    change = (close.shift(-1) / close - 1).to_numpy()
    expected = pd.Series(np.select([change < -0.001, change > 0.001], [DOWN, UP], NEUTRAL), index=close.index.tz_localize("UTC"))
    rows = data.rows[data.rows["symbol"] == "^GSPC"]
    value = data.labels[NEXT].loc[rows.index, "value"]
    assert (value.to_numpy()[:-1] == expected.reindex(rows["timestamp"]).to_numpy()[:-1]).all()
    assert np.isnan(value.iloc[-1])


def test_no_edge_is_found_and_said(predictions: pd.DataFrame) -> None:
    judgement = MODEL.judge(predictions)
    assert [group["name"] for group in judgement.groups] == [ALL, "^GSPC", "^IXIC"]
    first, required, _ = judgement.promises
    assert first["verdict"] == required["verdict"] == "not met"
    assert "no edge found: " in first["reason"]
    assert "95 % interval" in first["reason"]
    lines = {line["name"]: line["metrics"] for line in judgement.groups[0]["comparison"]}
    assert list(lines) == ["model", "majority", "always up", "reversal", "logistic"]
    assert abs(lines["model"]["log_loss"] - lines["majority"]["log_loss"]) < 0.02
    assert lines["always up"]["auc"] == pytest.approx(0.5, abs=0.03)
    assert judgement.test_accuracy == lines["model"]["accuracy"]


def test_each_interval_stands_beside_its_own_mean(predictions: pd.DataFrame) -> None:
    """Days with fewer symbols weigh more in a mean over days than in the share of all rows, so that these may differ."""
    lone = (predictions["symbol"] == "^GSPC") | (predictions["closed_at"].dt.year < predictions["closed_at"].dt.year.max())
    rows = predictions[lone].reset_index(drop=True)
    rows["logistic"] = np.where(np.arange(len(rows)) % 2 == 0, rows["actual"], rows["majority"])  # right most often by far
    found, required, _ = judge_directions(rows).promises
    right = (rows["model"] == rows["actual"]).astype(float)
    days = right.groupby(rows["closed_at"].dt.floor("D")).mean()
    assert f"{right.mean():.1%}" != f"{days.mean():.1%}", "the rows were to tell them apart"
    assert required["reason"].startswith(f"{right.mean():.1%} of three classes; a day's mean is {days.mean():.1%}, 95 % interval ")
    assert "of 'logistic'; gain a day -" in found["reason"]
    over = (right - (rows["majority"] == rows["actual"])).groupby(rows["closed_at"].dt.floor("D")).mean().mean()
    assert f"; over 'majority' {over:+.3f}, 95 % interval " in found["reason"]


def test_what_the_logistic_line_keeps_too_is_trivially_met(predictions: pd.DataFrame) -> None:
    """Both know a little of what comes, the line a little more; then the line knows nothing."""
    rows, came = predictions.copy(), predictions["actual"].to_numpy(int)
    shares = rows[[f"majority {name}" for name in CHANCES]].to_numpy()
    outcome = np.eye(3)[came]
    rows[CHANCES] = 0.97 * shares + 0.03 * outcome
    logistic = [f"logistic {name}" for name in CHANCES]
    rows[logistic] = 0.96 * shares + 0.04 * outcome
    promise = judge_directions(rows).promises[2]
    assert promise["verdict"] == "trivially met"
    assert "but the simpler 'logistic' gains +0." in promise["reason"]
    rows[logistic] = shares
    promise = judge_directions(rows).promises[2]
    assert (promise["verdict"], "simpler" in promise["reason"]) == ("met", False)


def test_probabilities_always_sum_to_one(predictions: pd.DataFrame) -> None:
    for line in ("", "majority ", "always up ", "reversal ", "logistic "):
        np.testing.assert_allclose(predictions[[line + name for name in CHANCES]].sum(axis=1), 1.0, rtol=1e-6)
    assert (predictions["always up"] == UP).all()


def test_reversal_is_the_opposite_of_today(data: Dataset, predictions: pd.DataFrame) -> None:
    today = data.rows.set_index(["symbol", "timestamp"])["return_1"]
    stated = predictions.set_index(["symbol", "timestamp"])["reversal"]
    assert (stated == np.where(today.reindex(stated.index) > 0, DOWN, UP)).all()


def test_shuffled_labels_leave_the_shares(data: Dataset) -> None:
    label = data.labels[NEXT]
    there = label["value"].notna()
    values = label["value"].copy()
    values[there] = np.random.default_rng(3).permutation(values[there])
    judgement = MODEL.judge(walk_forward(MODEL, replace(data, labels={NEXT: label.assign(value=values)}), seed=7))
    assert [promise["verdict"] for promise in judgement.promises] == ["not met"] * 3


def test_the_future_in_the_features_is_refused(predictions: pd.DataFrame) -> None:
    leaked = predictions.copy()
    known = np.random.default_rng(1).random(len(leaked)) < 0.2
    leaked.loc[known, "model"] = leaked.loc[known, "actual"]
    with pytest.raises(ModelError, match=r"direction of all symbols: .* is more than knowledge of the past can give"):
        judge_directions(leaked)
    chances = [name for name in leaked if name.startswith("logistic")]
    leaked[chances] = leaked[["model", *CHANCES]].to_numpy()  # the logistic line looks at the same features
    with pytest.raises(ModelError, match="by saying the same every day"):
        judge_directions(leaked)


def test_tomorrows_return_among_the_features_is_refused(source: Source, data: Dataset) -> None:
    """Features one day late, as a careless join makes them."""
    rows = data.rows.copy()
    rows[data.features] = rows.groupby("symbol")[data.features].shift(-1)
    late = replace(data, rows=rows)
    with pytest.raises(ModelError, match="look for the future"):
        MODEL.judge(walk_forward(MODEL, late, seed=7))


def test_a_symbol_that_training_lacked_starts_from_the_shares_of_all(data: Dataset) -> None:
    fitted = MODEL.fit(data, seed=7)
    other = replace(data, rows=data.rows.assign(symbol="NEW"))
    stated = fitted.predict(other)[NEXT]
    np.testing.assert_allclose(stated[CHANCES].sum(axis=1), 1.0, rtol=1e-6)


def test_importance_is_told_for_every_feature(data: Dataset) -> None:
    shares = MODEL.fit(data, seed=7).importance
    assert set(shares) == set(data.features)
    assert sum(shares.values()) == pytest.approx(1.0)


def test_the_network_states_three_classes_from_the_same_start(source: Source) -> None:
    model = DirectionLstm()
    data = model.prepare(source)
    known = data.known_by(pd.Timestamp("2012-01-01", tz="UTC"))
    fitted = model.fit(known, seed=7)
    stated = fitted.predict(data)[NEXT]
    young = data.rows.groupby("symbol").cumcount() < 19
    assert stated.loc[young, "model"].isna().all()
    np.testing.assert_allclose(stated.loc[~young, CHANCES].sum(axis=1), 1.0, rtol=1e-6)
    assert set(fitted.files()) == {"direction.keras", "direction.json", "start.json", "importance.json"}
    later = (~young & (data.rows["closed_at"] >= "2012-01-01")).to_numpy()
    shares = model.baselines(known, data)[NEXT].loc[later, [f"majority {name}" for name in CHANCES]].to_numpy()
    assert np.abs(stated.loc[later, CHANCES].to_numpy() - shares).mean() < 0.1


def test_rank_ic_is_the_mean_of_each_days_rank_correlation() -> None:
    from scipy.stats import spearmanr

    chance = np.random.default_rng(6)
    rows = pd.DataFrame({"day": np.repeat(pd.date_range("2020-01-01", periods=30, tz="UTC"), 8)})
    rise, came = chance.random(240).round(1), chance.integers(0, 3, 240).astype(float)
    came[:8] = 1.0  # a day on which all came alike has none
    days = [spearmanr(rise[first : first + 8], came[first : first + 8]).statistic for first in range(8, 240, 8)]
    assert _rank_ic(rise, came, rows["day"]) == pytest.approx(np.mean(days))
    assert _rank_ic(rise[::8], came[::8], rows["day"].iloc[::8]) is None
