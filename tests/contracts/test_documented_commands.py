"""Every `airflow dags test` that a page or a DAG's own text shows is one that Airflow takes, and every `make run` one that it takes."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from datetime import date

import pytest
from airflow.dag_processing.dagbag import DagBag

from tests.conftest import PROJECT
from tests.programs import load

PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md")), *sorted((PROJECT / "dags").glob("*.py"))]
COMMAND = re.compile(r"airflow dags test (\w+)(?: +(\d{4}-\d\d-\d\d))?(?: +--conf '([^']*)')?")
RUN = re.compile(r"make run((?: [A-Z_]+=[^\s`]+)*)")
SHOWN = [(page.name, *match) for page in PAGES for match in COMMAND.findall(page.read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def bag():
    return DagBag(dag_folder=str(PROJECT / "dags"), collect_dags=True)


def test_there_are_commands():
    assert {page for page, *_ in SHOWN} >= {"README.md", "sources.md", "sources-yahoo.md", "sources-ibkr.md", "sources-binance.md"}


@pytest.mark.parametrize(("page", "dag_id", "day", "form"), SHOWN)
def test_a_command_fills_the_form_of_its_dag(page, dag_id, day, form, bag):
    params, filled = deepcopy(bag.dags[dag_id].params), json.loads(form or "{}")
    assert set(filled) <= set(params)
    params.update(filled)
    params.validate()
    assert not day or date.fromisoformat(day) < date.today()


@pytest.mark.parametrize(
    ("page", "variables"), sorted({(page.name, shown) for page in PAGES for shown in RUN.findall(page.read_text(encoding="utf-8"))})
)
def test_a_run_is_one_that_can_be_had(page, variables, bag, tmp_path):
    asked = dict(variable.split("=", 1) for variable in variables.split())
    if "CSV_FOLDER" in asked:
        asked["CSV_FOLDER"] = str(tmp_path)
    for dag_id, form in load("run_mill").chain(asked):
        params = deepcopy(bag.dags[dag_id].params)
        params.update(form)
        params.validate()
