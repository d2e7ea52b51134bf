"""Airflow's parts as processes of their own, on a home, a port and a lake of the test's own, with users that log in."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httpx

from include.lake import Lake

#: Role of each user, who bears its name.
USERS = ("admin", "user", "viewer")
_READY_WITHIN = 180.0
_STOPPED_WITHIN = 5.0


def free_port() -> int:
    """A port of the loopback interface that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class AirflowApi:
    """Airflow's own API at an address, for users who log in with a password."""

    def __init__(self, address: str, passwords: dict[str, str]) -> None:
        self.address = address
        self.passwords = passwords

    def token(self, user: str) -> str:
        """Log in as a program does."""
        answer = httpx.post(f"{self.address}/auth/token", json={"username": user, "password": self.passwords[user]}, timeout=30)
        return str(answer.json()["access_token"])

    def airflow_api(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask Airflow's own API, as admin."""
        headers = {"Authorization": f"Bearer {self.token('admin')}"}
        answer = httpx.request(method, f"{self.address}/api/v2/{path}", json=body, headers=headers, timeout=60)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def state(self, dag_id: str, run_id: str) -> str:
        """State of a run."""
        return str(self.airflow_api("GET", f"dags/{dag_id}/dagRuns/{run_id}")["state"])

    def ended(self, dag_id: str, run_id: str, seconds: float = 400) -> str:
        """Wait for the end of a run; its state. Servers that come back meanwhile are waited for."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            with suppress(httpx.HTTPError, AssertionError, ValueError, KeyError):
                if (state := self.state(dag_id, run_id)) in {"success", "failed"}:
                    return state
            time.sleep(1)
        raise AssertionError(f"the end of {dag_id} {run_id} did not happen within {seconds} s")

    def start_run(self, dag_id: str, date: str | None = None, **form: object) -> str:
        """Trigger a DAG with a form; the id of the run."""
        self.airflow_api("PATCH", f"dags/{dag_id}", {"is_paused": False})
        return str(self.airflow_api("POST", f"dags/{dag_id}/dagRuns", {"logical_date": date, "conf": form})["dag_run_id"])

    def run(self, dag_id: str, date: str | None = None, **form: object) -> None:
        """Run a DAG that is otherwise paused, with a form, and see it succeed."""
        run_id = self.start_run(dag_id, date, **form)
        assert self.ended(dag_id, run_id) == "success", run_id
        self.airflow_api("PATCH", f"dags/{dag_id}", {"is_paused": True})


class AirflowServer(AirflowApi):
    """``airflow <part>`` for each of ``parts``; ``api`` speaks to the first one, as ``admin``."""

    def __init__(self, folder: Path, database: Path, parts: tuple[str, ...] = ("api-server",)) -> None:
        self.parts = parts
        self.folder = folder
        self.lake = Lake(str(folder / "lake"))
        self.port = free_port()
        super().__init__(f"http://127.0.0.1:{self.port}", {name: secrets.token_hex(8) for name in USERS})
        home = folder / "airflow"
        home.mkdir()
        shutil.copyfile(database, home / "airflow.db")
        (home / "passwords.json").write_text(json.dumps(self.passwords))
        self.environment = os.environ | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db?timeout=60",  # as bin/ui
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.address,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.address}/execution/",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{name}" for name in USERS),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
            "LAKE": self.lake.url,
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
            "RESULTS_URL": f"sqlite:///{folder / 'results.db'}",
        }
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start all parts and wait until the API server answers."""
        for part in self.parts:
            log = (self.folder / f"{part}.log").open("ab")
            command = ["airflow", part]
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, env=self.environment, start_new_session=True))
            log.close()
        limit = time.monotonic() + _READY_WITHIN
        while time.monotonic() < limit and all(process.poll() is None for process in self.processes):
            with suppress(httpx.HTTPError, KeyError, TypeError):
                health = httpx.get(f"{self.address}/api/v2/monitor/health", timeout=5).json()
                if "scheduler" not in self.parts or health["scheduler"]["status"] == "healthy":
                    break
            time.sleep(0.3)
        else:
            self.stop()
            raise AssertionError((self.folder / "api-server.log").read_text(errors="replace")[-4000:])
        self.api = self.client("admin")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End all parts with all that they started; by force, if they do not listen."""
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, how)
        for process in self.processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOPPED_WITHIN)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.processes.clear()

    def client(self, user: str | None) -> httpx.Client:
        """Speak to Marketmill's API as a user, or as nobody."""
        headers = {"Authorization": f"Bearer {self.token(user)}"} if user else {}
        return httpx.Client(base_url=f"{self.address}/marketmill/api/v1", headers=headers, timeout=120)
