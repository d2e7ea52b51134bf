"""What the user interface's program refuses, and that it leaves no process behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]


def start(port: str, folder: Path, path: str) -> subprocess.Popen[str]:
    environment = {"PATH": path, "MARKETMILL_HOME": str(folder)}
    command = [str(PROJECT / "bin" / "ui"), port]
    # Tests that run in the background of a shell ignore Ctrl-C, and so would what they start.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heard)  # noqa: PLW1509


@pytest.mark.parametrize("port", ["", "abc", "0", "65536", "-1", "80 80"])
def test_a_port_that_is_none(port: str, tmp_path: Path) -> None:
    process = start(port, tmp_path, os.environ["PATH"])
    said = process.communicate(timeout=30)
    assert (process.returncode, said[0]) == (1, "")
    assert said[1] == f"ui: PORT is '{port}'; it must be a number from 1 to 65535\n"


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        process = start(port, tmp_path, os.environ["PATH"])
        said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert said[1] == f"ui: port {port} cannot be used (Address already in use); choose another: make ui PORT=8081\n"


def program(folder: Path, name: str, script: str) -> None:
    path = folder / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_an_airflow_that_ends_at_once_is_shown(tmp_path: Path) -> None:
    program(tmp_path, "migrate", "exit 0")
    program(tmp_path, "airflow", "echo no database; exit 1")
    process = start(free_port(), tmp_path, f"{tmp_path}/bin:{os.environ['PATH']}")
    said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert said[1] == f"no database\nui: Airflow did not start; the whole log: {tmp_path}/.airflow/logs/ui.log\n"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_stopping_it_stops_the_children_of_its_children(how: signal.Signals, tmp_path: Path) -> None:
    program(tmp_path, "migrate", "exit 0")
    program(tmp_path, "airflow", f"sleep 300 & echo $! > {tmp_path}/child; wait")
    process = start(free_port(), tmp_path, f"{tmp_path}/bin:{os.environ['PATH']}")
    child = tmp_path / "child"
    limit = time.monotonic() + 30
    while not (child.exists() and child.read_text().strip()) and time.monotonic() < limit:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(how)
    process.communicate(timeout=30)
    limit = time.monotonic() + 10
    while not gone(int(child.read_text())) and time.monotonic() < limit:
        time.sleep(0.05)  # a signal was sent; on a busy machine dying takes its time
    assert gone(int(child.read_text()))


def gone(number: int) -> bool:
    """Whether a process has ended; it may be a zombie that nobody has collected."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_its_parts_wait_for_a_busy_database(tmp_path: Path) -> None:
    program(tmp_path, "migrate", "exit 0")
    program(tmp_path, "airflow", 'echo "$AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"; exit 1')
    process = start(free_port(), tmp_path, f"{tmp_path}/bin:{os.environ['PATH']}")
    assert f"sqlite:///{tmp_path}/.airflow/ui/airflow.db?timeout=60" in process.communicate(timeout=30)[1]
