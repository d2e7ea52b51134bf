from dataclasses import replace

import arch.data.sp500
import arch.data.vix
import numpy as np
import pandas as pd
import pytest

from include.errors import ConfigurationError, ModelError
from include.lake import Lake
from include.universes import Universe, load_universe
from ml.dataset import Dataset, Source
from ml.labels.regime5 import BEAR, STRESS
from ml.models.regime5_xgboost import LEAK_LINES, Regime5Xgboost
from ml.models.regime_data import HORIZONS
from ml.models.regime_judge import judge_regimes
from ml.validation.walk_forward import walk_forward
from tests.model_lake import real_bars, write_lake

MODEL = Regime5Xgboost()
CHANCES = [f"p{code}" for code in range(5)]


@pytest.fixture(scope="module")
def data(source: Source) -> Dataset:
    return MODEL.prepare(source)


@pytest.fixture(scope="module")
def predictions(data: Dataset) -> pd.DataFrame:
    return walk_forward(MODEL, data, seed=7)


def test_labels_on_real_bars(data: Dataset) -> None:
    """Counted from the closes themselves."""
    vix, close = arch.data.vix.load()["vix"], arch.data.sp500.load()["Close"]
    change = (close / close.shift(20) - 1).reindex(vix.index)["2014":"2018"]
    level = vix["2014":"2018"]
    counts = data.labels["same day"]["value"].value_counts()
    assert counts[STRESS] == (level > 30).sum() == 9
    assert counts[BEAR] == ((level >= 15) & (level <= 30) & (change < -0.05)).sum() == 65
    assert len(data.rows) == (level.notna() & change.notna()).sum() == 1257


def test_a_late_vix_makes_a_label_but_no_feature(tmp_path: object) -> None:
    """Here the ^VIX of one half-day is printed more than the decision delay after New York closed."""
    bars = {symbol: real_bars(symbol, "2016-01-01", "2019-01-01") for symbol in ("^GSPC", "^VIX")}
    late = bars["^VIX"]["timestamp"] == "2018-12-24"
    bars["^VIX"].loc[late, "closed_at"] += pd.Timedelta(hours=3)
    data = MODEL.prepare(Source(write_lake(Lake(str(tmp_path)), list(bars.values())), load_universe("sample")))
    at = data.rows.index[data.rows["timestamp"] == "2018-12-24"][0]
    label = data.labels["same day"].loc[at]
    assert data.rows.index[data.rows["vix"].isna()].tolist() == [at]
    assert label["value"] == STRESS
    assert label["known_at"] == pd.Timestamp("2018-12-24 21:15", tz="UTC")


def test_labels_ahead_are_the_same_day_labels_later(data: Dataset) -> None:
    today = data.labels["same day"]
    for name, sessions in HORIZONS.items():
        label = data.labels[name]
        assert label["value"].tolist()[:-21] == today["value"].tolist()[sessions : len(today) - 21 + sessions]
        assert (label["known_at"] >= data.rows["closed_at"])[label["value"].notna()].all()


def test_five_probabilities_always(predictions: pd.DataFrame) -> None:
    np.testing.assert_allclose(predictions[CHANCES].sum(axis=1), 1.0, rtol=1e-9)
    assert (predictions[CHANCES] > 0).all(axis=None)
    assert (predictions["model"] == predictions[CHANCES].to_numpy().argmax(axis=1)).all()


def test_a_class_that_training_lacked_has_a_column(data: Dataset) -> None:
    calm = replace(data, labels={n: label.assign(value=label["value"].where(label["value"] != STRESS)) for n, label in data.labels.items()})
    fitted = MODEL.fit(calm, seed=7)
    assert STRESS not in fitted.boosters["5 days"].present
    stated = fitted.predict(data)["5 days"]
    np.testing.assert_allclose(stated[CHANCES].sum(axis=1), 1.0, rtol=1e-9)
    assert (stated["p4"] > 0).all()


def test_tomorrow_is_better_than_markov_and_the_same_day_is_trivial(predictions: pd.DataFrame) -> None:
    judgement = MODEL.judge(predictions)
    losses = {g["name"]: {line["name"]: line["metrics"]["log_loss"] for line in g["comparison"]} for g in judgement.groups}
    assert list(losses) == list(HORIZONS)
    assert losses["1 day"]["model"] < losses["1 day"]["Markov"] - 0.02
    assert losses["1 day"]["Markov"] < losses["1 day"]["persistence"] < losses["1 day"]["majority"]
    assert judgement.promises[0]["verdict"] == "met"
    assert judgement.promises[1] | {"reason": ""} == {"text": "70 % of the regimes right, today", "verdict": "trivially met", "reason": ""}
    assert judgement.test_accuracy == judgement.groups[1]["comparison"][0]["metrics"]["accuracy"]


