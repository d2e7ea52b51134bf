"""docker-compose.yaml: no secret in it, nothing open to the network, and every part watched."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
TEXT = (PROJECT / "docker-compose.yaml").read_text(encoding="utf-8")
SERVICES = yaml.safe_load(TEXT)["services"]
EXAMPLE = (PROJECT / ".env.example").read_text(encoding="utf-8")


def test_the_parts() -> None:
    airflow = {"initialize", "api-server", "scheduler", "dag-processor", "triggerer"}
    assert set(SERVICES) == airflow | {"postgres", "spark-master", "spark-worker", "mlflow"}


def test_every_secret_is_required_and_in_the_example_without_a_value() -> None:
    required = set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert required == set(re.findall(r"^(\w+)=$", EXAMPLE, re.MULTILINE))
    settings = re.findall(r"^\s+(\w*(?:SECRET|PASSWORD|KEY)): (.+)$", TEXT, re.MULTILINE)
    assert len(settings) >= 4
    assert [name for name, value in settings if not value.startswith("${")] == []


def test_every_optional_variable_is_in_the_example() -> None:
    for name, default in re.findall(r"\$\{(\w+):-([^}]*)\}", TEXT):
        assert f"# {name}={default}\n" in EXAMPLE


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_only_this_machine_reaches_a_port(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"initialize"}))
def test_every_lasting_part_is_watched_and_comes_back(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_no_address_holds_a_written_password() -> None:
    assert re.findall(r"://\w+:(?!\$\{)[^@\s]*@", TEXT) == []
