"""What champions say of real bars, and whether it can be said again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from expectations.predictions import IDENTITY, prediction_suite, prepare
from expectations.rules import rule_names
from expectations.suite_run import SuiteRun
from include.errors import ModelError
from include.feature_sets import write_current
from include.lake import Lake
from include.predictions import publish_predictions, read_predictions
from include.schemas import PREDICTIONS, conform
from include.universes import load_universe
from ml import registry
from ml.catalog import make_model
from ml.dataset import Dataset, Source
from ml.models.industry_judge import NEXT, SAME
from ml.prediction import state, statements
from ml.promotion import promote, propose
from ml.replay import main, replay
from ml.stored_dataset import read_dataset
from ml.training import train
from tests.model_lake import FEATURE_SET, real_bars, registry_at, write_lake

GARCH, REGIME, INDUSTRY = "volatility_garch", "regime5_xgboost", "industry_linear"
LAST = pd.Timestamp("2018-07-31", tz="UTC")
BARS = [real_bars(symbol, "2014-01-01", "2018-10-01") for symbol in ("^GSPC", "^VIX")]


@pytest.fixture(scope="module")
def champions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """A lake until September and two champions that know it until July."""
    lake = write_lake(Lake(str(tmp_path_factory.mktemp("lake"))), BARS)
    with registry_at(tmp_path_factory.mktemp("registry")):
        for model_id in (GARCH, REGIME):
            train(lake, model_id, universe="sample", end=LAST + pd.Timedelta(days=1), seed=7)
            decision = propose(model_id)
            assert decision is not None
            promote(model_id, decision.version, expected=None, serves={}, reason=decision.reason)
        yield lake


@pytest.fixture
def august(champions: Lake) -> pd.DataFrame:
    return state(champions, REGIME, ["2018-08"], most_months=6).rows


@pytest.fixture
def data(champions: Lake) -> Dataset:
    return make_model(REGIME).prepare(Source(champions, load_universe("sample")))


@pytest.mark.parametrize("model_id", [GARCH, REGIME])
def test_each_row_carries_what_it_needs(champions, model_id):
    stated = state(champions, model_id, ["2018-08", "2018-07"], most_months=6)
    card = stated.serving.version.card
    assert (stated.months, stated.too_old) == (["2018-07", "2018-08"], [])
    conform(pa.Table.from_pandas(stated.rows, preserve_index=False), PREDICTIONS, "statements")
    for name in ("feature_set", "data_hash", "weights_hash", "universe", "timeframe"):
        assert set(stated.rows[name]) == {card[name]}
    assert set(stated.rows["model_version"]) == {card["version"]}
    assert (stated.rows["known_at"] - stated.rows["closed_at"] == pd.Timedelta(hours=1)).all()
    assert set(stated.rows["timestamp"].dt.strftime("%Y-%m")) == {"2018-07", "2018-08"}


def test_the_values_are_the_models_own(champions, data, august):
    said = registry.get(REGIME, "1").load().predict(data)["1 day"]
    inside = data.rows["timestamp"].dt.strftime("%Y-%m") == "2018-08"
    rows = august[august["label"] == "1 day"]
    np.testing.assert_array_equal(rows[["value", "p0", "p1", "p2", "p3", "p4"]], said[inside][["model", "p0", "p1", "p2", "p3", "p4"]])
    assert set(rows["outcome"]) == {"LOW_VOL_NEUTRAL", "BULL_TRENDING"}
    volatility = state(champions, GARCH, ["2018-08"], most_months=6).rows
    tomorrow = volatility[volatility["label"] == "tomorrow"]
    assert (tomorrow["lower"] < tomorrow["upper"]).all()
    assert volatility.loc[volatility["label"] != "tomorrow", ["lower", "upper"]].isna().all(axis=None)
    assert volatility[["outcome", "p0"]].isna().all(axis=None)


#: A fault of one real statement, and the rules that name it.
VALUE_FAULTS: list[tuple[str, object, set[str]]] = [
    ("value", 9.0, {"value_not_above_upper"}),
    ("value", 0.0, {"lower_not_above_value"}),
    ("value", np.nan, {"prediction_stated"}),
    ("value", -np.inf, {"prediction_finite", "lower_not_above_value"}),
    ("lower", 9.0, {"lower_not_above_value", "lower_not_above_upper"}),
    *((name, None, {f"{name}_said"}) for name in IDENTITY),
]
CLASS_FAULTS: list[tuple[str, object, set[str]]] = [
    ("p0", -0.5, {"probability_not_below_zero", "probabilities_add_up"}),
    ("p1", 1.5, {"probability_not_above_one", "probabilities_add_up"}),
    ("p2", 0.9, {"probabilities_add_up"}),
    ("p3", np.nan, {"probabilities_complete"}),
]


@pytest.mark.parametrize(
    ("model_id", "label", "column", "value", "rules"),
    [(GARCH, "tomorrow", *fault) for fault in VALUE_FAULTS] + [(REGIME, "1 day", *fault) for fault in CLASS_FAULTS],
)
def test_a_damaged_statement_about_real_bars_is_named(champions, model_id, label, column, value, rules):
    rows = state(champions, model_id, ["2018-08"], most_months=6).rows
    rows = rows[rows["label"] == label].dropna(axis="columns", how="all").reset_index(drop=True)
    run = SuiteRun(prediction_suite())
    assert run.broken(prepare(rows)) == {}
    damaged = rows.assign(**{column: [value, *rows[column][1:]]})
    assert {number: set(names) for number, names in run.broken(prepare(damaged)).items()} == {0: rules}


def test_each_rule_has_a_real_case(champions):
    twice = pd.concat([state(champions, GARCH, ["2018-08"], most_months=6).rows.query("label == 'tomorrow'")] * 2)
    broken = SuiteRun(prediction_suite()).broken(prepare(twice))
    assert {name for names in broken.values() for name in names} == {"one_prediction_per_time"}
    named = {rule for _, _, rules in VALUE_FAULTS + CLASS_FAULTS for rule in rules}
    assert set(rule_names(prediction_suite())) == named | {"one_prediction_per_time"}


def test_out_of_sample_is_what_was_open_when_training_ended(champions):
    """The last rows of training are not in it where their outcome came later."""
    rows = state(champions, REGIME, ["2018-07"], most_months=6).rows
    assert rows.groupby("label")["is_oos"].sum().to_dict() == {"same day": 0, "1 day": 1, "5 days": 5, "21 days": 21}
    assert state(champions, REGIME, ["2018-08"], most_months=6).rows["is_oos"].all()
    assert not state(champions, REGIME, ["2018-05"], most_months=6).rows["is_oos"].any()


def test_a_baseline_is_served_under_its_name(champions, data):
    version = registry.get(REGIME, "1")
    rows = statements(data, version, {"21 days": "majority"}, ["2018-08"])
    far, near = rows[rows["label"] == "21 days"], rows[rows["label"] == "1 day"]
    assert (set(far["line"]), set(near["line"])) == ({"majority"}, {"model"})
    # The shares of what was known when training ended: nothing of August is in them.
    label = data.labels["21 days"]
    known = label.loc[(label["known_at"] <= LAST + pd.Timedelta(hours=24)) & (data.rows["vix"].notna()), "value"].dropna().astype(int)
    shares = (np.bincount(known, minlength=5) + 1) / (len(known) + 5)
    np.testing.assert_allclose(far[["p0", "p1", "p2", "p3", "p4"]].drop_duplicates(), [shares])


def test_a_row_outside_training_gets_a_reason(champions, data):
    place = data.rows.index[data.rows["timestamp"] == pd.Timestamp("2018-08-15", tz="UTC")]
    crash = data.rows.assign(return_5=data.rows["return_5"].where(~data.rows.index.isin(place), np.float32(-0.4)))
    rows = statements(replace(data, rows=crash), registry.get(REGIME, "1"), {"21 days": "majority"}, ["2018-08"])
    refused = rows[rows["refused"].notna()]
    assert set(refused["timestamp"]) == {pd.Timestamp("2018-08-15", tz="UTC")}
    assert refused["label"].tolist() == ["same day", "1 day", "5 days"]  # the shares know no features
    assert refused["refused"].str.startswith("return_5 is -0.4, training held -0.").all()
    assert refused[["value", "outcome", "p0"]].isna().all(axis=None)


def test_a_version_that_nobody_may_act_on_says_no_trade(champions, data):
    version = registry.get(REGIME, "1")
    closed = replace(version, card=version.card | {"no_trade": "the trades taken earned nothing"})
    rows = statements(data, closed, {}, ["2018-08"])
    assert rows["outcome"].eq("NO_TRADE").all()
    assert rows["value"].notna().all()
    assert not statements(data, version, {}, ["2018-08"])["outcome"].eq("NO_TRADE").any()


def test_a_row_without_history_gets_a_reason(champions):
    rows = state(champions, GARCH, ["2014-01"], most_months=6).rows
    assert set(rows["refused"].dropna()) == {"there is too little history to state it"}
    assert (rows["refused"].notna() == rows["value"].isna()).all()
    assert rows["timestamp"].nunique() == 21


def test_without_months_it_is_the_newest(champions):
    assert state(champions, GARCH, None, most_months=6).months == ["2018-09"]


def test_a_version_that_is_too_old_is_refused(champions, caplog):
    assert state(champions, GARCH, ["2018-09"], most_months=2).too_old == []
    stated = state(champions, GARCH, ["2018-08", "2018-09"], most_months=1)
    assert (stated.months, stated.too_old) == (["2018-08"], ["2018-09"])
    assert set(stated.rows["timestamp"].dt.strftime("%Y-%m")) == {"2018-08"}
    sentence = "volatility_garch version 1 knows nothing after 2018-07-31; it is too old for 2018-09"
    assert sentence in caplog.text
    with pytest.raises(ModelError, match=sentence):
        state(champions, GARCH, ["2018-09"], most_months=1)


def test_without_a_champion_nothing_is_said(champions):
    assert state(champions, "touch_xgboost", ["2018-08"], most_months=6) is None


def test_another_feature_set_is_refused(champions):
    write_current(champions, "1d", replace(FEATURE_SET, id="other"))
    try:
        with pytest.raises(ModelError, match="was trained on feature set test-set, the lake's is other; run train_models"):
            state(champions, GARCH, ["2018-08"], most_months=6)
    finally:
        write_current(champions, "1d", FEATURE_SET)


def publish(lake: Lake, model_id: str) -> None:
    publish_predictions(lake, model_id, "2018-08", state(lake, model_id, ["2018-08"], most_months=6).rows)


@pytest.mark.parametrize("model_id", [GARCH, REGIME])
def test_replayed_a_row_is_equal(champions, model_id):
    publish(champions, model_id)
    replayed = replay(champions, model_id, "^GSPC", pd.Timestamp("2018-08-15", tz="UTC"))
    assert [one.row["label"] for one in replayed] == sorted({*read_predictions(champions, model_id)["label"]})
    assert [one.differences for one in replayed] == [{}] * len(replayed)


def test_replayed_on_other_data_it_is_not(champions, tmp_path, monkeypatch, capsys):
    """A lake in which one return of August was restated since."""
    publish(champions, GARCH)
    restated = BARS[0].copy()
    restated.loc[restated["timestamp"] == pd.Timestamp("2018-08-10", tz="UTC"), "close"] *= 1.001
    other = write_lake(Lake(str(tmp_path / "other")), [restated, BARS[1]])
    publish_predictions(other, GARCH, "2018-08", read_predictions(champions, GARCH, ["2018-08"]))
    monkeypatch.setattr("ml.replay.open_lake", lambda: other)
    assert main([GARCH, "^GSPC", "2018-08-09"]) == 0
    assert capsys.readouterr().out.count("NOT EQUAL") == 0
    assert main([GARCH, "^GSPC", "2018-08-15"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("NOT EQUAL: next 20 days: 0.00")
    assert "\n  value: published 0.00" in out


def test_a_baseline_says_the_same_when_the_lake_holds_more_history_since(champions, tmp_path):
    """Two lakes, the second with four more years before; the version was trained on the first."""
    rows = [[real_bars(symbol, start, "2018-10-01") for symbol in ("^GSPC", "^IXIC")] for start in ("2014-01-01", "2010-01-01")]
    lake, longer = (write_lake(Lake(str(tmp_path / str(number))), bars) for number, bars in enumerate(rows))
    made = train(lake, INDUSTRY, universe="sample", end=LAST + pd.Timedelta(days=1), seed=7)
    promote(INDUSTRY, made.version, expected=None, serves={NEXT: "training mean", SAME: "training mean"}, reason="a test")
    publish(lake, INDUSTRY)
    publish_predictions(longer, INDUSTRY, "2018-08", read_predictions(lake, INDUSTRY, ["2018-08"]))
    replayed = replay(longer, INDUSTRY, "^GSPC", pd.Timestamp("2018-08-15", tz="UTC"))
    assert [(one.row["line"], one.differences) for one in replayed] == [("training mean", {})] * 2
    again, before = (state(one, INDUSTRY, ["2018-08"], most_months=6).rows for one in (longer, lake))
    pd.testing.assert_frame_equal(again, before, check_exact=True)


def test_a_version_stored_without_what_its_baselines_need_says_so(champions, data, monkeypatch):
    def without(learnt_from: Dataset) -> Dataset:
        return replace(learnt_from, rows=learnt_from.rows.drop(columns="vix"))

    monkeypatch.setattr("ml.prediction.read_dataset", lambda version: without(read_dataset(version)))
    monkeypatch.setattr("ml.prediction._outside", lambda rows, _: pd.Series(None, index=rows.index, dtype=object))
    with pytest.raises(ModelError, match=r"regime5_xgboost version 1 was stored without 'vix', which its baselines need; demote it"):
        statements(data, registry.get(REGIME, "1"), {"21 days": "majority"}, ["2018-08"])
    assert statements(data, registry.get(REGIME, "1"), {}, ["2018-08"])["value"].notna().all()


def test_a_wrong_replay_is_one_sentence(champions, monkeypatch, capsys):
    monkeypatch.setattr("ml.replay.open_lake", lambda: champions)
    for arguments, sentence in {
        (GARCH, "^GSPC", "2018-08-11"): "volatility_garch published nothing of ^GSPC at 2018-08-11 00:00 UTC; run the DAG predict",
        (GARCH, "^GSPC", "soon"): "AT 'soon' is no date or time, such as 2018-06-15",
        ("volatility", "^GSPC", "2018-08-15"): "model 'volatility' is unknown",
    }.items():
        assert main([*arguments]) == 1
        assert sentence in capsys.readouterr().err
