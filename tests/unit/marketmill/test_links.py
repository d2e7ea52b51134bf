"""Where the buttons of a task lead."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from include.settings import settings
from marketmill.links import DataDocsLink, FeaturesLink, MlflowLink, ModelLink, ReportLink, SparkLink
from marketmill.operators.features import BuildFeaturesOperator, CheckFeaturesOperator
from marketmill.operators.models import TrainModelOperator
from marketmill.operators.promotion import ChangeChampionOperator, DecidePromotionOperator

KEY = SimpleNamespace(dag_id="publish_report", run_id="manual__2026-11-21T05:00:00+00:00")
TRAIN = TrainModelOperator(task_id="train", model_id="volatility_garch")


@pytest.fixture(autouse=True)
def _address(monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/mill/")


@pytest.fixture
def mlflow(monkeypatch):
    def at(uri: str) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        settings.cache_clear()

    yield at
    settings.cache_clear()


def test_pages_lie_below_the_address_of_airflow():
    pages = "https://airflow.example/mill/marketmill/pages/"
    assert ReportLink().get_link(TRAIN, ti_key=KEY) == f"{pages}reports/publish_report__manual__2026-11-21T05-00-00-00-00/index.html"
    assert DataDocsLink().get_link(TRAIN, ti_key=KEY) == f"{pages}data-docs"
    build = BuildFeaturesOperator(task_id="build", timeframe="1h")
    assert FeaturesLink().get_link(build, ti_key=KEY) == f"{pages}features?timeframe=1h"
    check = CheckFeaturesOperator(task_id="check", built=None)
    assert FeaturesLink().get_link(check, ti_key=KEY) == f"{pages}features?timeframe=1d"


def test_without_an_address_a_link_is_a_path(monkeypatch):
    monkeypatch.delenv("AIRFLOW__API__BASE_URL")
    assert DataDocsLink().get_link(TRAIN, ti_key=KEY) == "/marketmill/pages/data-docs"


def test_the_model_that_a_task_is_about():
    asked = {"model_id": "touch_xgboost"}
    for task in (DecidePromotionOperator(task_id="decide", asked=asked), ChangeChampionOperator(task_id="change", decision=asked)):
        assert ModelLink().get_link(task, ti_key=KEY).endswith("/pages/models#touch_xgboost")
    assert ModelLink().get_link(TRAIN, ti_key=KEY).endswith("/pages/models#volatility_garch")


def test_mlflow_where_it_has_pages(mlflow, tmp_path):
    mlflow(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert MlflowLink().get_link(TRAIN, ti_key=KEY) == ""
    mlflow("http://mlflow:5000/")
    assert MlflowLink().get_link(TRAIN, ti_key=KEY) == "http://mlflow:5000/#/models/volatility_garch"
    trained = TrainModelOperator(task_id="train", model_id="volatility_garch")
    trained.version = "3"
    assert MlflowLink().get_link(trained, ti_key=KEY) == "http://mlflow:5000/#/models/volatility_garch/versions/3"


@pytest.mark.parametrize(("extra", "link"), [("", ""), (', "extra": {"web_ui": "http://master:8081"}', "http://master:8081")])
def test_spark_where_the_connection_names_a_page(extra, link, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", f'{{"conn_type": "spark", "host": "local[2]"{extra}}}')
    build = BuildFeaturesOperator(task_id="build", timeframe="1d")
    assert SparkLink().get_link(build, ti_key=KEY) == link


def test_the_names_of_a_task_s_links_differ():
    for operator in (BuildFeaturesOperator, CheckFeaturesOperator, TrainModelOperator):
        names = [link.name for link in operator.operator_extra_links]
        assert len(names) == len(set(names)) > 0
