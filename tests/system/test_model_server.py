"""Registry, gate and promotion on a real MLflow server on this machine, as a team shares one: by its URI, artifacts through it."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from include.errors import ModelError
from include.settings import settings
from ml import registry
from ml.gate import Outcome
from ml.promotion import demote, promote, propose, serving
from tests.unit.ml.test_promotion import challenge, pass_gate, stages

pytestmark = [pytest.mark.system, pytest.mark.long]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Start the server; yields the folder in which it keeps artifacts."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'server.db'}", "--artifacts-destination", str(folder / "artifacts")]
    with (folder / "log").open("wb") as log, pytest.MonkeyPatch.context() as patch:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, start_new_session=True)
        try:
            _wait(f"http://127.0.0.1:{port}/health", server, folder / "log")
            patch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
            settings.cache_clear()
            yield folder / "artifacts"
        finally:
            os.killpg(server.pid, signal.SIGKILL)  # nothing in it is worth half a minute of good-byes
            server.wait(30)
    settings.cache_clear()


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.ConnectionError:
            pass
        assert server.poll() is None, log.read_text()[-2000:]
        time.sleep(0.5)
    raise AssertionError(log.read_text()[-2000:])


@pytest.fixture
def name(request: pytest.FixtureRequest, artifacts: Path) -> str:
    return request.node.name


def test_better_ones_take_over_worse_ones_do_not_and_demotion_goes_back(name):
    challenge(name, 0.6)
    assert pass_gate(name) == "1"
    challenge(name, 0.9)
    worse = propose(name)
    assert (worse.version, worse.outcome) == ("2", Outcome.REFUSE)
    challenge(name, 0.4)
    assert pass_gate(name) == "3"
    assert stages(name) == {"1": "Archived", "2": "Archived", "3": "Production"}
    assert serving(name).version.aliases == ("champion",)
    assert demote(name, by="ada") == ("3", "1")
    assert serving(name).version.version == "1"


def test_a_tampered_artifact_is_refused_and_the_one_before_it_serves(name, artifacts):
    challenge(name, 0.6)
    pass_gate(name)
    second = challenge(name, 0.4)
    pass_gate(name)
    [stored] = artifacts.rglob(f"{second.run_id}/artifacts/model/garch.json")
    stored.write_bytes(b'{"evil": 1}')
    now = serving(name)
    assert now.version.version == "1"
    assert "version 2: artifact model/garch.json is not what was stored and is refused" in now.refused[0]
    with pytest.raises(ModelError, match="is refused"):
        registry.get(name, "2")


def test_a_decision_that_is_out_of_date_changes_nothing(name):
    challenge(name, 0.6)
    decision = propose(name)
    pass_gate(name)
    challenge(name, 0.5)
    with pytest.raises(ModelError, match=f"champion of {name} is by now version 1, not none; nothing was changed"):
        promote(name, "2", expected=decision.champion, serves={}, reason="")
    assert registry.holder(name, "champion") == "1"


def test_of_promotions_at_once_one_is_champion_in_the_end(name):
    """A server has no lock: both may win within the same milliseconds, but there is one champion, and it is one of the two."""
    for spread in (0.6, 0.5, 0.4):
        challenge(name, spread)
    promote(name, "1", expected=None, serves={}, reason="")
    code = f"import sys; from ml.promotion import promote; promote({name!r}, sys.argv[1], expected='1', serves={{}}, reason='')"
    started = [subprocess.Popen([sys.executable, "-c", code, version], stderr=subprocess.PIPE, text=True) for version in ("2", "3")]
    said = [process.communicate(timeout=180)[1] for process in started]
    codes = [process.returncode for process in started]
    assert 0 in codes, said
    champion = registry.holder(name, "champion")
    assert champion in {version for version, code in zip(("2", "3"), codes, strict=True) if code == 0}
    assert serving(name).version.version == champion


def test_what_was_fetched_goes_with_what_holds_it(name):
    found = challenge(name, 0.6)
    folder = found.folder
    assert folder.is_dir()
    assert folder.is_relative_to(tempfile.gettempdir())
    del found
    gc.collect()
    assert not folder.exists()
