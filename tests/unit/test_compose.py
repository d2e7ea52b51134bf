"""docker-compose.yaml: no secret in it, nothing open to the network, and every part watched."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.programs import load

PROJECT = Path(__file__).resolve().parents[2]
TEXT = (PROJECT / "docker-compose.yaml").read_text(encoding="utf-8")
SERVICES = yaml.safe_load(TEXT)["services"]
EXAMPLE = (PROJECT / ".env.example").read_text(encoding="utf-8")


def test_the_parts() -> None:
    airflow = {"initialize", "api-server", "scheduler", "dag-processor", "triggerer"}
    assert set(SERVICES) == airflow | {"postgres", "spark-master", "spark-worker", "mlflow", "s3", "mongo"}
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == {"s3": ["s3"], "mongo": ["mirror"]}


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


@pytest.mark.parametrize("profiles", [(), ("s3", "mirror")])
def test_compose_takes_the_file_with_made_secrets(tmp_path: Path, profiles: tuple[str, ...]) -> None:
    """By the program itself, which needs no engine for this."""
    command = shutil.which("docker-compose")
    if command is None:
        pytest.skip("no docker-compose on this machine (Debian: apt install docker-compose)")
    for name in ("docker-compose.yaml", ".env.example"):
        shutil.copy(PROJECT / name, tmp_path)
    load("make_secrets").main(tmp_path)
    with (tmp_path / ".env").open("a") as file:
        file.write("AWS_ACCESS_KEY_ID=mill\nLAKE=s3://marketmill/lake\n")
    chosen = [word for profile in profiles for word in ("--profile", profile)]
    answer = subprocess.run([command, *chosen, "config"], cwd=tmp_path, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    services = yaml.safe_load(answer.stdout)["services"]
    assert set(services) >= {"scheduler", *(["s3", "mongo"] if profiles else [])}
    environment = services["scheduler"]["environment"]
    assert (environment["LAKE"], environment["AWS_ACCESS_KEY_ID"]) == ("s3://marketmill/lake", "mill")
    assert services["spark-worker"]["environment"]["LAKE"] == "s3://marketmill/lake"
    assert json.loads(environment["AIRFLOW_CONN_MONGO_DEFAULT"])["password"]
