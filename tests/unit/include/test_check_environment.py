"""The look at the machine, against real and made-up Python versions and real little programs called java."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from include import check_environment


def java_that_says(folder: Path, text: str, code: int = 0) -> dict[str, str]:
    """Put a program called java into a folder, and answer with an environment that finds nothing else."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{text}\nEND\nexit {code}\n")
    program.chmod(0o755)
    return {"PATH": str(program.parent)}


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_supported_pythons_are_no_problem(version: tuple[int, int]) -> None:
    assert check_environment.python_problem(version) is None


@pytest.mark.parametrize("version", [(2, 7), (3, 10), (3, 14), (4, 0)])
def test_any_other_python_is_named(version: tuple[int, int]) -> None:
    assert "this is Python {}.{}:".format(*version) in str(check_environment.python_problem(version))


@pytest.mark.parametrize(
    "answer",
    [
        'openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment',
        'java version "21" 2023-09-19 LTS',
        'openjdk version "25-ea" 2025-09-16',
    ],
)
def test_java_17_and_later_is_no_problem(tmp_path: Path, answer: str) -> None:
    assert check_environment.java_problem(java_that_says(tmp_path, answer)) is None


@pytest.mark.parametrize(("answer", "version"), [('java version "1.8.0_402"', 8), ('openjdk version "11.0.2" 2019-01-15', 11)])
def test_an_old_java_is_named_with_its_version_and_place(tmp_path: Path, answer: str, version: int) -> None:
    problem = check_environment.java_problem(java_that_says(tmp_path, answer))
    assert f"{tmp_path}/bin/java is Java {version}:" in str(problem)


def test_no_java_on_path(tmp_path: Path) -> None:
    assert "no `java` on PATH" in str(check_environment.java_problem({"PATH": str(tmp_path)}))


def test_java_home_goes_before_path(tmp_path: Path) -> None:
    environment = java_that_says(tmp_path / "good", 'openjdk version "17.0.1"')
    old = java_that_says(tmp_path / "old", 'openjdk version "11.0.1"')
    assert "is Java 11" in str(check_environment.java_problem({**environment, "JAVA_HOME": str(Path(old["PATH"]).parent)}))
    assert f"where {tmp_path}/none/bin/java" in str(check_environment.java_problem({**environment, "JAVA_HOME": f"{tmp_path}/none"}))


@pytest.mark.parametrize(("answer", "code"), [("", 0), ("no version here", 0), ('version "17"', 1)])
def test_a_java_that_does_not_answer(tmp_path: Path, answer: str, code: int) -> None:
    assert "gives no version" in str(check_environment.java_problem(java_that_says(tmp_path, answer, code)))


def test_as_a_program_it_says_one_sentence_and_fails(tmp_path: Path) -> None:
    program = [sys.executable, "-I", "-S", check_environment.__file__]
    answer = subprocess.run(program, capture_output=True, text=True, env={"PATH": str(tmp_path)}, check=False)
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert len(answer.stderr.splitlines()) == 1
