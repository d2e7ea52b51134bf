from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

import ml.drift.watch
import ml.report.drift
from include.assets import REPORT
from marketmill.operators import drift
from marketmill.operators.drift import WatchDriftOperator
from ml.drift.watch import Watched

WATCH = WatchDriftOperator(task_id="watch_drift")


class Drifted(Watched):
    drifted = ("tomorrow: loss 2, usually 1",)


@pytest.fixture
def told(monkeypatch):
    """What is said of the models that have a champion, and to whom."""
    found = {"volatility_garch": Drifted("volatility_garch", "3"), "regime5_xgboost": Watched("regime5_xgboost", problem="it is damaged")}
    monkeypatch.setattr(ml.drift.watch, "watch", lambda lake, model_id: found.get(model_id))
    monkeypatch.setattr(ml.report.drift, "publish_drift", lambda lake, watched, run: f"reports/{run}/index.html")
    messages = []
    monkeypatch.setattr(drift, "notify", lambda *message: messages.append(message))
    return found, messages


def test_drift_is_told_and_fails_nothing(context, lake, told):
    run = context(dag_id="watch_drift")
    assert WATCH.execute(run) == {"volatility_garch": "too early to tell", "regime5_xgboost": "it is damaged"}
    path = "reports/watch_drift__manual__2026-11-21T05-00-00-00-00/index.html"
    extra = run["outlet_events"][REPORT].extra
    assert extra == {"path": path, "drifted": {"volatility_garch": ("tomorrow: loss 2, usually 1",)}}
    ((topic, title, body),) = told[1]
    assert (topic, title) == ("drift", "1 of 2 champions drifted")
    assert body == f"volatility_garch: tomorrow: loss 2, usually 1\n{lake.url}/{path}"


def test_without_drift_nobody_is_told(context, told):
    del told[0]["volatility_garch"]
    WATCH.execute(context(models=["regime5_xgboost"]))
    assert told[1] == []


def test_without_a_champion_there_is_nothing_to_watch(context, told):
    told[0].clear()
    with pytest.raises(AirflowSkipException, match="no model has a champion yet"):
        WATCH.execute(context())
    with pytest.raises(AirflowFailException, match="model 'volatility' is unknown"):
        WATCH.execute(context(models=["volatility"]))
