from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from include.errors import ModelError
from ml.dataset import Dataset, Source
from ml.labels.regime4 import HIGH_VOL, SIDEWAYS
from ml.models.regime4_forest import LEAK_LINES, Regime4Forest
from ml.models.regime_data import HORIZONS
from ml.models.regime_judge import judge_regimes
from ml.validation.walk_forward import walk_forward

MODEL = Regime4Forest()
CHANCES = [f"p{code}" for code in range(4)]


@pytest.fixture(scope="module")
def data(source: Source) -> Dataset:
    return MODEL.prepare(source)


@pytest.fixture(scope="module")
def predictions(data: Dataset) -> pd.DataFrame:
    return walk_forward(MODEL, data, seed=7)


def test_four_probabilities_always(predictions: pd.DataFrame) -> None:
    np.testing.assert_allclose(predictions[CHANCES].sum(axis=1), 1.0, rtol=1e-9)
    assert (predictions[CHANCES] > 0).all(axis=None)
    assert (predictions["model"] == predictions[CHANCES].to_numpy().argmax(axis=1)).all()


def test_the_default_is_told_apart(data: Dataset, predictions: pd.DataFrame) -> None:
    same = data.labels["same day"]["value"]
    assert (same[data.rows["by_default"] == 1] == SIDEWAYS).all()
    promise = MODEL.judge(predictions).promises[-1]
    tested = predictions[predictions["label"] == "same day"]
    assert promise["verdict"] == "not met"
    assert promise["reason"].startswith(f"{(tested['by_default'] == 1).mean():.1%} of the days match none and are sideways by default")
    assert "order bear, high vol, bull, sideways, default" in promise["reason"]
    assert "after days put in place by default" in promise["reason"]


def test_tomorrow_is_better_than_markov_in_log_loss(predictions: pd.DataFrame) -> None:
    judgement = MODEL.judge(predictions)
    losses = {g["name"]: {line["name"]: line["metrics"]["log_loss"] for line in g["comparison"]} for g in judgement.groups}
    assert list(losses) == list(HORIZONS)
    assert losses["1 day"]["model"] < losses["1 day"]["Markov"] - 0.02
    assert judgement.promises[0]["verdict"] == "met"
    assert judgement.promises[1]["verdict"] == "trivially met"


def test_a_regime_that_training_lacked_is_expected_to_stay(data: Dataset) -> None:
    calm = replace(
        data, labels={n: label.assign(value=label["value"].where(label["value"] != HIGH_VOL)) for n, label in data.labels.items()}
    )
    rows = calm.rows["vix"] <= 30
    known = replace(calm, rows=calm.rows.assign(vix=calm.rows["vix"].where(rows, 25.0)))
    stated = MODEL.fit(known, seed=7).predict(data)["1 day"]
    wild = (data.labels["same day"]["value"] == HIGH_VOL) & (data.rows["vix"] > 30)
    assert wild.any()
    assert (stated.loc[wild, "model"] == HIGH_VOL).all()


def test_what_today_is_counts_most_for_tomorrow(data: Dataset) -> None:
    importance = MODEL.fit(data, seed=7).importance
    assert next(iter(importance["1 day"])).startswith("today ")
    assert not any(name.startswith("today") for name in importance["same day"])
    assert all(sum(shares.values()) == pytest.approx(1.0) for shares in importance.values())


def test_the_future_in_the_features_is_refused(predictions: pd.DataFrame) -> None:
    later = predictions[predictions["label"] == "21 days"].copy()
    later["model"] = later["actual"]
    with pytest.raises(ModelError, match="regime4, 21 days ahead: accuracy 1"):
        judge_regimes(LEAK_LINES, pd.concat([predictions[predictions["label"] != "21 days"], later]))


def test_files_are_arrays_and_json(data: Dataset) -> None:
    files = MODEL.fit(data, seed=7).files()
    assert sorted(files) == sorted(
        ["importance.json", *(f"horizon_{sessions}.{kind}" for sessions in HORIZONS.values() for kind in ("json", "npz"))]
    )
    assert files == MODEL.fit(data, seed=7).files()
