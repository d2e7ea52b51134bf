"""The API on a real API server of Airflow, whose users log in; no scheduler takes the jobs away."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from include.settings import settings
from marketmill.api.body_limit import MOST_BYTES
from marketmill.api.submission import MOST_WAITING
from ml.training import train
from tests.conftest import PROJECT
from tests.model_lake import real_bars, write_lake
from tests.system.airflow_server import AirflowServer

pytestmark = pytest.mark.system

MODEL = "volatility_garch"
JOB_ID = re.compile(r"(train|promote|predict)_[a-z0-9_]+_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
#: Where a page that is no part of the API wants more than a token.
PAGES = ["/pages/reports", "/pages/quality", "/pages/data-docs", "/pages/features", "/pages/models", "/pages/runs/train_models/none"]


@pytest.fixture(scope="module")
def server(database_with_dags: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowServer]:
    folder = tmp_path_factory.mktemp("api")
    with pytest.MonkeyPatch.context() as patch, AirflowServer(folder, database_with_dags) as server:
        patch.setenv("MLFLOW_TRACKING_URI", server.environment["MLFLOW_TRACKING_URI"])
        settings.cache_clear()
        write_lake(server.lake, [real_bars("^GSPC", "2014-01-01", "2018-10-01")])
        server.lake.write("reports/one/index.html", b"<h1>one</h1>")
        yield server
    settings.cache_clear()


@pytest.fixture(autouse=True)
def _empty_queue(server: AirflowServer) -> None:
    """No test waits for the jobs of the one before."""
    for dag_id in ("train_models", "promote_models", "predict"):
        for run in server.airflow_api("GET", f"dags/{dag_id}/dagRuns?state=queued&limit=100")["dag_runs"]:
            server.airflow_api("DELETE", f"dags/{dag_id}/dagRuns/{run['dag_run_id']}")


def routes(server: AirflowServer) -> list[tuple[str, str]]:
    """Method and path of each route, the parameters filled in."""
    paths = server.api.get("/openapi.json").json()["paths"]
    filled = [(method.upper(), path.removeprefix("/api/v1")) for path, methods in paths.items() for method in methods]
    return [(method, path.replace("{job_id}", "none").replace("{model_id}", MODEL)) for method, path in filled]


def test_every_route_wants_to_know_who_asks(server):
    """Also where there is no route, and where the body is none."""
    nobody, found = server.client(None), routes(server)
    assert len(found) >= 12
    for method, path in [
        *found,
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/no/such"),
        *(("GET", f"/../..{page}") for page in PAGES),
    ]:
        for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic YWRtaW46YWRtaW4="}):
            answer = nobody.request(method, path, headers=headers, content=b"{nonsense")
            assert answer.status_code == 401, (method, path, answer.text)
            wanted = "text/html; charset=utf-8" if "/pages/" in path else "application/problem+json"
            assert answer.headers["content-type"] == wanted


def test_a_viewer_reads_and_changes_nothing(server):
    viewer = server.client("viewer")
    bodies = {"/models/train": {"model_id": MODEL}, f"/models/{MODEL}/promote": {}, "/signals/generate": {}}
    for method, path in routes(server):
        answer = viewer.request(method, path, json=bodies.get(path))
        if method == "GET":
            assert answer.status_code in {200, 404}, (path, answer.text)
        else:
            assert answer.status_code == 403, (method, path, answer.text)
    assert server.api.get("/models/training").json()["total"] == 0


def test_a_job_is_a_run_of_a_dag(server):
    asked = {"model_type": MODEL, "config": {"universe": "sample", "seed": 3}}
    answer = server.api.post("/models/train", json=asked)
    assert answer.status_code == 202
    accepted = answer.json()
    assert accepted | {"job_id": "", "run_url": ""} == {
        "job_id": "", "status": "pending", "message": "Training job started", "run_url": "",
    }  # fmt: skip
    assert JOB_ID.fullmatch(accepted["job_id"])
    run = server.airflow_api("GET", f"dags/train_models/dagRuns/{accepted['job_id']}")
    assert (run["state"], run["conf"]) == ("queued", {"universe": "sample", "seed": 3, "models": [MODEL]})
    assert run["triggering_user_name"] == "admin"
    job = server.api.get(f"/models/training/{accepted['job_id']}").json()
    assert (job["status"], job["model_type"], job["completed_at"], job["metrics"], job["model_version"]) == (
        "pending",
        MODEL,
        None,
        None,
        None,
    )
    assert datetime.fromisoformat(job["created_at"]).utcoffset() == timedelta(0)
    assert job["run_url"] == f"{server.address}/dags/train_models/runs/{accepted['job_id']}"


def test_a_type_goes_to_the_dag_that_learns_from_backtests(server):
    asked = {"model_type": "ensemble", "config": {"min_composite_score": 0.5}, "hyperparameter_search": True, "n_trials": 50}
    job_id = server.api.post("/models/train", json=asked).json()["job_id"]
    assert job_id.startswith("train_ensemble_")
    conf = server.airflow_api("GET", f"dags/train_strategies/dagRuns/{job_id}")["conf"]
    assert conf | {"model_type": ""} == {"min_composite_score": 0.5, "hyperparameter_search": True, "n_trials": 50, "model_type": ""}
    assert conf["model_type"] in {"ensemble", "strategy_ensemble"}
    assert server.api.get(f"/models/training/{job_id}").json()["model_type"] == "ensemble"
    assert server.api.delete(f"/models/training/{job_id}").status_code == 200


def test_a_job_can_be_cancelled_once(server):
    job_id = server.api.post("/models/train", json={"model_id": MODEL}).json()["job_id"]
    cancelled = server.api.delete(f"/models/training/{job_id}")
    assert (cancelled.status_code, cancelled.json()["status"], cancelled.json()["message"]) == (200, "failed", "cancelled by admin")
    again = server.api.delete(f"/models/training/{job_id}")
    assert (again.status_code, again.json()["title"]) == (409, "Conflict")
    assert [job["job_id"] for job in server.api.get("/models/training", params={"status": "failed"}).json()["jobs"]][:1] == [job_id]


@pytest.mark.parametrize("job_id", ["none", "train_volatility_garch_00000000-0000-4000-8000-000000000000", "manual__2026-01-01"])
def test_an_unknown_job(server, job_id):
    answer = server.api.get(f"/models/training/{job_id}")
    assert (answer.status_code, answer.json()["detail"]) == (404, f"there is no training job {job_id}")
    assert server.api.delete(f"/models/training/{job_id}").status_code == 404


def test_a_run_that_the_api_did_not_start_is_no_job(server):
    run = server.airflow_api("POST", "dags/train_models/dagRuns", {"logical_date": None})
    assert server.api.get(f"/models/training/{run['dag_run_id']}").status_code in {404, 422}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"model_type": "direction"}, "use one of direction_xgboost, direction_lstm"),
        ({"model_id": "nothing"}, "model 'nothing' is unknown"),
        ({}, "give either model_type or model_id"),
        ({"model_type": MODEL, "model_id": MODEL}, "give either model_type or model_id"),
        ({"model_id": MODEL, "colour": "red"}, "/body/colour"),
        ({"model_id": MODEL, "hyperparameter_search": True, "n_trials": 101}, "less than or equal to 100"),
        ({"model_id": MODEL, "n_trials": 5}, "n_trials is about a hyperparameter_search"),
        ({"model_id": MODEL, "hyperparameter_search": True, "n_trials": 5}, "trained by train_models, which cannot do that"),
        ({"model_id": MODEL, "config": {"colour": "red"}}, "the form of train_models has no colour"),
        ({"model_id": MODEL, "config": {"seed": -1}}, "refuses it: Invalid input for param seed"),
        ({"model_id": MODEL, "config": {"timeframe": "7d"}}, "refuses it: Invalid input for param timeframe"),
        ({"model_id": MODEL, "config": {"models": ["x"]}}, "leave it out"),
        ({"model_id": MODEL, "config": {"universe": "nosuch"}}, "universe 'nosuch' is unknown"),
        ({"model_id": MODEL, "config": {"start": "2018-02-01", "end": "2018-01-01"}}, "start 2018-02-01 is not before end 2018-01-01"),
        ({"model_id": MODEL, "config": {"universe": "\0"}}, "/body/config/universe"),
    ],
)
def test_a_wrong_body(server, body, says):
    answer = server.api.post("/models/train", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({}, 409, "touch_xgboost has no challenger"),
        ({"action": "demote"}, 409, "touch_xgboost has no champion to demote"),
        ({"version": "7"}, 422, "touch_xgboost has no version 7; there are: none"),
        ({"action": "demote", "version": "7"}, 422, "a demotion is of the champion"),
    ],
)
def test_a_promotion_about_nothing_is_refused_at_once(server, body, status, says):
    answer = server.api.post("/models/touch_xgboost/promote", json=body)
    assert (answer.status_code, says in answer.json()["detail"]) == (status, True)


def test_a_body_that_is_too_large(server):
    answer = server.api.post("/models/train", json={"model_id": MODEL, "config": {"universe": "x" * MOST_BYTES}})
    assert answer.status_code == 413

    def unannounced() -> Iterator[bytes]:
        for _ in range(MOST_BYTES // 1024 + 1):
            yield b" " * 1024

    answer = server.api.post("/models/train", content=unannounced(), headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_signals_are_generated_by_a_run_of_predict(server):
    answer = server.api.post("/signals/generate", json={"models": [MODEL], "months": ["2018-08"]})
    job_id = answer.json()["job_id"]
    assert server.airflow_api("GET", f"dags/predict/dagRuns/{job_id}")["conf"] == {"models": [MODEL], "months": ["2018-08"]}
    assert server.api.get(f"/signals/generate/{job_id}").json()["status"] == "pending"
    assert "2018-13" in server.api.post("/signals/generate", json={"months": ["2018-13"]}).json()["detail"]


def test_the_catalogue_and_a_name_that_is_not_whole(server):
    assert MODEL in {model["model_id"] for model in server.api.get("/models").json()}
    answer = server.api.get("/models/direction/champion")
    assert answer.status_code == 404
    assert "direction_xgboost, direction_lstm" in answer.json()["detail"]
    assert server.api.get("/models/touch_xgboost/champion").json()["detail"].startswith("touch_xgboost has no champion")


def test_a_champion_and_its_signals(server):
    from include.predictions import publish_predictions
    from ml import registry
    from ml.prediction import state
    from ml.promotion import promote, propose

    version = train(server.lake, MODEL, universe="sample", end=datetime.fromisoformat("2018-08-01"), seed=7).version
    decision = propose(MODEL, version)
    promote(MODEL, version, expected=None, serves=decision.serves, reason=decision.reason)
    stated = state(server.lake, MODEL, ["2018-08"], most_months=6)
    publish_predictions(server.lake, MODEL, "2018-08", stated.rows)
    champion = server.api.get(f"/models/{MODEL}/champion").json()
    assert (champion["version"], champion["stage"], champion["verdict"]) == (
        version,
        "Production",
        registry.get(MODEL, version).card["verdict"],
    )
    assert champion["metrics"]["^GSPC/rmse"] > 0
    [signal] = server.api.get("/signals/latest", params={"model_id": MODEL}).json()["signals"][:1]
    assert (signal["symbol"], signal["model_version"], signal["is_oos"]) == ("^GSPC", version, True)
    assert server.api.get("/signals/latest", params={"symbol": "AAPL"}).json() == {"signals": []}
    promotion = server.api.post(f"/models/{MODEL}/promote", json={"version": version}).json()["job_id"]
    assert server.api.get(f"/models/promotions/{promotion}").json()["status"] == "pending"
    assert server.api.get(f"/models/training/{promotion}").status_code == 404


def test_the_features(server):
    catalogue = server.api.get("/features").json()
    [feature] = [feature for feature in catalogue["features"] if feature["name"] == "return_20"]
    assert (feature["window"], feature["unit"], feature["null_share"]) == (200, "fraction", 0)
    [never] = [feature for feature in catalogue["features"] if feature["name"] == "breadth_above_sma_50"]
    assert never["null_share"] == 1
    assert catalogue["months"] == [f"2017-{month}" for month in (10, 11, 12)] + [f"2018-{month:02}" for month in range(1, 10)]
    assert server.api.get("/features", params={"timeframe": "1h"}).status_code == 404
    assert server.api.get("/features", params={"timeframe": "7d"}).status_code == 422


def post_many(server: AirflowServer, count: int) -> list[httpx.Response]:
    async def all_at_once() -> list[httpx.Response]:
        headers = {"Authorization": f"Bearer {server.token('admin')}"}
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(base_url=str(server.api.base_url), headers=headers, timeout=300, limits=limits) as client:
            return await asyncio.gather(*(client.post("/models/train", json={"model_id": MODEL}) for _ in range(count)))

    return asyncio.run(all_at_once())


def test_a_thousand_at_once_and_a_restart(server):
    answers = post_many(server, 1000)
    accepted = [answer.json()["job_id"] for answer in answers if answer.status_code == 202]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert (len(accepted), len(refused)) == (MOST_WAITING, 1000 - MOST_WAITING), {answer.status_code for answer in answers}
    assert len(set(accepted)) == MOST_WAITING
    assert {answer.headers["retry-after"] for answer in refused} == {"60"}
    assert refused[0].json()["detail"].startswith(f"{MOST_WAITING} runs of train_models wait already")

    server.stop(signal.SIGKILL)
    server.start()
    listed = server.api.get("/models/training", params={"status": "pending", "limit": 100}).json()
    assert {job["job_id"] for job in listed["jobs"]} == set(accepted)
    assert server.api.get(f"/models/training/{accepted[0]}").json()["status"] == "pending"
    server.api.delete(f"/models/training/{accepted[0]}")
    assert server.api.post("/models/train", json={"model_id": MODEL}).status_code == 202


@pytest.mark.parametrize(
    "path",
    [
        "../settings.json", "..%2f..%2fmlflow.db", "%2e%2e/%2e%2e/mlflow.db", "..%252f..%252fmlflow.db", "one/../../secret.html",
        "one/..%2f..%2fsecret.html", "..%5c..%5csecret.html", "/etc/passwd", "%2fetc%2fpasswd", "one/%00index.html", "one/index.html%00",
        ".hidden/index.html", "one/.index.html.1.tmp", "one//index.html", "one", "link/secret.html", "one/link.html", "one/circle.html",
        "one/key.pem", "file:///etc/passwd", "s3:/bucket/key.html",
    ],
)  # fmt: skip
def test_no_file_outside_the_reports_is_shown(server, path):
    reports = Path(server.lake.root, "reports")
    Path(server.lake.root, "secret.html").write_text("secret")
    (reports / "one" / "key.pem").write_text("secret")
    for link, target in (("link", server.lake.root), ("one/link.html", "../../secret.html"), ("one/circle.html", "circle.html")):
        if not (reports / link).is_symlink():
            (reports / link).symlink_to(target)
    command = ["curl", "-s", "--path-as-is", "-w", "%{http_code}", "-H", f"Authorization: Bearer {server.token('admin')}"]
    answer = subprocess.run([*command, f"{server.address}/marketmill/pages/reports/{path}"], capture_output=True, text=True, timeout=60)
    assert "secret" not in answer.stdout.replace("secret.html", "")
    assert answer.stdout[-3:] in {"404", "400", "307"}, answer.stdout


def test_pages_are_shown_to_those_who_may(server):
    viewer = server.client("viewer")
    for page in PAGES[:-1]:
        answer = viewer.get(f"/../..{page}", follow_redirects=True)
        assert answer.status_code == 200, page
        assert answer.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert viewer.get("/../../pages/reports/one/index.html").text == "<h1>one</h1>"
    assert "no quality page yet" in viewer.get("/../../pages/quality").text
    server.lake.write("reports/one/quality.html", b"<h1>quality</h1>")
    server.lake.write("reports/data_docs/index.html", b"<h1>docs</h1>")
    for page, path in (("quality", "one/quality.html"), ("data-docs", "data_docs/index.html")):
        answer = viewer.get(f"/../../pages/{page}", follow_redirects=True)
        assert (answer.status_code, answer.url.path) == (200, f"/marketmill/pages/reports/{path}")
    assert "There is no such run" in viewer.get(f"/../..{PAGES[-1]}").text


def test_the_page_shows_what_works(server):
    """Every line of the section about the API is typed into a shell; each request is answered as the page says."""
    page = (PROJECT / "docs" / "airflow.md").read_text()
    shown = re.findall(r"```sh\n(.*?)```", page.partition("## The API")[2], re.DOTALL)
    script = "set -eu\n" + 'curl() { command curl --fail-with-body --silent --show-error "$@"; echo; }\n' + "".join(shown)
    environment = server.environment | {"AIRFLOW": server.address, "PASSWORD": server.passwords["admin"]}
    ran = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=200, env=environment)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr
    answers = [json.loads(line) for line in ran.stdout.splitlines() if line]
    described = {(method, re.sub(r"\{\w+\}", "", path)) for method, path in routes(server)}
    assert len(shown) >= 6
    assert len(answers) >= len(described) - 2, "two of the routes are told of in words"
    assert answers[0]["job_id"] == answers[1]["job_id"]
    assert answers[3]["status"] == "failed"


def test_fuzzing_finds_no_error_of_the_server(server, tmp_path):
    """Schemathesis makes up requests from the description and from answers; all come back as described, none with a 5xx."""
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    command = [
        "schemathesis", "run", f"{server.api.base_url}openapi.json", "-H", f"Authorization: Bearer {server.token('admin')}",
        "--checks", checks, "--max-examples", "25", "--seed", "7", "--request-timeout", "60", "--generation-database", "none", "--no-color",
    ]  # fmt: skip
    environment = {**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path)}
    ran = subprocess.run(command, capture_output=True, text=True, timeout=500, cwd=tmp_path, env=environment)
    assert ran.returncode == 0, ran.stdout[-6000:]
    assert "Tested: 12" in ran.stdout
