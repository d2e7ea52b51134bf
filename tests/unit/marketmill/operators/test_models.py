"""What the operators pass on; training itself is tested in tests/unit/ml."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

import ml.report
import ml.training
from include.assets import FEATURES, MODEL, REPORT, TRADES
from include.errors import InsufficientDataError, ModelError, UnsuitableError
from marketmill.operators.models import ChooseModelsOperator, PublishReportOperator, TrainModelOperator
from ml.catalog import CATALOG
from ml.training import Trained

TRAIN = TrainModelOperator(task_id="train", model_id="volatility_garch")


@pytest.fixture
def training(monkeypatch):
    """Notes what was asked for; answers with ``training.answer``."""

    class Training:
        asked: dict | None = None
        answer: Trained | Exception = Trained("volatility_garch", "3", "run", reused=False, card={"verdict": "met"})

    def train(lake, model_id, **options):
        Training.asked = {"lake": lake.url, "model_id": model_id} | options
        if isinstance(Training.answer, Exception):
            raise Training.answer
        return Training.answer

    monkeypatch.setattr(ml.training, "train", train)
    return Training


def test_no_choice_is_all_models(context):
    choose = ChooseModelsOperator(task_id="choose_models")
    assert choose.execute(context(models=[])) == [name for name in CATALOG if not name.startswith("strategy_")]
    assert choose.execute(context(models=["volatility_garch", "volatility_garch"])) == ["volatility_garch"]


def test_an_event_trains_what_learns_from_what_is_new(context):
    choose = ChooseModelsOperator(task_id="choose_models")
    events = [SimpleNamespace(extra={})]
    assert choose.execute(context() | {"triggering_asset_events": {TRADES: events}}) == [
        "edge_xgboost",
        "friction_xgboost",
        "risk_quantile",
    ]
    on_features = choose.execute(context() | {"triggering_asset_events": {FEATURES: events}})
    assert "regime3_xgboost" in on_features
    assert "edge_xgboost" not in on_features
    both = choose.execute(context() | {"triggering_asset_events": {TRADES: events, FEATURES: events}})
    assert both == choose.execute(context())
    asked = context(models=["volatility_garch"]) | {"triggering_asset_events": {TRADES: events}}
    assert choose.execute(asked) == ["volatility_garch"]


def test_trades_on_short_bars_train_on_short_bars(context, training):
    events = {TRADES: [SimpleNamespace(extra={"universe": "crypto", "timeframe": "5m", "months": ["2024-05"]})]}
    TRAIN.execute(context(universe=None, timeframe=None) | {"triggering_asset_events": events})
    assert (training.asked["universe"], training.asked["timeframe"]) == ("crypto", "5m")


def test_an_unknown_model(context):
    with pytest.raises(AirflowFailException, match="model 'regime' is unknown"):
        ChooseModelsOperator(task_id="choose_models").execute(context(models=["regime"]))


def test_a_form_reaches_the_training(context, lake, training):
    TRAIN.execute(context(universe="core5", start="2010-01-01", end="2018-01-01", seed=0, force=True, continue_boosting=True))
    assert training.asked == {
        "lake": lake.url,
        "model_id": "volatility_garch",
        "universe": "core5",
        "timeframe": "1d",
        "trades_run": None,
        "start": datetime(2010, 1, 1, tzinfo=UTC),
        "end": datetime(2018, 1, 1, tzinfo=UTC),
        "seed": 0,
        "force": True,
        "continue_boosting": True,
    }


def test_an_empty_form_takes_the_settings(context, training):
    TRAIN.execute(context(universe=None, seed=None))
    assert (training.asked["universe"], training.asked["seed"], training.asked["start"], training.asked["force"]) == (
        "sample",
        7,
        None,
        False,
    )


def test_a_new_version_sends_an_event_with_the_months_that_started_the_run(context, training):
    events = {"features": [SimpleNamespace(extra={"months": ["2018-05"]}), SimpleNamespace(extra={"months": ["2018-04"]})]}
    run = context() | {"triggering_asset_events": events}
    TRAIN.execute(run)
    assert run["outlet_events"][MODEL].extra == {
        "universe": "sample",
        "source": "sample",
        "model": "volatility_garch",
        "version": "3",
        "verdict": "met",
        "months": ["2018-04", "2018-05"],
    }


def test_features_of_another_universe_train_on_that_universe(context, training):
    events = {"features": [SimpleNamespace(extra={"universe": "core5", "months": ["2018-05"]})]}
    TRAIN.execute(context(universe=None) | {"triggering_asset_events": events})
    assert training.asked["universe"] == "core5"


def test_a_version_that_is_there_already_is_skipped_without_an_event(context, training):
    training.answer = Trained("volatility_garch", "3", "run", reused=True, card={})
    run = context()
    with pytest.raises(AirflowSkipException, match="volatility_garch version 3 was trained on exactly this"):
        TRAIN.execute(run)
    assert MODEL not in run["outlet_events"]
    assert run["ti"].pushed == {
        "return_value": {"model": "volatility_garch", "version": "3"},
        "reason": "volatility_garch version 3 was trained on exactly this",
    }


def test_a_model_error_is_final_and_one_sentence(context, training):
    training.answer = ModelError("two years of bars are needed")
    run = context()
    with pytest.raises(AirflowFailException, match=r"^two years of bars are needed$"):
        TRAIN.execute(run)
    assert run["ti"].pushed == {"reason": "two years of bars are needed"}


def test_too_little_data_is_skipped_with_its_sentence_unless_the_model_was_named(context, training):
    training.answer = InsufficientDataError("Insufficient data for training volatility_garch: few rows")
    run = context()
    with pytest.raises(AirflowSkipException, match=r"^Insufficient data for training volatility_garch: few rows$"):
        TRAIN.execute(run)
    assert MODEL not in run["outlet_events"]
    with pytest.raises(AirflowFailException, match=r"^Insufficient data for training volatility_garch: few rows$"):
        TRAIN.execute(context(models=["volatility_garch"]))


@pytest.mark.parametrize("name", ["start", "end"])
def test_a_day_that_is_none(context, training, name):
    with pytest.raises(AirflowFailException, match=f"{name} 'soon' is not a date"):
        TRAIN.execute(context(**{name: "soon"}))


def test_a_report_is_named_after_its_run(context, lake, monkeypatch):
    asked = {}

    def publish(lake, **options):
        asked.update(options, lake=lake.url)
        return f"reports/{options['run']}/index.html"

    monkeypatch.setattr(ml.report, "publish", publish)
    run = context(dag_id="publish_report", months=["2018-05"])
    path = PublishReportOperator(task_id="publish_report").execute(run)
    assert path == "reports/publish_report__manual__2026-11-21T05-00-00-00-00/index.html"
    assert asked == {
        "lake": lake.url,
        "run": "publish_report__manual__2026-11-21T05-00-00-00-00",
        "universe": "sample",
        "timeframe": "1d",
        "months": ["2018-05"],
    }
    assert run["outlet_events"][REPORT].extra == {"path": path, "months": ["2018-05"]}


def test_a_model_for_another_kind_of_universe_is_left_out_unless_it_was_named(context, training):
    training.answer = UnsuitableError("it needs ^VIX; universe 'crypto' has BTC/USDT")
    with pytest.raises(AirflowSkipException, match="it needs"):
        TRAIN.execute(context())
    with pytest.raises(AirflowFailException, match="it needs"):
        TRAIN.execute(context(models=["volatility_garch"]))


def test_a_misspelt_field_is_refused(context, training):
    run = context() | {"dag": SimpleNamespace(dag_id="train_models", params={"models": [], "seed": None})}
    with pytest.raises(AirflowFailException, match="the form of train_models has no modells; it has models, seed"):
        TRAIN.execute(run | {"dag_run": SimpleNamespace(conf={"modells": ["volatility_garch"]})})
    assert TRAIN.execute(run | {"dag_run": SimpleNamespace(conf={"models": ["volatility_garch"]})})
    assert TRAIN.execute(run | {"dag_run": SimpleNamespace(conf=None)})
