"""Everything that the how-to pages say to type is typed, in a checkout of its own, in the order of the pages."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PROJECT

pytestmark = [pytest.mark.system, pytest.mark.long]

PAGES = PROJECT / "docs" / "how-to"
#: Later pages go on from the lake of the first; the one that changes the feature set comes last.
ORDER = ("first-backfill", "add-a-model", "add-a-symbol", "restore", "own-csv", "add-a-feature")
BLOCK = re.compile(r"^```(\w+)(?: (file|append)=(\S+))?\n(.*?)^```", re.MULTILINE | re.DOTALL)
KEPT = ("PATH", "HOME", "JAVA_HOME", "LANG", "TMPDIR", "SPARK_LOCAL_IP", "NUMBA_CACHE_DIR")


def blocks(page: str) -> list[tuple[str, str, str, str]]:
    """Language, ``file`` or ``append``, its path, and the text of each block that is to be done."""
    found = BLOCK.findall((PAGES / f"{page}.md").read_text(encoding="utf-8"))
    return [block for block in found if block[0] == "sh" or block[1]]


def test_every_page_with_something_to_type_is_typed():
    assert {page.stem for page in PAGES.glob("*.md") if blocks(page.stem)} == set(ORDER)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tracked files, with the packages of this checkout."""
    folder = tmp_path_factory.mktemp("checkout")
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, names.split("\0")):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)
    (folder / ".venv").symlink_to(PROJECT / ".venv")
    shell(folder, "bin/migrate", {})
    return folder


def environment(settings: dict[str, str]) -> dict[str, str]:
    """What a user's shell holds, and what the page has exported."""
    return {name: os.environ[name] for name in KEPT if name in os.environ} | settings


def shell(checkout: Path, command: str, settings: dict[str, str]) -> None:
    """Type a line into a shell of the project."""
    line = f". ./environment.sh && {command}"
    answer = subprocess.run(["bash", "-c", line], cwd=checkout, env=environment(settings), capture_output=True, text=True, timeout=500)
    assert answer.returncode == 0, f"{command}\n{answer.stdout[-3000:]}\n{answer.stderr[-3000:]}"


class AirflowSession:
    """Airflow commands in one process, which has Airflow loaded; it is started with the first."""

    def __init__(self, checkout: Path, settings: dict[str, str]) -> None:
        line = ". ./environment.sh && exec python bin/airflow_session"
        self.process = subprocess.Popen(
            ["bash", "-c", line], cwd=checkout, env=environment(settings), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, command: str) -> None:
        """Obey one line; its exit code must be 0."""
        self.process.stdin.write(json.dumps(shlex.split(command)[1:]) + "\n")
        self.process.stdin.flush()
        said = []
        for line in self.process.stdout:
            if line.startswith(":ended: "):
                assert line == ":ended: 0\n", f"{command}\n{''.join(said[-60:])}"
                return
            said.append(line)
        raise AssertionError(f"{command}\n{''.join(said[-60:])}")

    def close(self) -> None:
        """End it with its input."""
        self.process.stdin.close()
        self.process.wait(timeout=60)


def lines(text: str) -> Iterator[str]:
    yield from (line for line in text.splitlines() if line and not line.startswith("#"))


def landed(checkout: Path) -> set[str]:
    """Files that sources gave, in the lake of the first pages."""
    return {path.name for path in (checkout / "lake" / "landing").rglob("*.parquet")}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", ORDER)
def test_what_a_page_says_to_type_works(checkout, page):
    settings: dict[str, str] = {}
    session, before = None, landed(checkout)
    try:
        for _, how, path, text in blocks(page):
            if how:
                with (checkout / path).open("a" if how == "append" else "w", encoding="utf-8") as file:
                    file.write(text)
                continue
            for line in lines(text):
                if line.startswith("export "):
                    name, _, value = line.removeprefix("export ").partition("=")
                    settings[name] = value.strip('"').replace("$PWD", str(checkout))
                elif line.startswith("airflow "):
                    session = session or AirflowSession(checkout, settings)
                    session.run(line)
                    continue
                else:
                    shell(checkout, line, settings)
                if session:
                    session.close()
                    session = None
    finally:
        if session:
            session.close()
    if page == "restore":
        assert landed(checkout) == before, "a source was asked again"
