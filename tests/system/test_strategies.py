"""From trades to strategies by real Airflow, on both kinds of results database."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from include.settings import settings
from ml import registry
from ml.catalog import STRATEGY_TYPES
from tests.conftest import PROJECT
from tests.model_lake import real_bars, shared_pair, write_lake
from tests.postgresql import new_database
from tests.results_database import postgresql_server  # noqa: F401 - a fixture
from tests.system.sources import Airflow

pytestmark = [pytest.mark.system, pytest.mark.long]


PAIRS = {"BTC/USDT": "BTCUSDT_5m.csv", "ETH/USDT": "ETHUSDT_5m.csv", "POL/USDT": "MATICUSDT_5m.csv"}
OF_TRADES = ["regime3_xgboost", "edge_xgboost", "friction_xgboost", "risk_quantile"]


@contextmanager
def airflow_at(folder: Path, url: str) -> Iterator[Airflow]:
    with pytest.MonkeyPatch.context() as patch, Airflow(folder, {"RESULTS_URL": url}) as airflow:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        patch.setenv("RESULTS_URL", url)
        settings.cache_clear()
        subprocess.run([sys.executable, "-m", "include.results.migrate"], cwd=PROJECT, check=True, capture_output=True, timeout=120)
        yield airflow
    settings.cache_clear()


@pytest.fixture(params=["sqlite", "postgresql"])
def airflow(request: pytest.FixtureRequest, airflow_database: None, tmp_path: Path) -> Iterator[Airflow]:
    sqlite = f"sqlite:///{tmp_path / 'results.db'}"
    url = sqlite if request.param == "sqlite" else new_database(request.getfixturevalue("postgresql_server"))
    with airflow_at(tmp_path, url) as airflow:
        write_lake(airflow.lake, [real_bars(symbol, "2011-01-01", "2019-01-01") for symbol in ("^GSPC", "^IXIC")])
        yield airflow


def test_trades_become_backtests_and_backtests_a_challenger(airflow: Airflow) -> None:
    simulated = airflow.run("simulate_trades", universe="sample")
    assert simulated.code == 0, simulated.log[-4000:]
    learnt = airflow.run("train_models", universe="sample", models=OF_TRADES)
    assert learnt.code == 0, learnt.log[-4000:]
    assert all(registry.holder(model_id, registry.CHALLENGER) for model_id in OF_TRADES)
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


def test_where_costs_eat_everything_the_answer_is_no_edge(airflow_database: None, tmp_path: Path) -> None:
    """A hundred days of five minutes of three pairs: the run succeeds, its page says so, nothing is registered."""
    bars = [shared_pair(symbol, file) for symbol, file in PAIRS.items()]
    with airflow_at(tmp_path, f"sqlite:///{tmp_path / 'results.db'}") as airflow:
        write_lake(airflow.lake, bars, timeframe="5m")
        about = {"universe": "crypto", "timeframe": "5m"}
        simulated = airflow.run("simulate_trades", **about)
        assert simulated.code == 0, simulated.log[-4000:]
        answered = airflow.run("train_strategies", **about)
        assert answered.code == 0, answered.log[-4000:]
        assert "No edge after costs: " in answered.log
        assert not any(registry.holder(model_id, registry.CHALLENGER) for model_id in STRATEGY_TYPES.values())
        [page] = Path(airflow.lake.root, "reports").glob("train_strategies*/index.html")
        assert page.read_text(encoding="utf-8").count("No edge after costs: ") == 3
        broken = airflow.run("train_strategies", **about, model_type="ensemble", continue_boosting=True, hyperparameter_search=True)
        assert "keeps the parameters of the version before" in broken.log
        assert broken.code == 1, "its page was written, and must not hide that the training failed"
