"""The environment of every test: homes and stores of its own, nothing that phones home, and no leftover of the developer's shell."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

# TensorFlow brings a libcurl that takes the place of the one that speaks to Yahoo, unless this one is loaded first. Tasks of Airflow
# are processes of their own; here models and vendors meet in one.
import curl_cffi  # noqa: F401
import pytest

if TYPE_CHECKING:
    from include.lake import Lake

PROJECT = Path(__file__).resolve().parent.parent
_HOME = Path(tempfile.mkdtemp(prefix="marketmill-tests-"))
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
# SQLite makes its file, but not the folder.
(_HOME / "mlflow").mkdir()

# Nothing of the developer's shell or .env may steer a test: no setting, no connection, no account.
_OWN = {"ADJUST_DIVIDENDS", "BATCH_SIZE", "CSV_FOLDER", "DATABASE_URL", "DB_URL", "SEED", "SOURCE", "UNIVERSE", "YEARS"}
for _name in list(os.environ):
    if _name in _OWN or _name.startswith(("AIRFLOW_", "AWS_", "IBKR_", "MLFLOW_")):
        del os.environ[_name]
# Airflow reads these at its first import, so they are set before any test module is.
os.environ |= {
    "AIRFLOW_HOME": str(_HOME / "airflow"),
    "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    # A DAG that differs at each parse does not load here; elsewhere Airflow only warns.
    "AIRFLOW__DAG_PROCESSOR__DAG_VERSION_INFLATION_CHECK_LEVEL": "error",
    "MARKETMILL_HOME": str(PROJECT),
    "MPLBACKEND": "Agg",
    "AIRFLOW_CONN_SPARK_DEFAULT": '{"conn_type": "spark", "host": "local[2]"}',
    "LAKE": str(_HOME / "lake"),
    "MLFLOW_TRACKING_URI": f"sqlite:///{_HOME / 'mlflow' / 'mlflow.db'}",
    "MLFLOW_EXPERIMENT_NAME": "marketmill",
    "RESULTS_URL": f"sqlite:///{_HOME / 'results.db'}",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GX_ANALYTICS_ENABLED": "false",
    "PYSPARK_PYTHON": sys.executable,
    "PYSPARK_DRIVER_PYTHON": sys.executable,
    "SPARK_LOCAL_IP": "127.0.0.1",
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "PYTHONPATH": os.pathsep.join([str(PROJECT), str(PROJECT / "plugins")]),
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake of this test's own."""
    from include.lake import Lake

    return Lake(str(tmp_path / "lake"))
