"""The assets are the picture of the mill: declared once, plain, and each consumer can hear its producers."""

from __future__ import annotations

import ast

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import Asset
from airflow.serialization.serialized_objects import DagSerialization

from include import assets
from tests.conftest import PROJECT

CODE = [path for folder in ("dags", "plugins", "include", "ml", "spark_jobs", "expectations") for path in (PROJECT / folder).rglob("*.py")]
DECLARED = {name: value for name, value in vars(assets).items() if isinstance(value, Asset)}


@pytest.fixture(scope="module")
def bag():
    return DagBag(dag_folder=str(PROJECT / "dags"), collect_dags=True)


def called_names(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def test_assets_are_declared_in_one_file():
    made = {path.relative_to(PROJECT).as_posix() for path in CODE if "Asset" in called_names(path)}
    assert made == {"include/assets.py"}


def test_names_are_the_vocabulary():
    assert {asset.name for asset in DECLARED.values()} == {"bars", "features", "model", "predictions", "trades", "report"}
    assert all(name == asset.name.upper() for name, asset in DECLARED.items())


def consumed(dag):
    condition = getattr(DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable, "asset_condition", None)
    return set() if condition is None else {key.name for key, _ in condition.iter_assets()}


def produced(dag):
    return {outlet.name for task in dag.tasks for outlet in task.outlets}


def test_the_chain_is_joined(bag):
    edges = {dag_id: (consumed(dag), produced(dag)) for dag_id, dag in bag.dags.items()}
    assert edges["backfill_market"] == (set(), {"bars", "features"})
    assert edges["update_market"] == (set(), {"bars", "features"})
    assert edges["train_models"] == ({"features", "trades"}, {"model"})
    assert edges["train_strategies"] == ({"trades"}, {"model", "report"})
    assert edges["promote_models"] == ({"model"}, set())
    assert edges["predict"] == ({"features"}, {"predictions"})
    assert edges["simulate_trades"] == ({"predictions"}, {"trades", "report"})
    assert edges["import_fills"] == (set(), {"trades"})
    assert edges["publish_report"] == ({"model"}, {"report"})


def test_everything_that_starts_a_dag_is_produced_by_another(bag):
    made = set().union(*(produced(dag) for dag in bag.dags.values()))
    for dag_id, dag in bag.dags.items():
        assert consumed(dag) <= made, dag_id
        assert not consumed(dag) & produced(dag), f"{dag_id} would start itself"


def test_no_partition_keys(bag):
    """A plain consumer never hears an event that has a key, and a keyed one never hears one that has none."""
    used = {path.relative_to(PROJECT).as_posix() for path in CODE if "add_partitions" in called_names(path)}
    assert used == set()
    assert [dag_id for dag_id, dag in bag.dags.items() if "Partition" in type(dag.timetable).__name__] == []


#: Look at everything that is new to them, whatever changed.
WHOLE = {"watch_drift", "mirror_lake"}


def test_a_consumer_has_the_field_that_stands_in_for_events(bag):
    for dag_id, dag in bag.dags.items():
        if consumed(dag) and dag_id not in WHOLE:
            assert "months" in dag.params, dag_id
