"""environment.sh, sourced by real shells in a copy of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SHELLS = [
    pytest.param(shell, marks=pytest.mark.skipif(shutil.which(shell) is None, reason=f"no {shell} here"))
    for shell in ("sh", "dash", "bash", "zsh")
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "a mill"
    root.mkdir()
    shutil.copy(PROJECT / "environment.sh", root)
    return root


def source(shell: str, root: Path, script: str, *, folder: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shell, "-c", f'. "{root}/environment.sh"\n{script}'],
        capture_output=True,
        text=True,
        cwd=folder or root,
        env={"PATH": "/usr/bin:/bin", **variables},
        check=False,
    )


@pytest.mark.parametrize("shell", SHELLS)
def test_it_says_nothing_and_sets_what_is_needed(shell: str, root: Path) -> None:
    answer = source(shell, root, 'set -u; echo "$MARKETMILL_HOME|$PYTHONPATH|$AIRFLOW_HOME|$LAKE|$MLFLOW_TRACKING_URI"')
    assert answer.stderr == ""
    expected = f"{root}|{root}:{root}/plugins|{root}/.airflow/shell|{root}/lake|sqlite:///{root}/.mlflow/mlflow.db\n"
    assert answer.stdout == expected


@pytest.mark.parametrize("shell", SHELLS)
def test_twice_is_as_good_as_once_also_in_a_strict_shell(shell: str, root: Path) -> None:
    answer = source(shell, root, 'set -eu; . ./environment.sh; echo "$PYTHONPATH"', PYTHONPATH="/mine")
    assert (answer.stdout, answer.stderr) == (f"{root}:{root}/plugins:/mine\n", "")


@pytest.mark.parametrize("shell", SHELLS[2:])
def test_bash_and_zsh_find_the_root_from_anywhere(shell: str, root: Path, tmp_path: Path) -> None:
    assert source(shell, root, 'echo "$MARKETMILL_HOME"', folder=tmp_path).stdout == f"{root}\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_dotenv_is_read_but_never_run(shell: str, root: Path) -> None:
    lines = [
        "# words",
        "",
        "export A='two words'\r",
        'B="x=y"',
        "C=$(touch hacked)`touch hacked`",
        "LAKE=s3://bucket/prefix",
        "UNIVERSE=core5",
    ]
    (root / ".env").write_bytes("\n".join(lines).encode())
    answer = source(shell, root, 'echo "$A|$B|$C|$LAKE|$UNIVERSE"', UNIVERSE="crypto")
    assert answer.stdout == "two words|x=y|$(touch hacked)`touch hacked`|s3://bucket/prefix|crypto\n"
    assert answer.stderr == ""
    assert not (root / "hacked").exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_bad_line_of_dotenv_is_named_but_not_shown(shell: str, root: Path) -> None:
    (root / ".env").write_text("A=1\nsecret without a name\n2B=1\nC-D=hidden\nE=5")
    answer = source(shell, root, 'echo "$A$E"')
    assert answer.stdout == "15\n"
    assert [line.split(":")[0] for line in answer.stderr.splitlines()] == [f"{root}/.env, line {number}" for number in (2, 3, 4)]
    assert "secret" not in answer.stderr
    assert "hidden" not in answer.stderr


def test_the_lakes_other_name(root: Path) -> None:
    assert source("sh", root, 'echo "$LAKE"', IBKR_TRAINING_CACHE_DIR="/bars").stdout == "/bars\n"
    assert source("sh", root, 'echo "$LAKE"', IBKR_TRAINING_CACHE_DIR="/bars", LAKE="/other").stdout == "/other\n"
