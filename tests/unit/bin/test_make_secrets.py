from __future__ import annotations

import base64
import shutil
import stat
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.programs import load

secrets = load("make_secrets")
EXAMPLE = "# what it is\nPOSTGRES_PASSWORD=\nFERNET_KEY=\n# SOURCE=sample\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".env.example").write_text(EXAMPLE)
    return tmp_path


def values(project: Path) -> dict[str, str]:
    lines = [line for line in (project / ".env").read_text().splitlines() if "=" in line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_every_secret_of_the_example_is_made(tmp_path, capsys):
    shutil.copy(PROJECT / ".env.example", tmp_path)
    assert secrets.main(tmp_path) == 0
    found = values(tmp_path)
    assert {"POSTGRES_PASSWORD", "MONGO_PASSWORD", "AIRFLOW_JWT_SECRET", "FERNET_KEY"} <= set(found)
    assert len(set(found.values())) == len(found)
    assert all(len(value) >= 44 for value in found.values())
    said = capsys.readouterr().out
    assert "POSTGRES_PASSWORD" in said
    assert not [value for value in found.values() if value in said]


def test_the_file_is_its_owners_and_the_key_is_fernets(project):
    secrets.main(project)
    assert stat.S_IMODE((project / ".env").stat().st_mode) == 0o600
    assert len(base64.urlsafe_b64decode(values(project)["FERNET_KEY"])) == 32


def test_what_is_there_stays(project, capsys):
    (project / ".env").write_text("# mine\nSOURCE=yahoo\nPOSTGRES_PASSWORD=chosen\nMINE=\n")
    secrets.main(project)
    text = (project / ".env").read_text()
    assert text.startswith("# mine\nSOURCE=yahoo\nPOSTGRES_PASSWORD=chosen\nMINE=\nFERNET_KEY=")
    secrets.main(project)
    assert (project / ".env").read_text() == text
    assert "nothing was empty" in capsys.readouterr().out
