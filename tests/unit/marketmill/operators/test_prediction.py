"""What the operators pass on, check and publish; what champions say is tested in tests/unit/ml."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

import ml.prediction
from include.assets import PREDICTIONS
from include.errors import ModelError, RegistryError
from include.predictions import read_predictions
from marketmill.operators.prediction import ChooseChampionsOperator, PredictOperator
from ml import registry
from tests.unit.include.test_predictions import said, table

CHOOSE = ChooseChampionsOperator(task_id="choose_champions")
PREDICT = PredictOperator(task_id="predict", model_id="regime5_xgboost")
CLASSES = {"p0": 0.2, "p1": 0.3, "p2": 0.5, "outcome": "C"}


@pytest.fixture
def champions(monkeypatch):
    held = {"volatility_garch": "2", "regime5_xgboost": "7"}
    monkeypatch.setattr(registry, "holder", lambda model_id, alias: held.get(model_id) if alias == "champion" else None)
    return held


def test_every_champion_predicts_unless_some_are_named(context, champions):
    assert CHOOSE.execute(context()) == ["volatility_garch", "regime5_xgboost"]
    assert CHOOSE.execute(context(models=["regime5_xgboost", "regime5_xgboost"])) == ["regime5_xgboost"]


def test_a_registry_that_does_not_answer_is_asked_again_later(context, monkeypatch):
    def holder(*_: str) -> str:
        raise RegistryError("the registry of models at http://127.0.0.1:9 cannot be reached")

    monkeypatch.setattr("ml.registry.holder", holder)
    with pytest.raises(AirflowException, match=r"to be tried again: .*127.0.0.1:9 cannot be reached") as caught:
        CHOOSE.execute(context())
    assert not isinstance(caught.value, AirflowFailException)


def test_a_named_model_must_have_a_champion(context, champions):
    with pytest.raises(AirflowFailException, match="touch_xgboost has no champion; run promote_models"):
        CHOOSE.execute(context(models=["volatility_garch", "touch_xgboost"]))
    champions.clear()
    with pytest.raises(AirflowSkipException, match="no model has a champion yet"):
        CHOOSE.execute(context())


@pytest.fixture
def champion(monkeypatch):
    """Notes what was asked for; says ``champion.rows``."""

    class Champion:
        asked: dict | None = None
        rows = table(said("2018-05-01", **CLASSES), said("2018-06-01", None, refused="strange"))

    version = SimpleNamespace(version="3", card={"universe": "sample"})

    def state(lake, model_id, months, *, most_months):
        Champion.asked = {"lake": lake.url, "model_id": model_id, "months": months, "most_months": most_months}
        if isinstance(Champion.rows, Exception):
            raise Champion.rows
        serving = SimpleNamespace(version=version, refused=("version 4 is refused",))
        return None if Champion.rows is None else SimpleNamespace(serving=serving, rows=Champion.rows, months=months)

    monkeypatch.setattr(ml.prediction, "state", state)
    return Champion


def test_what_is_said_is_published_and_told(context, lake, champion):
    run = context(months=["2018-06", "2018-05"])
    found = PREDICT.execute(run)
    assert champion.asked == {"lake": lake.url, "model_id": "regime5_xgboost", "months": ["2018-05", "2018-06"], "most_months": 6}
    assert run["outlet_events"][PREDICTIONS].extra == found
    content = found.pop("content")
    assert found == {
        "universe": "sample",
        "model": "regime5_xgboost",
        "version": "3",
        "months": ["2018-05", "2018-06"],
        "rows": 2,
        "refused_rows": 1,
        "refused_champions": ["version 4 is refused"],
    }
    assert set(content) == {"2018-05", "2018-06"}
    assert read_predictions(lake, "regime5_xgboost")["p2"].tolist()[0] == 0.5


def test_the_same_again_sends_no_event(context, champion):
    PREDICT.execute(context(months=["2018-05", "2018-06"]))
    run = context(months=["2018-05", "2018-06"])
    with pytest.raises(AirflowSkipException, match="regime5_xgboost says of 2018-05, 2018-06 what it said before"):
        PREDICT.execute(run)
    assert PREDICTIONS not in run["outlet_events"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (CLASSES | {"p2": 0.6}, "the probabilities add up to 1.1, not to 1"),
        (CLASSES | {"p1": None}, "1 of the classes have no probability"),
        ({"value": None}, "neither a value nor a probability is stated"),
        ({"lower": 2.0}, "lower 2 is above value 1"),
    ],
)
def test_what_cannot_be_is_not_published(context, lake, champion, monkeypatch, wrong, why):
    monkeypatch.setattr(champion, "rows", table(said("2018-05-01", **(CLASSES | wrong)), said("2018-05-02", **CLASSES)))
    if wrong == {"value": None}:
        monkeypatch.setattr(champion, "rows", table(said("2018-05-01", None)))
    with pytest.raises(AirflowFailException, match=f"regime5_xgboost version 3, tomorrow: 1 of . rows break a rule, .*{why}"):
        PREDICT.execute(context(months=["2018-05"]))
    assert read_predictions(lake, "regime5_xgboost").empty


def test_no_champion_any_more_and_one_that_cannot_serve(context, champion, monkeypatch):
    monkeypatch.setattr(champion, "rows", None)
    with pytest.raises(AirflowSkipException, match="regime5_xgboost has no champion any more"):
        PREDICT.execute(context())
    monkeypatch.setattr(champion, "rows", ModelError("too old"))
    with pytest.raises(AirflowFailException, match="too old"):
        PREDICT.execute(context())
