"""A registry that does not answer is one sentence, soon, and never shows a password."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from mlflow.exceptions import RestException

from include.errors import ModelError, RegistryError
from include.settings import settings
from ml import promotion, registry
from ml.registry_server import connect
from tests.conftest import PROJECT

RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """Let the settings name a server, with a password, at a port where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found = free.getsockname()
    for name in ("MAX_RETRIES", "BACKOFF_FACTOR", "TIMEOUT"):
        monkeypatch.setenv(f"MLFLOW_HTTP_REQUEST_{name}", "")  # so that it is put back
        monkeypatch.delenv(f"MLFLOW_HTTP_REQUEST_{name}")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://ada:secret@127.0.0.1:{found[1]}")
    settings.cache_clear()
    yield found
    monkeypatch.undo()
    settings.cache_clear()


def test_nobody_there_is_one_sentence_within_seconds(address, capsys, caplog):
    began = time.monotonic()
    assert promotion.main(["demote", "volatility_garch"]) == 1
    assert time.monotonic() - began < 20
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"the registry of models at http://127.0.0.1:{address[1]} cannot be reached; start that MLflow server, or set "
        "MLFLOW_TRACKING_URI to one that runs"
    )
    assert caplog.text.count("Retrying") == 3
    assert "secret" not in caplog.text
    assert not issubclass(RegistryError, ModelError)  # no champion is damaged


def test_a_users_own_patience_wins(address, monkeypatch, caplog):
    monkeypatch.setenv(RETRIES, "0")
    with pytest.raises(RegistryError, match="cannot be reached"):
        registry.holders()
    assert "Retrying" not in caplog.text


class Stub(BaseHTTPRequestHandler):
    """Knows no model, and answers with MLflow's own error where it is asked for a version."""

    def do_GET(self) -> None:
        known = "model-versions/get" not in self.path
        content = b"{}" if known else b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "there is none"}'
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def test_a_server_that_goes_away_later_is_told_and_its_own_errors_pass(address, monkeypatch):
    monkeypatch.setenv(RETRIES, "0")
    server = HTTPServer(address, Stub)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        assert registry.holders() == {}
        with pytest.raises(RestException, match="there is none"):
            registry.tags("volatility_garch", "1")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    with pytest.raises(RegistryError, match=f"http://127.0.0.1:{address[1]} cannot be reached"):
        registry.holders()


def test_a_server_that_says_nothing_is_told(address, monkeypatch):
    monkeypatch.setenv(RETRIES, "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(address), pytest.raises(RegistryError, match="cannot be reached"):
        registry.holders()


def test_a_kill_while_the_file_is_made_leaves_nothing_that_is_refused(tmp_path):
    file = tmp_path / "mlflow.db"
    half = file.with_name("mlflow.db.half")
    code = f"from ml.registry_server import connect; connect('sqlite:///{file}')"
    with subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT) as making:
        while not (half.exists() and tables(half)):
            assert making.poll() is None
            time.sleep(0.01)
        making.kill()
    assert tables(half), "it was killed half-way"
    assert not file.exists()
    assert list(connect(f"sqlite:///{file}").search_registered_models()) == []
    assert not half.exists()


def tables(file: Path) -> list[str]:
    with sqlite3.connect(file) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
