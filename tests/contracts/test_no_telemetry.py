"""Nobody is told what a user does: with the network cut, a check, a model's log and Airflow work, and nothing tries to get out.

Each program runs with the settings of ``environment.sh`` alone, since libraries keep quiet in tests and in CI by themselves. Where
the system allows it, the network is really taken away; everywhere each Python process, children too, notes down and refuses every
look-up and connection that is not the machine's own.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import PROJECT

GUARD = """
import os, sys

OWN = {None, "", "localhost", "::", "::1", "0.0.0.0", os.uname().nodename}

def refuse(event, arguments):
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a path is a socket of this machine
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host in OWN or host.startswith("127."):
        return
    with open(os.environ["TRIED"], "a") as tried:
        tried.write(f"{event} {host}\\n")
    raise OSError(f"the network is cut: {host}")

sys.addaudithook(refuse)
"""

CHECK = """
from datetime import UTC, datetime
import pyarrow as pa
from expectations.check import CheckRequest, check_bars
from include.landing import Adjustment, Landed, write_landing
from include.schemas import LANDING
from include.settings import open_lake
from include.universes import load_universe, pick_instruments
start, end = datetime(2018, 1, 1, tzinfo=UTC), datetime(2018, 2, 1, tzinfo=UTC)
row = {"timestamp": datetime(2018, 1, 2, tzinfo=UTC), "open": 1.0, "high": 2.0, "low": 1.0, "close": 2.0, "volume": 1.0, "adjusted_close": 2.0}
lake, landed = open_lake(), Landed("csv", "AAPL", "1d", Adjustment.RAW, start, end, end)
write_landing(lake, landed, pa.Table.from_pylist([row], schema=LANDING))
summary = check_bars(lake, CheckRequest("csv", "1d", tuple(pick_instruments(load_universe("sample"), ["AAPL"])), start, end), run="run")
assert summary.total().kept == 1 and lake.exists(summary.docs)
import great_expectations as gx
context = gx.get_context(mode="ephemeral")
import pandas as pd
batch = context.data_sources.add_pandas("mine").add_dataframe_asset("rows").add_batch_definition_whole_dataframe("rows")
suite = context.suites.add(gx.ExpectationSuite("s", expectations=[gx.expectations.ExpectColumnValuesToNotBeNull(column="a")]))
definition = context.validation_definitions.add(gx.ValidationDefinition(name="v", data=batch, suite=suite))
checkpoint = context.checkpoints.add(gx.Checkpoint(name="c", validation_definitions=[definition]))
assert checkpoint.run(batch_parameters={"dataframe": pd.DataFrame({"a": [1]})}).success
"""

LOG = """
import mlflow
mlflow.set_experiment("quiet")
with mlflow.start_run():
    mlflow.log_param("a", 1)
    mlflow.log_metric("b", 2.0)
assert len(mlflow.search_runs()) == 1
"""

AIRFLOW = """
from airflow.dag_processing.dagbag import DagBag
bag = DagBag()
assert not bag.import_errors, bag.import_errors
assert "backfill_market" in bag.dags
"""

LIBRARIES = "import ccxt, exchange_calendars, numba, optuna, pyspark, sklearn, xgboost, yfinance"


@pytest.fixture
def alone(tmp_path: Path) -> Callable[[str], tuple[subprocess.CompletedProcess[str], list[str]]]:
    """Run a program as a user's shell would, without a network; returns what came of it and what it tried to reach."""
    root, guard = tmp_path / "mill", tmp_path / "guard"
    root.mkdir()
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(GUARD)
    shutil.copy(PROJECT / "environment.sh", root)
    python = Path(shutil.which("python") or "python").parent
    environment = {
        "PATH": f"{python}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "TRIED": str(tmp_path / "tried"),
        "PYTHONPATH": f"{guard}:{PROJECT}:{PROJECT / 'plugins'}",
        "MARKETMILL_HOME": str(PROJECT),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
    }
    cut = (
        ["unshare", "-rn"]
        if shutil.which("unshare") and not subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode
        else []
    )

    def run(program: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
        script = f'. "{root}/environment.sh"; exec python -c "$PROGRAM"'
        done = subprocess.run(
            [*cut, "sh", "-c", script], env=environment | {"PROGRAM": program}, cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        tried = tmp_path / "tried"
        return done, tried.read_text().splitlines() if tried.exists() else []

    return run


@pytest.mark.parametrize("program", [CHECK, LOG, AIRFLOW, LIBRARIES], ids=["a check", "a model's log", "the DAGs", "the libraries"])
def test_nothing_tries_to_reach_the_world(alone, program: str) -> None:
    done, tried = alone(program)
    assert done.returncode == 0, done.stderr[-3000:]
    assert tried == []


def test_a_try_is_noticed_in_a_child_too(alone) -> None:
    child = "import socket; socket.create_connection(('stats.example.com', 443))"
    done, tried = alone(f"import subprocess, sys; raise SystemExit(subprocess.run([sys.executable, '-c', {child!r}]).returncode)")
    assert done.returncode == 1
    assert tried == ["socket.getaddrinfo stats.example.com"]
