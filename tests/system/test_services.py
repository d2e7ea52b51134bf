"""All services of docker-compose.yaml, started without an engine (see compose_services.py): the chain, and what is lost in its middle.

``make test LONG=1`` runs the chain, ``make chaos`` all.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
from sqlalchemy import create_engine, make_url, text

from include.lake import Lake
from include.publish import list_months
from tests.postgresql import postgresql, restart
from tests.system.compose_services import ComposeServices
from tests.unit.spark_jobs.test_buckets import build, contents

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(1500)]

#: They would follow new features by themselves; here they are started one by one.
FOLLOWERS = ("train_models", "promote_models", "predict", "watch_drift", "publish_report", "simulate_trades", "mirror_lake")
CHOICE = {"universe": "sample", "source": "sample"}
long_form = pytest.mark.skipif("CHAOS_KILLS" not in os.environ, reason="a quarter of an hour; make chaos runs it")


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeServices]:
    with postgresql() as server, ComposeServices(tmp_path_factory.mktemp("compose"), server) as services:
        for dag in services.airflow_api("GET", "dags?limit=100")["dags"]:
            if dag["dag_id"] in FOLLOWERS:
                services.airflow_api("PATCH", f"dags/{dag['dag_id']}", {"is_paused": True})
        yield services


def test_a_backfill_and_a_month_go_through_the_cluster(services: ComposeServices, tmp_path: Path) -> None:
    services.run("backfill_market", **CHOICE, start="2015-01-01", end="2018-05-01")
    services.run("update_market", "2018-06-15T00:00:00Z", **CHOICE)
    lake = services.lake
    assert list_months(lake, lake.bars("1d"))[-1] == "2018-05"
    assert services.log("spark-master").count("Registered app marketmill build_features 1d") == 2
    assert contents(lake) == built_here(lake, tmp_path)


def test_a_model_is_trained_promoted_and_asked_on_the_model_server(services: ComposeServices) -> None:
    services.run("train_models", universe="sample", models=["volatility_garch"])
    services.run("promote_models")
    services.run("predict")
    services.run("publish_report", universe="sample")
    client = mlflow.MlflowClient(tracking_uri=services.mlflow)
    champion = client.get_model_version_by_alias("volatility_garch", "champion")
    assert champion.version == "1"
    assert list(Path(services.folder, "mlflow").rglob("*.json")), "artifacts lie where the server keeps them"
    pages = [path.read_text() for path in Path(services.lake.root, "reports").glob("*/index.html")]
    assert [page for page in pages if "volatility_garch" in page]


def test_every_table_lies_in_postgresql(services: ComposeServices) -> None:
    engine = create_engine(make_url(services.results).set(drivername="postgresql+psycopg2"))
    with engine.connect() as connection:
        tables = set(connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars())
        assert {"quota_requests", "trades_sandbox"} <= tables
    engine.dispose()
    assert not list(services.folder.rglob("*.db")), "nothing fell back to a file"


def test_no_secret_is_in_a_log_or_in_the_lake(services: ComposeServices) -> None:
    files = [path for path in services.folder.rglob("*") if path.is_file() and path.name not in {".env", "passwords.json"}]
    assert len(files) > 100
    shown = [(name, str(path)) for path in files for name, value in services.secrets.items() if value.encode() in path.read_bytes()]
    assert shown == []


def built_here(lake: Lake, folder: Path) -> dict[str, bytes]:
    """Features of the same bars, by the same kernels in this process, without Spark."""
    alone = Lake(str(folder / "alone"))
    shutil.copytree(Path(lake.root, "bars"), Path(alone.root, "bars"))
    build(alone)
    return contents(alone)


@long_form
@pytest.mark.timeout(5400)
def test_months_in_any_order_make_the_same_bytes(services: ComposeServices) -> None:
    """``airflow backfill create``, each time on an empty lake; in the last order months fail at first."""
    months = ("--from-date", "2016-02-01", "--to-date", "2018-01-01")
    found = {}
    for order, words in {"in order": (), "backwards": ("--run-backwards",), "at once": ("--max-active-runs", "3")}.items():
        services.lake_away()
        blocked = Path(services.lake.root, services.lake.bars("1d"), "month=2018-01")
        if order == "at once":
            blocked.parent.mkdir(parents=True)
            blocked.write_text("not a folder")
        assert backfill(services, *months, *words) == (order != "at once")
        if order == "at once":
            blocked.unlink()
            assert backfill(services, *months, *words, reprocess="failed")
        assert list_months(services.lake, services.lake.bars("1d"))[-1] == "2018-01"
        found[order] = contents(services.lake, "bars"), contents(services.lake)
    assert len(list_months(services.lake, services.lake.bars("1d"))) == 24
    assert found["backwards"] == found["in order"]
    assert found["at once"] == found["in order"]


def backfill(services: ComposeServices, *words: str, reprocess: str = "completed") -> bool:
    """Backfill update_market and wait for the end; whether all its runs succeeded."""
    form = '{"universe": "sample", "source": "sample"}'
    services.airflow("backfill", "create", "--dag-id", "update_market", *words, "--reprocess-behavior", reprocess, "--dag-run-conf", form)
    services.airflow_api("PATCH", "dags/update_market", {"is_paused": False})
    limit = time.monotonic() + 3600
    while any(not one["completed_at"] for one in services.airflow_api("GET", "backfills?dag_id=update_market")["backfills"]):
        assert time.monotonic() < limit, services.log("scheduler")[-4000:]
        time.sleep(1)
    newest = max(one["id"] for one in services.airflow_api("GET", "backfills?dag_id=update_market")["backfills"])
    runs = services.airflow_api("GET", "dags/update_market/dagRuns?limit=100&run_type=backfill")["dag_runs"]
    states = {run["state"] for run in runs if run.get("backfill_id", newest) == newest}
    return states == {"success"}


@long_form
@pytest.mark.parametrize("lost", ["spark-worker", "postgresql", "scheduler"])
def test_what_is_lost_in_the_middle_of_the_features_changes_nothing(services: ComposeServices, tmp_path: Path, lost: str) -> None:
    services.lake_away()
    seen = services.log("spark-master").count("Registered app")
    run_id = services.start_run("backfill_market", **CHOICE, start="2012-01-01", end="2018-05-01")
    while services.log("spark-master").count("Registered app") == seen:
        assert services.state("backfill_market", run_id) in {"queued", "running"}
        time.sleep(0.2)
    time.sleep(1)
    if lost == "postgresql":
        restart(services.server.render_as_string(hide_password=False))
    else:
        services.kill(lost)
    if services.ended("backfill_market", run_id, 900) == "failed":
        services.run("backfill_market", **CHOICE, start="2012-01-01", end="2018-05-01")
    if lost != "postgresql":
        assert lost in services.restarts
    assert contents(services.lake) == built_here(services.lake, tmp_path)
