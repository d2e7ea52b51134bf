"""What every DAG file promises, whichever it is."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pendulum
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction

from tests.conftest import PROJECT

DAGS = PROJECT / "dags"
FILES = sorted(DAGS.glob("*.py"))
TAGS = {"bars", "features", "models", "predictions", "trades", "report", "options"}
HEAVY = (
    "arch", "boto3", "ccxt", "great_expectations", "ib_insync", "keras", "matplotlib", "mlflow", "numba", "numpy", "pandas", "pyarrow",
    "pyspark", "scipy", "skops", "sklearn", "tensorflow", "xgboost", "yfinance",
)  # fmt: skip

#: Loads each file in a process of its own, as Airflow does, that cannot import any heavy library; prints a line of JSON for each.
PROBE = """
import importlib.abc, importlib.util, json, os, sys, time
import airflow.sdk
from airflow.sdk.definitions._internal.contextmanager import DagContext
from airflow.serialization.serialized_objects import DagSerialization

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in heavy:
            raise ImportError(f"{name} is heavy: a DAG file may not import it")

def load(path):
    for name in [name for name in sys.modules if name.split(".")[0] in heavy]:
        del sys.modules[name]  # what Airflow itself has loaded is no excuse
    sys.meta_path.insert(0, Refuse())
    DagContext.current_autoregister_module_name = "dag_file"
    started = time.process_time()
    spec = importlib.util.spec_from_file_location("dag_file", path)
    sys.modules["dag_file"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    seconds = time.process_time() - started
    sys.meta_path.pop(0)
    dags = {dag.dag_id: DagSerialization.to_dict(dag) for dag, _ in DagContext.autoregistered_dags}
    print(json.dumps({"file": path, "seconds": seconds, "dags": dags}), flush=True)

heavy = set(sys.argv[1].split(","))
for path in sys.argv[2:]:
    child = os.fork()
    if not child:
        try:
            load(path)
        except BaseException as error:
            print(json.dumps({"file": path, "error": repr(error)}), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


def probe(seed: str, *paths: Path) -> dict[str, dict]:
    command = [sys.executable, "-c", PROBE, ",".join(HEAVY), *(str(path) for path in paths)]
    environment = os.environ | {"PYTHONHASHSEED": seed}
    answer = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert answer.returncode == 0, answer.stderr[-2000:]
    lines = [json.loads(line) for line in answer.stdout.splitlines() if line.startswith("{")]
    return {Path(line["file"]).name: line for line in lines}


@pytest.fixture(scope="module")
def probes() -> dict[str, dict]:
    return probe("0", *FILES)


@pytest.fixture(scope="module")
def bag():
    return DagBag(dag_folder=str(DAGS), collect_dags=True)


def test_there_are_dags():
    assert {path.stem for path in FILES} >= {"backfill_market", "update_market", "train_models", "publish_report"}


def test_no_import_errors(bag):
    assert bag.import_errors == {}
    assert set(bag.dags) == {path.stem for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_parses_in_a_second_without_a_heavy_library(path, probes):
    assert "error" not in probes[path.name], probes[path.name]["error"]
    assert list(probes[path.name]["dags"]) == [path.stem]
    assert probes[path.name]["seconds"] < 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_thin(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 80
    assert '"""' in text[:10]
    body = ast.parse(text).body
    assert not [node for node in body if isinstance(node, ast.ClassDef)]


def test_the_probe_refuses_a_heavy_library(tmp_path):
    (tmp_path / "bad.py").write_text("import pandas")
    assert "pandas is heavy" in probe("0", tmp_path / "bad.py")["bad.py"]["error"]


def test_dags_serialize_the_same_in_every_process(probes):
    again = probe("1", *FILES)
    for name, found in probes.items():
        assert again[name]["dags"] == found["dags"], name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_survives_serialization(path, bag):
    dag = bag.dags[path.stem]
    back = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
    assert back.dag_id == dag.dag_id
    assert set(back.task_dict) == set(dag.task_dict)
    assert set(back.params) == set(dag.params)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_can_be_understood_and_recovers(path, bag):
    dag = bag.dags[path.stem]
    assert dag.doc_md
    assert len(dag.doc_md) > 200
    assert dag.tags
    assert set(dag.tags) <= TAGS
    assert dag.max_active_runs == 1
    assert dag.catchup is False
    for task in dag.tasks:
        assert task.retries >= 1, task.task_id
        assert task.owner == "marketmill"
    for name in dag.params:
        param = dag.params.get_param(name)
        assert param.schema.get("title"), f"{path.stem}: {name}"
        assert param.description, f"{path.stem}: {name}"


#: Trigger rules under which the failure of a task before is passed on.
PASSES_ON = {"all_success", "none_failed", "none_failed_min_one_success"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_task_that_fails_fails_the_run(path, bag):
    """A run ends as its last tasks do: a page that is written whatever happened would hide what failed before it."""

    def fails_the_run(task):
        later = [dag.task_dict[task_id] for task_id in task.downstream_task_ids]
        return not later or any(after.trigger_rule in PASSES_ON and fails_the_run(after) for after in later)

    dag = bag.dags[path.stem]
    assert [task.task_id for task in dag.tasks if not fails_the_run(task)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_empty_form_is_valid(path, bag):
    bag.dags[path.stem].params.validate()


NAMES = {
    "backfill_market": {"universe", "source", "symbols", "start", "end", "years", "days", "timeframe", "force", "csv_folder"},
    "update_market": {"universe", "source"},
    "train_models": {"models", "universe", "timeframe", "start", "end", "seed", "force", "continue_boosting", "months"},
    "publish_report": {"universe", "timeframe", "months"},
    "promote_models": {"model", "version", "action", "require_approval", "months"},
    "predict": {"models", "months"},
    "watch_drift": {"models"},
    "simulate_trades": {"predictions", "rules", "universe", "timeframe", "days", "costs", "allow_in_sample", "months"},
    "import_fills": {"fills_file", "timeframe"},
    "forecast_industry": {"target", "peers", "horizon", "start", "end", "source", "universe", "force", "csv_folder", "seed"},
}


@pytest.mark.parametrize("dag_id", NAMES)
def test_a_form_has_its_fields(dag_id, bag):
    assert NAMES[dag_id] <= set(bag.dags[dag_id].params)


def test_update_market_has_real_months(bag):
    """Three runs in a row: three months in a row, none doubled, none left out."""
    timetable = DagSerialization.from_dict(DagSerialization.to_dict(bag.dags["update_market"])).timetable
    restriction = TimeRestriction(earliest=pendulum.datetime(2017, 11, 1), latest=None, catchup=True)
    last, months = None, []
    for _ in range(3):
        info = timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
        last = info.data_interval
        months.append((f"{last.start:%Y-%m-%d}", f"{last.end:%Y-%m-%d}"))
    assert months == [("2017-11-01", "2017-12-01"), ("2017-12-01", "2018-01-01"), ("2018-01-01", "2018-02-01")]
    manual = timetable.infer_manual_data_interval(run_after=pendulum.datetime(2018, 6, 15))
    assert (f"{manual.start:%Y-%m-%d}", f"{manual.end:%Y-%m-%d}") == ("2018-05-01", "2018-06-01")


def test_only_the_plugin_file_is_loaded_as_a_plugin():
    """Airflow executes every other file of plugins/ under its bare name, where it can hide a library of that name."""
    code = (
        "import sys; before = set(sys.modules); from airflow import plugins_manager as manager; "
        "print(sorted({plugin.name for plugin in manager._get_plugins()[0]} & {'marketmill'}), "
        "sorted(name for name in set(sys.modules) - before if name in ('sample', 'fetch', 'months', 'base', 'params', 'window')))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert answer.returncode == 0, answer.stderr[-2000:]
    assert answer.stdout.splitlines()[-1] == "['marketmill'] []"
