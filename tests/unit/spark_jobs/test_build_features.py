"""The job as it is started: by ``spark-submit``, in a process of its own, with real Spark."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import pyarrow as pa
import pytest

from include.feature_sets import read_current, read_features
from include.lake import Lake
from include.publish import commit_month, list_months, read_manifest
from spark_jobs import build_features as job
from spark_jobs import building
from spark_jobs.building import make_gather_tasks, make_tasks
from spark_jobs.plan import plan_features
from tests.unit.spark_jobs.made_bars import publish_bars, small_universe
from tests.unit.spark_jobs.test_buckets import build, contents, serially

PROJECT = Path(__file__).resolve().parents[3]
SUMMARY = "reports/test/features.json"


@pytest.fixture(scope="module")
def universe() -> pa.Table:
    return pa.concat_tables(small_universe(330).values())


def submit(lake: str, *more: str, master: str = "local[2]", timeframe: str = "1d") -> subprocess.CompletedProcess[str]:
    spark = [str(Path(sys.executable).with_name("spark-submit")), "--master", master]
    spark += ["--driver-java-options", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC", "--conf", "spark.driver.host=127.0.0.1"]
    arguments = [str(PROJECT / "spark_jobs" / "build_features.py"), "--lake", lake, "--timeframe", timeframe, "--summary", SUMMARY, *more]
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    return subprocess.run([*spark, *arguments], capture_output=True, text=True, env=environment, check=False, timeout=300)


@pytest.mark.system
def test_spark_makes_the_bytes_that_the_tasks_make_alone(universe: pa.Table, lake: Lake, tmp_path: Path) -> None:
    publish_bars(lake, universe)
    result = submit(lake.url)
    assert result.returncode == 0, result.stderr
    assert "build_features: Spark 4.2.0 on local[2]\n" in result.stdout
    assert "build_features: ready to make 104 features of 2 buckets of symbols" in result.stdout
    assert "Spark UI" not in result.stdout
    alone = Lake(str(tmp_path / "alone"))
    publish_bars(alone, universe)
    build(alone)
    assert contents(lake) == contents(alone)
    summary = json.loads(lake.read(SUMMARY))
    months = list_months(lake, lake.bars("1d"))
    assert summary["built"] == summary["months"] == months == list(summary["rows"]) == list(summary["content"])
    assert sum(summary["rows"].values()) == universe.num_rows == len(read_features(lake, "1d"))
    assert (summary["feature_set"], summary["features"]) == (read_current(lake, "1d").id, len(read_current(lake, "1d").names))
    assert not [path for path in Path(lake.root, "staging").rglob("*") if path.is_file()]
    again = submit(lake.url)
    assert again.returncode == 0, again.stderr
    assert "0 of 16 months to build" in again.stdout
    assert json.loads(lake.read(SUMMARY))["months"] == []
    assert contents(lake) == contents(alone)


@contextmanager
def standalone(folder: Path) -> Iterator[str]:
    """A real cluster on loopback: a master and a worker with two cores, whose environment knows nothing of the project."""
    spark_class = str(Path(sys.executable).with_name("spark-class"))
    port, views = free_port(), [str(free_port()), str(free_port())]
    address = f"spark://127.0.0.1:{port}"
    deploy = "org.apache.spark.deploy"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"SPARK_LOCAL_IP": "127.0.0.1"}
    commands = {
        "Master": [f"{deploy}.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", views[0]],
        "Worker": [f"{deploy}.worker.Worker", "--host", "127.0.0.1", "--webui-port", views[1], "--cores", "2", "--memory", "1g", address],
    }
    ready = {"Master": "New state: ALIVE", "Worker": "Successfully registered with master"}
    with ExitStack() as stack:
        for name, command in commands.items():
            log = folder / f"{name}.log"
            process = subprocess.Popen(
                [spark_class, *command], cwd=folder, env=environment, stdout=log.open("w"), stderr=subprocess.STDOUT, start_new_session=True
            )
            stack.callback(process.wait)
            stack.callback(os.killpg, process.pid, signal.SIGTERM)
            deadline = time.monotonic() + 90
            while ready[name] not in log.read_text():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
        yield address


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.system
def test_a_cluster_makes_the_same_bytes(universe: pa.Table, lake: Lake, tmp_path: Path) -> None:
    publish_bars(lake, universe)
    work = tmp_path / "cluster"
    work.mkdir()
    with standalone(work) as master:
        result = submit(lake.url, master=master)
        said = (work / "Master.log").read_text()
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"build_features: Spark 4.2.0 on {master}\n" in result.stdout
    assert "Registered app build_features.py" in said, "the cluster never saw the job"
    assert "build_features: Spark UI while it runs: http://127.0.0.1:" in result.stdout
    alone = Lake(str(tmp_path / "alone"))
    publish_bars(alone, universe)
    build(alone)
    assert contents(lake) == contents(alone)


@pytest.mark.system
def test_what_a_worker_meets_reaches_the_user_in_one_sentence(universe: pa.Table, lake: Lake) -> None:
    publish_bars(lake, universe)
    month = list_months(lake, lake.bars("1d"))[3]
    for path in Path(lake.root, lake.bars("1d"), f"month={month}").glob("*.parquet"):
        path.write_bytes(b"not Parquet")
    result = submit(lake.url)
    assert result.returncode == 1
    sentences = [line for line in (result.stdout + result.stderr).splitlines() if line.startswith("build_features: error:")]
    assert len(sentences) == 1
    assert f"month={month}" in sentences[0]
    assert "is not readable as Parquet" in sentences[0]
    assert not lake.exists("features")
    assert not lake.exists(SUMMARY)


def run(lake: Lake, *more: str) -> int:
    return job.main(["--lake", lake.url, "--timeframe", "1d", "--summary", SUMMARY, *more])


def test_with_nothing_to_do_spark_is_not_started(universe: pa.Table, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_bars(lake, universe)
    build(lake)

    def refuse(**_: object) -> None:
        pytest.fail("Spark was started")

    monkeypatch.setattr(job, "SparkContext", refuse)
    assert run(lake) == 0
    assert json.loads(lake.read(SUMMARY))["built"] == []


def test_only_the_months_asked_for(universe: pa.Table, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_bars(lake, universe)
    asked: list[tuple[str, ...]] = []

    def compute(_lake: Lake, _plan: object, months: tuple[str, ...], _workers: object) -> list[tuple[str, object]]:
        asked.append(months)
        return []

    monkeypatch.setattr(job, "spark_workers", lambda: nullcontext(serially))
    monkeypatch.setattr(job, "compute_months", compute)
    assert run(lake, "--months", "2015-03,2015-02,2031-01") == 0
    assert asked == [("2015-02", "2015-03")]
    assert not lake.exists("features/timeframe=1d/current.json"), "readers do not get a set that lacks months"
    assert run(lake) == 0
    assert read_current(lake, "1d").id == plan_features(lake, "1d").feature_set


def test_months_built_again_without_a_change_are_told_apart(universe: pa.Table, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_bars(lake, universe)
    build(lake)
    plan = plan_features(lake, "1d")
    dataset = lake.features("1d", plan.feature_set)
    held = {month: read_manifest(lake, dataset, month) for month in plan.months[4:6]}
    for month, manifest in held.items():
        assert manifest is not None
        commit_month(lake, dataset, month, manifest.parts, inputs="other inputs")
    commit_month(lake, dataset, plan.months[6], [], inputs="other inputs")

    monkeypatch.setattr(job, "spark_workers", lambda: nullcontext(serially))
    assert run(lake) == 0
    summary = json.loads(lake.read(SUMMARY))
    assert (summary["built"], summary["months"]) == (list(plan.months[4:7]), [plan.months[6]])
    assert {month: read_manifest(lake, dataset, month) for month in held} == held


def test_an_empty_lake_has_no_features_to_build(lake: Lake) -> None:
    assert run(lake) == 0
    assert read_features(lake, "1d").empty


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--months", "2015-13"], "month '2015-13' is not of the form YYYY-MM"), (["--lake", "ftp://x"], "must be a folder or an s3:// URL")],
)
def test_wrong_words_are_one_sentence(lake: Lake, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    assert run(lake, *arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("build_features: error: ")
    assert words in error
    assert error.count("\n") == 1


def test_tasks_share_out_all_buckets_and_all_months(universe: pa.Table, lake: Lake) -> None:
    publish_bars(lake, universe)
    plan = plan_features(lake, "1d")
    tasks = make_tasks(plan, lake, plan.months[5:7])
    assert [task.buckets for task in tasks] == [(0,), (1,)]
    assert all(task.history == plan.months[:7] for task in tasks)
    for rows, count in ((0, 4), (building._ROWS_A_GATHERING * 5 + 1, 6), (10**9, 7)):
        gathering = make_gather_tasks(tasks[0], rows, "folder")
        assert len({task.path for task in gathering}) == len(gathering) == count
        assert [month for task in gathering for month in task.months] == list(plan.months[:7])
        assert [plan.months[task.first] for task in gathering] == [task.months[0] for task in gathering]
