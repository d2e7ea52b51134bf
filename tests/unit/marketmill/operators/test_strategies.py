"""What the operators pass on; training itself is tested in tests/unit/ml."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, ParamValidationError

import ml.models.strategy_training
from include.assets import MODEL
from include.errors import InsufficientDataError, ModelError, NoEdgeError, UnsuitableError
from marketmill.events import chosen_timeframe
from marketmill.operators.strategies import ChooseStrategyModelsOperator, PublishStrategiesOperator, TrainStrategyOperator
from marketmill.trading_params import costs, model_type
from ml.models.strategy_training import Wish
from ml.trained_versions import note_shortage
from ml.training import Trained

TRAIN = TrainStrategyOperator(task_id="train", model_id="strategy_agent")
FORM = {"min_composite_score": 0.5, "hyperparameter_search": False, "n_trials": 100, "continue_boosting": False}


@pytest.fixture
def training(monkeypatch, results):
    """Notes what was asked for; answers with ``training.answer``."""

    class Training:
        asked: dict | None = None
        answer: Trained | Exception = Trained("strategy_agent", "3", "run", reused=False, card={"verdict": "not met"})

    def train(lake, model_id, wish, **options):
        Training.asked = {"model_id": model_id, "wish": wish} | options
        if isinstance(Training.answer, Exception):
            raise Training.answer
        return Training.answer

    monkeypatch.setattr(ml.models.strategy_training, "train_strategy", train)
    return Training


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        (None, ["strategy_ensemble", "strategy_classifier", "strategy_agent"]),
        ("rl_agent", ["strategy_agent"]),
        ("strategy_ensemble", ["strategy_ensemble"]),
    ],
)
def test_words_and_ids_are_understood(context, asked, chosen):
    assert ChooseStrategyModelsOperator(task_id="choose_models").execute(context(model_type=asked)) == chosen


@pytest.mark.parametrize("asked", ["forest", "volatility_garch"])
def test_another_model_is_refused(context, asked):
    with pytest.raises(AirflowFailException, match=f"model_type '{asked}' is unknown; use one of ensemble"):
        ChooseStrategyModelsOperator(task_id="choose_models").execute(context(model_type=asked))


def test_a_form_reaches_the_training(context, training):
    TRAIN.execute(context(**FORM | {"hyperparameter_search": True, "n_trials": 50}, timeframe="5m", universe="crypto", seed=0))
    assert training.asked == {"model_id": "strategy_agent", "wish": Wish(0.5, 50), "universe": "crypto", "timeframe": "5m", "seed": 0}


def test_trials_count_only_in_a_search(context, training):
    TRAIN.execute(context(**FORM | {"continue_boosting": True}, seed=None))
    assert training.asked["wish"] == Wish(0.5, 0, continue_boosting=True)
    assert training.asked["timeframe"] == "1d"


def test_a_new_version_sends_an_event(context, training):
    events = {"trades": [SimpleNamespace(extra={"months": ["2024-05"], "timeframe": "5m", "universe": "crypto"})]}
    run = context(**FORM, universe=None, timeframe=None) | {"triggering_asset_events": events}
    told = TRAIN.execute(run)
    assert told == run["outlet_events"][MODEL].extra
    assert told == {
        "universe": "crypto",
        "timeframe": "5m",
        "model": "strategy_agent",
        "version": "3",
        "verdict": "not met",
        "months": ["2024-05"],
    }


def test_the_same_again_is_skipped(context, training):
    training.answer = Trained("strategy_agent", "3", "run", reused=True, card={})
    run = context(**FORM)
    with pytest.raises(AirflowSkipException, match="version 3 was trained on exactly this"):
        TRAIN.execute(run)


def test_no_backtests_fail_a_run_by_hand_and_skip_one_by_an_event(context, training):
    training.answer = UnsuitableError("there are no backtests")
    with pytest.raises(AirflowFailException, match="no backtests"):
        TRAIN.execute(context(**FORM))
    events = {"trades": [SimpleNamespace(extra={"months": ["2024-05"]})]}
    with pytest.raises(AirflowSkipException, match="no backtests"):
        TRAIN.execute(context(**FORM) | {"triggering_asset_events": events})


def test_no_edge_is_an_answer_without_an_event(context, training):
    training.answer = NoEdgeError("No edge after costs: 97 of 1573 backtests scored enough")
    run = context(**FORM)
    with pytest.raises(AirflowSkipException, match="97 of 1573 backtests scored enough; no version of strategy_agent was registered"):
        TRAIN.execute(run)
    assert MODEL not in run["outlet_events"]


def test_too_little_data_fails_where_the_model_was_named(context, training):
    training.answer = InsufficientDataError("Insufficient data for training")
    with pytest.raises(AirflowFailException, match="Insufficient data"):
        TRAIN.execute(context(**FORM, model_type="rl_agent"))
    with pytest.raises(AirflowSkipException, match="Insufficient data"):
        TRAIN.execute(context(**FORM, model_type=None))


def test_a_leak_or_a_dead_canary_fails(context, training):
    training.answer = ModelError("the label is a function of the features")
    with pytest.raises(AirflowFailException, match="function of the features"):
        TRAIN.execute(context(**FORM))


def test_a_page_about_nothing_leaves_the_reason_to_the_task_before(context):
    with pytest.raises(AirflowSkipException, match="no training of a strategy model on 1d bars of sample came to an end"):
        PublishStrategiesOperator(task_id="publish_strategies").execute(context())


def test_too_little_data_for_all_is_told_with_its_numbers(context, lake):
    reason = "Insufficient data for training: 657 backtests have a next window with trades, 1000 are needed; simulate more strategies"
    for model_id in ("strategy_ensemble", "strategy_agent"):
        note_shortage(lake, "sample", "1d", model_id, reason)
    publish, told = PublishStrategiesOperator(task_id="publish_strategies"), f"no strategy model could be trained .*: {reason}$"
    with pytest.raises(AirflowFailException, match=told):
        publish.execute(context())
    events = {"trades": [SimpleNamespace(extra={"months": ["2024-05"]})]}
    with pytest.raises(AirflowSkipException, match=told):
        publish.execute(context() | {"triggering_asset_events": events})


def test_a_form_refuses_another_model_type_at_once():
    with pytest.raises(ParamValidationError, match="'forest' is not one of"):
        model_type().resolve("forest")
    assert model_type().resolve("strategy_agent") == "strategy_agent"


def test_a_form_refuses_costs_that_nobody_trades_at():
    with pytest.raises(ParamValidationError, match="greater than or equal to the maximum"):
        costs().resolve({"fee": 1.2})
    assert costs().resolve({"fee": 0.01}) == {"fee": 0.01}


def test_events_that_disagree_about_bars_leave_them_daily(context):
    events = {"trades": [SimpleNamespace(extra={"timeframe": "5m"}), SimpleNamespace(extra={"timeframe": "1h"})]}
    assert chosen_timeframe(context(timeframe=None) | {"triggering_asset_events": events}) == "1d"
