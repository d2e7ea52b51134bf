"""What Airflow adds to each task: tasks that do nothing, one after the other, in one ``airflow dags test``.

Few tasks are taken off many, so that the start of Airflow, which is paid once a run, stands in a row of its own.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from bench.measure import Run, run
from bench.row import row

_FEW, _MANY, _ROUNDS = 2, 42, 3
_DAG = """
from airflow.sdk import DAG, task

with DAG("bench_{count}", schedule=None):
    before = None
    for number in range({count}):

        @task(task_id=f"nothing_{{number:02d}}")
        def nothing():
            return None

        after = nothing()
        if before is not None:
            before >> after
        before = after
"""


def rows(quick: bool) -> list[dict[str, Any]]:  # noqa: ARG001, FBT001 (there is no larger size)
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        dags = Path(folder, "dags")
        dags.mkdir()
        for count in (_FEW, _MANY):
            (dags / f"bench_{count}.py").write_text(_DAG.format(count=count), encoding="utf-8")
        # No plugin: what the mill adds is measured by the other modules.
        own = {"AIRFLOW_HOME": folder, "AIRFLOW__CORE__DAGS_FOLDER": str(dags), "AIRFLOW__CORE__PLUGINS_FOLDER": f"{folder}/plugins"}
        own |= {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow.db", "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        environment = os.environ | own
        run(["airflow", "db", "migrate"], environment)
        rounds = [(_test(_FEW, environment), _test(_MANY, environment)) for _ in range(_ROUNDS)]
    tasks = _MANY - _FEW
    each = median((many.wall - few.wall) / tasks for few, many in rounds)
    processor = median((many.processor - few.processor) / tasks for few, many in rounds)
    return [
        row("Airflow, a task that does nothing, in airflow dags test", 1000 * each, "ms"),
        row("Airflow, a task that does nothing: processor time", 1000 * processor, "ms"),
        row("Airflow, start of airflow dags test, once a run", median(few.wall for few, _ in rounds) - _FEW * each, "s"),
    ]


def _test(count: int, environment: dict[str, str]) -> Run:
    return run(["airflow", "dags", "test", f"bench_{count}"], environment)


if __name__ == "__main__":
    print(json.dumps(rows(quick=False), indent=1))
