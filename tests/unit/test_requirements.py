"""requirements.txt is a whole lock of requirements.in, and installs the same set whoever installs it."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from importlib.metadata import PackageNotFoundError, distribution, distributions
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[2]
PYTHONS = ("3.11", "3.12", "3.13")


def lines_of(name: str) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in (PROJECT / name).read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def wanted() -> list[Requirement]:
    return [Requirement(line) for line in lines_of("requirements.in")]


def pins(python: str | None = None) -> dict[str, str]:
    """Versions that the lock gives to this machine, with its own or another Python."""
    environment = default_environment()
    if python:
        environment |= {"python_version": python, "python_full_version": f"{python}.9"}
    found: dict[str, list[str]] = defaultdict(list)
    for requirement in map(Requirement, lines_of("requirements.txt")):
        if requirement.marker is None or requirement.marker.evaluate(environment):
            found[canonicalize_name(requirement.name)].append(str(requirement.specifier).removeprefix("=="))
    assert all(len(versions) == 1 for versions in found.values()), "two versions of one package"
    return {name: versions[0] for name, versions in found.items()}


def test_every_line_is_one_exact_pin_and_names_no_place() -> None:
    text = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
    assert not re.search(r"://|@ |^\s*-", text, re.MULTILINE)
    for line in lines_of("requirements.txt"):
        assert re.fullmatch(r"[a-z0-9-]+==[\w.!+]+( ; .+)?", line), line


@pytest.mark.parametrize("python", PYTHONS)
def test_everything_wanted_is_pinned_as_wanted(python: str) -> None:
    locked = pins(python)
    for requirement in wanted():
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not in requirements.txt: run make lock"
        assert requirement.specifier.contains(version, prereleases=True), f"{requirement} against {version}: run make lock"


@pytest.mark.parametrize("python", PYTHONS)
def test_pyspark_and_its_client_have_one_version(python: str) -> None:
    # They install into the same folder: with two versions it depends on the installer whose files stay.
    assert pins(python)["pyspark"] == pins(python)["pyspark-client"]


def test_what_is_installed_is_the_lock() -> None:
    locked = pins()
    installed = {canonicalize_name(found.name): found.version for found in distributions()}
    different = {name: (version, installed.get(name)) for name, version in locked.items() if installed.get(name) != version}
    assert not different, "locked and installed differ: run make setup"


def test_no_shared_file_of_the_two_pysparks_differs() -> None:
    try:
        files = [
            {str(file): file.hash and file.hash.value for file in distribution(name).files or ()} for name in ("pyspark", "pyspark-client")
        ]
    except PackageNotFoundError as error:
        pytest.fail(f"{error}: run make setup")
    shared = [name for name in files[0].keys() & files[1].keys() if name.endswith(".py")]
    assert len(shared) > 100
    assert [name for name in shared if files[0][name] != files[1][name]] == []


def test_the_project_names_the_same_pythons() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    allowed = Requirement(f"python{project['requires-python']}").specifier
    assert [python for python in ("3.10", *PYTHONS, "3.14") if allowed.contains(python)] == list(PYTHONS)
