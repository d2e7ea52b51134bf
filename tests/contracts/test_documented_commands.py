"""Every `airflow dags test` that a page or a DAG's own text shows is one that Airflow takes."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from datetime import date

import pytest
from airflow.dag_processing.dagbag import DagBag

from tests.conftest import PROJECT

PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md")), *sorted((PROJECT / "dags").glob("*.py"))]
COMMAND = re.compile(r"airflow dags test (\w+)(?: +(\d{4}-\d\d-\d\d))?(?: +--conf '([^']*)')?")
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