def test_shuffled_labels_fall_to_the_baseline(data: Dataset) -> None:
    generator = np.random.default_rng(3)
    today = data.labels["same day"]
    values = generator.permutation(today["value"].to_numpy())
    shuffled = {}
    for name, sessions in HORIZONS.items():
        label = data.labels[name]
        shuffled[name] = label.assign(value=pd.Series(values).shift(-sessions).where(label["value"].notna()))
    rows = walk_forward(MODEL, replace(data, labels=shuffled), seed=7)
    for _, part in rows.groupby("label"):
        actual = part["actual"].to_numpy()
        assert np.mean(part["model"].to_numpy() == actual) <= np.mean(part["majority"].to_numpy() == actual) + 0.01


def test_the_future_in_the_features_is_refused(predictions: pd.DataFrame) -> None:
    later = predictions[predictions["label"] == "21 days"].copy()
    later["model"] = later["actual"]
    with pytest.raises(ModelError, match="21 days ahead: accuracy 1"):
        judge_regimes(LEAK_LINES, pd.concat([predictions[predictions["label"] != "21 days"], later]))


def test_stored_and_loaded_states_the_same(data: Dataset) -> None:
    fitted = MODEL.fit(data, seed=7)
    files = fitted.files()
    assert all(name.endswith((".ubj", ".json")) for name in files)
    loaded = MODEL.load(files)
    for name, stated in fitted.predict(data).items():
        pd.testing.assert_frame_equal(loaded.predict(data)[name], stated)
    assert MODEL.fit(data, seed=7).files() == files
    assert MODEL.fit(data, seed=8).files() != files


def test_predictions_are_causal(data: Dataset) -> None:
    fitted = MODEL.fit(data.known_by(pd.Timestamp("2016-01-01", tz="UTC")), seed=7)
    cut = pd.Timestamp("2017-06-15", tz="UTC")
    part = fitted.predict(data.before(cut))
    for name, stated in fitted.predict(data).items():
        pd.testing.assert_frame_equal(stated.iloc[: len(part[name])], part[name])


def test_a_universe_without_market_or_vix_is_refused(source: Source) -> None:
    crypto = load_universe("crypto")
    with pytest.raises(ConfigurationError, match=r"needs \^VIX and one of SPY, \^GSPC; universe 'crypto' has BTC/USDT"):
        MODEL.prepare(Source(source.lake, crypto))
    known = {instrument.symbol: instrument for instrument in load_universe("sample").instruments}
    with pytest.raises(ConfigurationError):
        MODEL.prepare(Source(source.lake, Universe(name="x", description="", instruments=(known["^GSPC"],))))


def test_a_volume_that_is_never_traded_leaves_the_columns_out(tmp_path: object) -> None:
    bars = [real_bars("^GSPC", "2014-01-01", "2017-01-01"), real_bars("^VIX", "2014-01-01", "2017-01-01")]
    lake = write_lake(Lake(str(tmp_path)), bars, lambda features: features.assign(volume_ratio_20=np.nan))
    data = MODEL.prepare(Source(lake, load_universe("sample")))
    assert "volume_ratio_20" not in data.features
    assert len(data.rows) > 600


def test_less_than_two_years_is_refused_before_anything_is_fitted(tmp_path: object) -> None:
    lake = write_lake(Lake(str(tmp_path)), [real_bars("^GSPC", "2016-01-01", "2017-06-01"), real_bars("^VIX", "2016-01-01", "2017-06-01")])
    with pytest.raises(ModelError, match=r"Insufficient data for training regime5_xgboost: \^GSPC with \^VIX: there are 306 usable rows"):
        MODEL.prepare(Source(lake, load_universe("sample")))
    empty = Lake(str(tmp_path / "no_vix"))
    write_lake(empty, [real_bars("^GSPC", "2014-01-01", "2017-06-01")])
    with pytest.raises(ModelError, match=r"there are no bars of \^VIX"):
        MODEL.prepare(Source(empty, load_universe("sample")))
