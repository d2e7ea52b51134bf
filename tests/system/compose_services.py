"""docker-compose.yaml without an engine: its services as processes of this machine, by their own commands, environment and `.env`.

Only addresses and folders differ, since here there is one network and one file system for all.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
import yaml
from sqlalchemy import create_engine, make_url, text

from include.lake import Lake
from tests.programs import load
from tests.system.airflow_server import AirflowApi, free_port

PROJECT = Path(__file__).resolve().parents[2]
AIRFLOW_PARTS = ("api-server", "dag-processor", "scheduler", "triggerer")
_READY_WITHIN = 180.0


class ComposeServices(AirflowApi):
    """The services without a profile, with a PostgreSQL of the tests in the place of the image's.

    Parameters
    ----------
    folder
        Empty; gets ``.env``, logs and everything that the file's volumes would hold.
    server
        URL of a PostgreSQL server, with the right to make roles and databases.
    """

    def __init__(self, folder: Path, server: str) -> None:
        self.folder, self.server = folder, make_url(server).set(drivername="postgresql+psycopg2")
        self.services = self._configured()
        self.secrets = dict(line.split("=", 1) for line in (folder / ".env").read_text().splitlines() if re.match(r"\w+=.", line))
        self.ports = {name: free_port() for name in ("api", "mlflow", "spark", "spark-page", "worker-page")}
        self.lake = Lake(str(folder / "lake"))
        self.mlflow = f"http://127.0.0.1:{self.ports['mlflow']}"
        self.results = self.environment("scheduler")["RESULTS_URL"]
        super().__init__(f"http://127.0.0.1:{self.ports['api']}", {"admin": self.secrets["AIRFLOW_ADMIN_PASSWORD"]})
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.restarts: list[str] = []
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._restart_the_dead)

    def __enter__(self) -> Self:
        try:
            self._start_all()
            self._keeper.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def log(self, name: str) -> str:
        """What a service has printed so far."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def environment(self, name: str) -> dict[str, str]:
        """Environment of a service: the image's, then the file's, with the addresses and folders of this machine."""
        image = (PROJECT / "docker" / "Dockerfile").read_text().split("ENV ")[1]
        settings = dict(re.findall(r"(\w+)=(\S+)", image)) | {
            key: value for key, value in (self.services[name].get("environment") or {}).items() if value is not None
        }
        outer = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "JAVA_HOME", "PYTHONWARNINGS") if key in os.environ}
        here = {key: self._here(name, str(value)) for key, value in settings.items()}
        # Of one machine: Spark's own address, and the doors of parts that each have a host of their own in the file.
        doors = {"SPARK_LOCAL_IP": "127.0.0.1", "AIRFLOW__API__HOST": "127.0.0.1", "AIRFLOW__API__PORT": str(self.ports["api"])}
        for part in ("WORKER", "TRIGGER"):
            doors[f"AIRFLOW__LOGGING__{part}_LOG_SERVER_PORT"] = str(free_port())
        return outer | here | doors

    def start(self, name: str) -> None:
        """Start a service by its command."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self._command(name), cwd=PROJECT, env=self.environment(name), stdout=log, stderr=log, start_new_session=True
            )

    def kill(self, name: str) -> None:
        """End a service with all that it started, at once, as a machine that loses its power; it comes back as the file asks for."""
        with suppress(ProcessLookupError):
            os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes[name].wait()

    def stop(self) -> None:
        """End all services."""
        self._stopping.set()
        if self._keeper.is_alive():
            self._keeper.join()
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        time.sleep(1 if self.processes else 0)
        for name in self.processes:
            self.kill(name)

    def lake_away(self) -> None:
        """Put the lake aside, as if nothing had ever run."""
        folder = Path(self.lake.root)
        folder.rename(folder.with_name(f"lake-{time.monotonic_ns()}"))
        folder.mkdir()

    def airflow(self, *words: str) -> str:
        """Run Airflow's command line inside the scheduler's environment, as ``docker compose exec scheduler airflow``."""
        command = ["airflow", *words]
        done = subprocess.run(
            command, cwd=PROJECT, env=self.environment("scheduler"), capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _restart_the_dead(self) -> None:
        """``restart: unless-stopped``."""
        while not self._stopping.wait(1):
            for name in [name for name, process in self.processes.items() if process.poll() is not None]:
                self.restarts.append(name)
                self.start(name)

    def _start_all(self) -> None:
        self._make_databases()
        for name in ("spark-master", "mlflow", "initialize"):
            self.start(name)
        assert self.processes.pop("initialize").wait(300) == 0, self.log("initialize")[-4000:]
        self._wait("spark-master", lambda: "New state: ALIVE" in self.log("spark-master"))
        for name in ("spark-worker", *AIRFLOW_PARTS):
            self.start(name)
        self._wait("spark-worker", lambda: "Successfully registered with master" in self.log("spark-worker"))
        self._wait("mlflow", lambda: httpx.get(f"{self.mlflow}/health", timeout=5).is_success)
        self._wait("scheduler", self._all_healthy)

    def _all_healthy(self) -> bool:
        health = httpx.get(f"{self.address}/api/v2/monitor/health", timeout=5).json()
        return all(health[part]["status"] == "healthy" for part in ("metadatabase", "scheduler", "dag_processor", "triggerer"))

    def _wait(self, name: str, ready: Callable[[], bool]) -> None:
        limit = time.monotonic() + _READY_WITHIN
        while time.monotonic() < limit:
            assert self.processes[name].poll() is None, self.log(name)[-4000:]
            with suppress(httpx.HTTPError, ValueError, KeyError, TypeError):
                if ready():
                    return
            time.sleep(0.3)
        raise AssertionError(f"{name} is not ready\n{self.log(name)[-4000:]}")

    def _configured(self) -> dict[str, Any]:
        """The services as docker compose itself reads them, with secrets that `make secrets` made."""
        program = shutil.which("docker-compose")
        if program is None:
            pytest.skip("no docker-compose on this machine (Debian: apt install docker-compose)")
        for name in ("docker-compose.yaml", ".env.example"):
            shutil.copy(PROJECT / name, self.folder)
        load("make_secrets").main(self.folder)
        plain = {"PATH": os.environ["PATH"]}
        answer = subprocess.run([program, "config"], cwd=self.folder, env=plain, capture_output=True, text=True, timeout=60, check=False)
        assert answer.returncode == 0, answer.stderr
        services: dict[str, Any] = yaml.safe_load(answer.stdout)["services"]
        return services

    def _command(self, name: str) -> list[str]:
        command = self.services[name]["command"]
        return [self._here(name, word) for word in command]

    def _here(self, name: str, value: str) -> str:
        """A value of the file, for this machine."""
        if value.startswith('{"conn_type": "spark"'):
            spark = json.loads(value)
            return json.dumps(spark | {"host": "spark://127.0.0.1", "port": self.ports["spark"]})
        page = "worker-page" if name == "spark-worker" else "spark-page"
        ports = {"8080": "api", "5000": "mlflow", "7077": "spark", "8081": page}
        value = value.replace("@postgres/", f"@127.0.0.1:{self.server.port}/").replace("0.0.0.0", "127.0.0.1")
        value = re.sub(r"\b(api-server|mlflow|spark-master|localhost)(?=:)", "127.0.0.1", value)
        value = re.sub(r"(?<=127\.0\.0\.1:)\d+", lambda match: str(self.ports.get(ports.get(match[0], ""), match[0])), value)
        exact = {"spark-master": "127.0.0.1", **{port: str(self.ports[owner]) for port, owner in ports.items()}}
        value = exact.get(value, value).replace("/opt/marketmill", str(PROJECT))
        return re.sub(r"^/(lake|mlflow|opt/airflow)(?=/|$)", lambda match: f"{self.folder}{match[0]}", value)

    def _make_databases(self) -> None:
        """What the PostgreSQL image does on its first start: the user of the file, then the file's own script."""
        for folder in ("lake", "mlflow", "opt/airflow/logs", "opt/airflow/passwords"):
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
        admin = create_engine(self.server, isolation_level="AUTOCOMMIT")
        password = self.services["postgres"]["environment"]["POSTGRES_PASSWORD"]
        with admin.connect() as connection:
            connection.execute(text(f"CREATE ROLE marketmill SUPERUSER LOGIN PASSWORD '{password}'"))
            connection.execute(text("CREATE DATABASE marketmill"))
        admin.dispose()
        there = {"PGHOST": "127.0.0.1", "PGPORT": str(self.server.port), "PGPASSWORD": password}
        environment = {"PATH": os.environ["PATH"], "POSTGRES_USER": "marketmill", **there}
        subprocess.run(["sh", PROJECT / "docker" / "create_databases.sh"], env=environment, check=True, capture_output=True, timeout=60)
