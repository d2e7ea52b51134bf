"""From trades to strategies by real Airflow, on both kinds of results database."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.settings import settings
from ml import registry
from tests.conftest import PROJECT
from tests.model_lake import real_bars, write_lake
from tests.postgresql import new_database
from tests.results_database import postgresql_server  # noqa: F401 - a fixture
from tests.system.sources import Airflow

pytestmark = pytest.mark.system


@pytest.fixture(params=["sqlite", "postgresql"])
def airflow(request: pytest.FixtureRequest, airflow_database: None, tmp_path: Path) -> Iterator[Airflow]:
    sqlite = f"sqlite:///{tmp_path / 'results.db'}"
    url = sqlite if request.param == "sqlite" else new_database(request.getfixturevalue("postgresql_server"))
    with pytest.MonkeyPatch.context() as patch, Airflow(tmp_path, {"RESULTS_URL": url}) as airflow:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
        patch.setenv("RESULTS_URL", url)
        settings.cache_clear()
        subprocess.run([sys.executable, "-m", "include.results.migrate"], cwd=PROJECT, check=True, capture_output=True, timeout=120)
        write_lake(airflow.lake, [real_bars(symbol, "2011-01-01", "2019-01-01") for symbol in ("^GSPC", "^IXIC")])
        yield airflow
    settings.cache_clear()


def test_trades_become_backtests_and_backtests_a_challenger(airflow: Airflow) -> None:
    simulated = airflow.run("simulate_trades", universe="sample")
    assert simulated.code == 0, simulated.log[-4000:]
    trained = airflow.run(
        "train_strategies", model_type="ensemble", universe="sample", hyperparameter_search=True, n_trials=2, min_composite_score=0.3
    )
    assert trained.code == 0, trained.log[-4000:]
    assert "trial 2 of 2" in trained.log
    version = registry.holder("strategy_ensemble", registry.CHALLENGER)
    assert version is not None
    found = registry.get("strategy_ensemble", version)
    assert found.card["params"]["searched"]["trials"] == 2
    assert found.load().files()
    [page] = Path(airflow.lake.root, "reports").glob("train_strategies*/index.html")
    assert "No edge" in page.read_text(encoding="utf-8")
