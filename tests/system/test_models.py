"""Train, promote, predict, replay, by real Airflow on a lake of real bars; each test takes the registry as the one before left it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from expectations.predictions import check_predictions
from include.errors import LakeError
from include.predictions import latest_signals, read_predictions
from include.settings import settings
from ml import registry
from tests.conftest import PROJECT
from tests.model_lake import real_bars, write_lake
from tests.system.sources import Airflow

pytestmark = pytest.mark.system

MODEL = "volatility_garch"


@pytest.fixture(scope="module")
def airflow(airflow_database: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch, Airflow(folder, {}) as airflow:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        settings.cache_clear()
        write_lake(airflow.lake, [real_bars(symbol, "2014-01-01", "2018-10-01") for symbol in ("^GSPC", "^IXIC")])
        yield airflow
    settings.cache_clear()


def published(airflow: Airflow) -> dict[str, str]:
    files = Path(airflow.lake.root, "predictions").rglob("*.*")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def train(airflow: Airflow, end: str) -> None:
    ran = airflow.run("train_models", models=[MODEL], end=end)
    assert ran.code == 0, ran.log[-4000:]


def promote(airflow: Airflow, **form: object) -> str:
    ran = airflow.run("promote_models", model=MODEL, **form)
    assert ran.code == 0, ran.log[-4000:]
    return ran.log


def predict(airflow: Airflow, *months: str) -> str:
    ran = airflow.run("predict", months=list(months))
    assert ran.code == 0, ran.log[-4000:]
    return ran.log


def test_before_there_is_a_champion_nothing_is_predicted(airflow):
    assert "no model has a champion yet" in predict(airflow, "2018-08")
    assert latest_signals(airflow.lake).empty


def test_a_first_champion_predicts(airflow):
    train(airflow, "2018-08-01")
    assert f"{MODEL} version 1: promote, the first champion" in promote(airflow)
    assert registry.holder(MODEL, "champion") == "1"
    predict(airflow, "2018-07", "2018-08")
    rows = read_predictions(airflow.lake, MODEL)
    assert set(rows["symbol"]) == {"^GSPC", "^IXIC"}
    assert set(rows["model_version"]) == {"1"}
    assert rows["refused"].isna().all()
    assert rows.groupby(rows["timestamp"].dt.month)["is_oos"].mean()[8] == 1


def test_what_was_said_breaks_no_rule_and_a_damaged_row_of_it_does(airflow):
    rows = read_predictions(airflow.lake, MODEL)
    rows = rows.assign(group=rows["label"])
    check_predictions(rows, "predictions")
    tomorrow = rows[rows["label"] == "tomorrow"]
    with pytest.raises(LakeError, match=r"predictions: 88 of 88 rows .* is above upper"):
        check_predictions(tomorrow.assign(value=tomorrow["upper"] * 2), "predictions")


def test_the_same_again_changes_no_byte(airflow):
    before = published(airflow)
    assert "says of 2018-07, 2018-08 what it said before" in predict(airflow, "2018-07", "2018-08")
    assert published(airflow) == before


def test_a_published_row_can_be_replayed(airflow):
    environment = os.environ | {"LAKE": airflow.lake.url}
    command = ["make", "-s", "replay", f"MODEL={MODEL}", "SYMBOL=^GSPC", "AT=2018-08-15"]
    ran = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert [line.split(": ")[:2] for line in ran.stdout.splitlines()] == [["equal", "next 20 days"], ["equal", "tomorrow"]]


def test_newer_data_takes_over_and_what_was_said_out_of_sample_stays(airflow):
    train(airflow, "2018-09-01")
    told = promote(airflow)
    assert f"{MODEL} version 2: promote, as good as version 1 in " in told
    assert "tomorrow (squared error saved a day" in told
    assert "and it knows 2018-08-31 where that one ends with" in told
    predict(airflow, "2018-08", "2018-09")
    rows = read_predictions(airflow.lake, MODEL)
    by_month = rows.groupby(rows["timestamp"].dt.month)["model_version"].agg(set)
    assert by_month[9] == {"2"}
    assert "1" in by_month[8]
    assert rows[rows["timestamp"].dt.month >= 8]["is_oos"].all()


def test_a_tampered_champion_is_refused_loudly_and_the_one_before_serves(airflow):
    found = registry.get(MODEL, "2")
    path = found.folder / "model" / "garch.json"
    content = path.read_bytes()
    path.write_bytes(content.replace(b"0", b"1", 1))
    log = predict(airflow, "2018-09")
    assert "version 2: artifact model/garch.json is not what was stored and is refused" in log
    assert f"{MODEL} version 1: " in log
    assert set(read_predictions(airflow.lake, MODEL, ["2018-09"])["model_version"]) == {"1"}
    path.write_bytes(content)


def test_a_demotion_is_one_form(airflow):
    promote(airflow, action="demote")
    assert registry.holder(MODEL, "champion") == "1"
    assert registry.tags(MODEL, "2")["stage"] == "Archived"
    assert registry.tags(MODEL, "1")["stage"] == "Production"


def test_a_wrong_form_fails_with_one_sentence(airflow):
    ran = airflow.run("predict", models=["regime5_xgboost"])
    assert ran.code == 1
    assert "regime5_xgboost has no champion; run promote_models" in ran.log


def test_the_module_is_a_command(airflow):
    ran = subprocess.run([sys.executable, "-m", "ml.promotion", "demote", MODEL], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert "version 1 is demoted, none serves" in ran.stderr
