"""Real Airflow on a database of the test process's own, a lake of the test's own, real Spark where a task asks for it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from include.lake import Lake


@dataclass(frozen=True)
class Ran:
    """An ended ``airflow dags test``."""

    code: int
    log: str

    def said(self, text: str) -> bool:
        """Whether the log holds ``text``."""
        return text in self.log


@pytest.fixture(scope="session")
def airflow_database() -> None:
    subprocess.run(["airflow", "db", "migrate"], check=True, capture_output=True, timeout=300)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake(str(tmp_path_factory.mktemp("system") / "lake"))


@pytest.fixture(scope="module")
def dags_test(airflow_database: None, lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Ran]:
    """Run ``airflow dags test`` as a user does, on the module's lake and model registry, or on another ``LAKE``."""
    mlflow = tmp_path_factory.mktemp("mlflow") / "mlflow.db"

    def run(dag_id: str, date: str | None = None, *, on: str = lake.url, **conf: object) -> Ran:
        command = ["airflow", "dags", "test", dag_id, *([date] if date else []), *(["--conf", json.dumps(conf)] if conf else [])]
        environment = os.environ | {"LAKE": on, "MLFLOW_TRACKING_URI": f"sqlite:///{mlflow}"}
        answer = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=500, check=False
        )
        return Ran(answer.returncode, answer.stdout)

    return run


@pytest.fixture
def hashes(lake: Lake) -> Callable[..., dict[str, str]]:
    """Content hash of each file below folders of the lake."""
    import hashlib

    def hashes(*folders: str) -> dict[str, str]:
        files = [path for folder in folders for path in Path(lake.root, folder).rglob("*") if path.is_file()]
        return {str(path.relative_to(lake.root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    return hashes


@pytest.fixture(scope="session")
def database_with_dags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Airflow database that knows the DAGs, to be copied.

    Not the process's own: a scheduler would start what events of other tests' runs have queued there.
    """
    home = tmp_path_factory.mktemp("home")
    for command in (["airflow", "db", "migrate"], ["airflow", "dags", "reserialize"]):
        subprocess.run(command, env=os.environ | {"AIRFLOW_HOME": str(home)}, check=True, capture_output=True, timeout=300)
    return home / "airflow.db"
