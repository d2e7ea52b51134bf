from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from include.errors import ModelError
from ml.dataset import Dataset, Source
from ml.labels.regime3 import regime3
from ml.models.regime3_xgboost import HORIZONS, SAME_BAR, Regime3Xgboost
from ml.validation.walk_forward import walk_forward

MODEL = Regime3Xgboost()
CHANCES = ["p0", "p1", "p2"]


@pytest.fixture(scope="module")
def data(source: Source) -> Dataset:
    return MODEL.prepare(replace(source, start=datetime(2014, 1, 1, tzinfo=UTC)))


@pytest.fixture(scope="module")
def predictions(data: Dataset) -> pd.DataFrame:
    return walk_forward(MODEL, data, seed=7)


def test_all_symbols_with_a_price_take_part(data: Dataset) -> None:
    assert data.symbols == ["^GSPC", "^IXIC"]
    assert set(data.left_out) == {"^VIX", "AAPL"}
    assert not {"ema_26", "atr_14", "today"} & set(data.features)


def test_labels_ahead_are_those_of_later_bars_of_the_same_symbol(data: Dataset) -> None:
    now = regime3(data.rows).groupby(data.rows["symbol"])
    for name, bars in HORIZONS.items():
        label = data.labels[name]
        later = now.shift(-bars)
        there = later.notna() & label["value"].notna()
        assert there.sum() > 2000
        assert (label["value"] == later)[there].all()
        closed = data.rows["closed_at"].groupby(data.rows["symbol"]).shift(-bars)
        assert (label["known_at"] == closed)[there].all()


def test_the_same_bar_is_trivial_and_the_forecasts_are_judged(predictions: pd.DataFrame) -> None:
    judgement = MODEL.judge(predictions)
    assert [group["name"] for group in judgement.groups] == list(HORIZONS)
    losses = {g["name"]: {line["name"]: line["metrics"]["log_loss"] for line in g["comparison"]} for g in judgement.groups}
    assert losses["1 bar"]["Markov"] < losses["1 bar"]["persistence"] < losses["1 bar"]["majority"]
    assert losses["6 bars"]["model"] < losses["6 bars"]["Markov"]
    assert judgement.promises[0]["text"].startswith("The regime 6 bars ahead is forecast")
    assert judgement.promises[1] | {"reason": ""} == {
        "text": "70 % of the regimes right, of the same bar", "verdict": "trivially met", "reason": "",
    }  # fmt: skip
    np.testing.assert_allclose(predictions[CHANCES].sum(axis=1), 1.0, rtol=1e-9)


def test_the_future_in_the_features_is_refused(data: Dataset) -> None:
    leaking = data.rows.assign(rsi_14=data.labels["6 bars"]["value"].fillna(1.0))
    with pytest.raises(ModelError, match="6 bars ahead: accuracy"):
        MODEL.judge(walk_forward(MODEL, replace(data, rows=leaking), seed=7))


def test_shuffled_labels_fall_to_the_baseline(data: Dataset) -> None:
    chance = np.random.default_rng(3)
    labels = {n: label.assign(value=np.where(label["value"].notna(), chance.permutation(label["value"].fillna(2)), np.nan))
              for n, label in data.labels.items()}  # fmt: skip
    rows = walk_forward(MODEL, replace(data, labels=labels), seed=7)
    for name, part in rows.groupby("label"):
        actual = part["actual"].to_numpy()
        assert np.mean(part["model"].to_numpy() == actual) <= np.mean(part["majority"].to_numpy() == actual) + 0.01, name


def test_stored_and_loaded_it_states_the_same(data: Dataset) -> None:
    fitted = MODEL.fit(data, seed=7)
    files = fitted.files()
    assert all(name.endswith((".ubj", ".json")) for name in files)
    for name, stated in fitted.predict(data).items():
        pd.testing.assert_frame_equal(MODEL.load(files).predict(data)[name], stated)


def test_the_first_booster_sees_no_regime_of_now(data: Dataset) -> None:
    start = MODEL.fit(data, seed=7).boosters[SAME_BAR].start
    assert len(set(start.matrix)) == 1
