"""A person before Airflow's UI: from the login to an approved promotion, with all parts of Airflow and a real browser.

``PICTURES=docs/pictures`` writes the pictures of the pages anew.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from include.settings import settings
from ml import registry
from tests.system.airflow_server import AirflowServer
from tests.system.browser import Browser, open_browser

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(1500)]

PARTS = ("api-server", "scheduler", "dag-processor", "triggerer")
#: They would follow new features by themselves; here they are started one by one.
FOLLOWERS = ("train_models", "promote_models", "predict", "watch_drift", "publish_report", "simulate_trades", "mirror_lake")
MODELS = ("volatility_garch", "industry_linear", "direction_xgboost")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def server(browser: Browser, database_with_dags: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowServer]:
    folder = tmp_path_factory.mktemp("browser")
    with pytest.MonkeyPatch.context() as patch, AirflowServer(folder, database_with_dags, PARTS) as server:
        patch.setenv("MLFLOW_TRACKING_URI", server.environment["MLFLOW_TRACKING_URI"])
        settings.cache_clear()
        for dag in server.airflow_api("GET", "dags?limit=100")["dags"]:
            if dag["dag_id"] in FOLLOWERS:
                server.airflow_api("PATCH", f"dags/{dag['dag_id']}", {"is_paused": True})
        yield server
    settings.cache_clear()


def wait(until: Callable[[], Any], what: str, seconds: float = 400) -> Any:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if found := until():
            return found
        time.sleep(1)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def see(server: AirflowServer, browser: Browser, path: str, title: str, picture: str | None = None) -> None:
    """Open a page of the plugin in Airflow's UI, on a desktop and on a phone."""
    browser.driver.get(server.address + path)
    with browser.inside():
        browser.find("h1", title)
    if picture:
        browser.picture(picture)
    with browser.phone(), browser.inside():
        browser.find("h1", title)
        assert browser.width_is_enough(), f"{path} is wider than a phone"


def test_a_person_logs_in(server, browser):
    browser.driver.get(server.address)
    browser.fill("input[name=username]", "admin")
    browser.fill("input[name=password]", server.passwords["admin"])
    browser.click("button[type=submit]")
    browser.find("button", "Plugins")


def test_a_wrong_form_starts_nothing(server, browser):
    browser.driver.get(f"{server.address}/dags/backfill_market")
    browser.click("[data-testid=trigger-dag-button]")
    browser.fill("input[name=element_years]", "4")
    browser.fill("textarea[name=element_symbols]", "aapl")
    browser.click("[role=dialog] button", "Trigger")
    browser.find("body", "Invalid input for param symbols")
    assert server.airflow_api("GET", "dags/backfill_market/dagRuns")["total_entries"] == 0


def test_a_backfill_is_triggered_by_its_form_and_succeeds(server, browser):
    browser.driver.get(f"{server.address}/dags/backfill_market")
    browser.click("[data-testid=trigger-dag-button]")
    browser.fill("input[name=element_years]", "4")
    browser.picture("airflow-form")
    browser.click("[role=dialog] button", "Trigger")
    [started] = wait(lambda: server.airflow_api("GET", "dags/backfill_market/dagRuns")["dag_runs"], "the run")
    assert started["conf"]["years"] == 4
    assert server.ended("backfill_market", started["dag_run_id"]) == "success"
    browser.driver.get(f"{server.address}/dags/backfill_market/runs/{started['dag_run_id']}")
    browser.find("body", "Success")
    links = server.airflow_api("GET", f"dags/backfill_market/dagRuns/{started['dag_run_id']}/taskInstances/check_features/links")
    assert links["extra_links"] == {
        "Data Docs": f"{server.address}/marketmill/pages/data-docs",
        "Feature catalogue": f"{server.address}/marketmill/pages/features?timeframe=1d",
    }


def test_a_job_of_the_api_trains_a_model(server):
    server.airflow_api("PATCH", "dags/train_models", {"is_paused": False})
    job_id = server.api.post("/models/train", json={"model_type": MODELS[0], "config": {"universe": "sample"}}).json()["job_id"]
    assert server.ended("train_models", job_id) == "success"
    job = server.api.get(f"/models/training/{job_id}").json()
    assert (job["status"], job["model_type"], job["model_version"]) == ("completed", MODELS[0], "1")
    assert job["metrics"] == pytest.approx(job["models"][0]["metrics"])
    assert any(name.endswith("/rmse") for name in job["metrics"])
    assert job["created_at"] <= job["started_at"] <= job["completed_at"]
    again = server.api.post("/models/train", json={"model_id": MODELS[0], "config": {"universe": "sample"}}).json()["job_id"]
    assert server.ended("train_models", again) == "success"
    found = server.api.get(f"/models/training/{again}").json()
    assert found["model_version"] == "1", "what is trained already is named"
    assert re.match(r"done; .*version 1", found["message"])


def test_a_job_that_fails_says_why(server):
    job_id = server.api.post("/models/train", json={"model_id": MODELS[0], "config": {"universe": "crypto"}}).json()["job_id"]
    assert server.ended("train_models", job_id) == "failed"
    [listed] = [job for job in server.api.get("/models/training").json()["jobs"] if job["job_id"] == job_id]
    assert re.match(r"failed in \w+: \w.{20,}", listed["message"])
    assert server.api.get(f"/models/training/{job_id}").json()["message"] == listed["message"]


def test_a_report_is_one_click_from_its_run(server, browser):
    server.run("train_models", models=list(MODELS[1:]), universe="sample")
    server.run("publish_report", universe="sample")
    [report] = server.airflow_api("GET", "dags/publish_report/dagRuns")["dag_runs"]
    see(server, browser, f"/dags/publish_report/runs/{report['dag_run_id']}/plugin/marketmill-report", "sample", "airflow-report")
    backfill = server.airflow_api("GET", "dags/backfill_market/dagRuns")["dag_runs"][0]["dag_run_id"]
    browser.driver.get(f"{server.address}/dags/backfill_market/runs/{backfill}/plugin/marketmill-report")
    with browser.inside():
        browser.click("a", "The report after it")
        browser.find("h1", "sample")


def test_the_pages_are_in_the_navigation(server, browser):
    browser.driver.get(server.address)
    browser.click("button", "Plugins")
    for name in ("Reports", "Quality", "Data Docs", "Features", "Models"):
        browser.find("[role=menuitem]", name)
    browser.click("[role=menuitem]", "Reports")
    with browser.inside():
        browser.find("h1", "Reports")
    see(server, browser, "/plugin/marketmill-reports", "Reports")
    see(server, browser, "/plugin/marketmill-quality", "sample")
    see(server, browser, "/plugin/marketmill-data-docs", "Data Docs")
    see(server, browser, "/plugin/marketmill-features", "features", "airflow-features")
    with browser.inside():
        browser.find("p", "no feature saw the future")
    see(server, browser, "/plugin/marketmill-models", "Models", "airflow-models")
    wrong = [
        entry["message"] for entry in browser.driver.get_log("browser") if "marketmill/" in entry["message"] and entry["level"] == "SEVERE"
    ]
    assert wrong == []


def waiting_for_an_answer(server: AirflowServer, run_id: str, count: int) -> dict[str, int]:
    """Index of each model whose promotion waits for a human."""

    def found() -> list[Any] | None:
        tasks = server.airflow_api("GET", f"dags/promote_models/dagRuns/{run_id}/taskInstances?task_id=approve")["task_instances"]
        waiting = [task for task in tasks if task["task_id"] == "approve" and task["state"] == "awaiting_input"]
        return waiting if len(waiting) == count else None

    return {task["rendered_map_index"]: task["map_index"] for task in wait(found, f"{count} questions")}


def answer_by_rest(server: AirflowServer, run_id: str, map_index: int, choice: str) -> None:
    path = f"dags/promote_models/dagRuns/{run_id}/taskInstances/approve/{map_index}/hitlDetails"
    server.airflow_api("PATCH", path, {"chosen_options": [choice], "params_input": {}})


def succeeds_once_answered(server: AirflowServer, run_id: str, choices: dict[int, str]) -> None:
    """Wait for the end of a run, and give an answer again where Airflow asks again.

    It does so where an answer comes before the scheduler has heard that the asking process has ended: it takes the task for one that was
    killed, and tries it again.
    """

    def ended() -> bool:
        tasks = server.airflow_api("GET", f"dags/promote_models/dagRuns/{run_id}/taskInstances?task_id=approve")["task_instances"]
        for task in tasks:
            if task["task_id"] == "approve" and task["state"] == "awaiting_input" and task["try_number"] > 1:
                with suppress(AssertionError):  # answered already
                    answer_by_rest(server, run_id, task["map_index"], choices[task["map_index"]])
        return server.state("promote_models", run_id) in {"success", "failed"}

    wait(ended, f"the end of {run_id}")
    assert server.state("promote_models", run_id) == "success"


def answer_in_ui(server: AirflowServer, browser: Browser, run_id: str, model: str, map_index: int, choice: str) -> None:
    """Go from the page of all required actions to the card, read it and press a button."""
    browser.driver.get(f"{server.address}/required_actions")
    browser.find("body", f"Let {model} version 1 serve?")
    browser.driver.get(f"{server.address}/dags/promote_models/runs/{run_id}/tasks/approve/mapped/{map_index}/required_actions")
    browser.find("body", "The gate says promote")
    if choice == "Approve":
        browser.picture("airflow-approval")
    browser.click("button", choice)


def test_promotions_wait_for_a_human(server, browser):
    server.airflow_api("PATCH", "dags/promote_models", {"is_paused": False})
    started = server.airflow_api("POST", "dags/promote_models/dagRuns", {"logical_date": None, "conf": {"require_approval": True}})
    run_id = started["dag_run_id"]
    index = waiting_for_an_answer(server, run_id, len(MODELS))
    approved, rejected, rejected_by_rest = MODELS
    answer_in_ui(server, browser, run_id, approved, index[approved], "Approve")
    answer_in_ui(server, browser, run_id, rejected, index[rejected], "Reject")
    answer_by_rest(server, run_id, index[rejected_by_rest], "Reject")
    succeeds_once_answered(server, run_id, {index[approved]: "Approve", index[rejected]: "Reject", index[rejected_by_rest]: "Reject"})
    assert [registry.holder(model, "champion") for model in MODELS] == ["1", None, None]
    assert registry.tags(approved, "1")["approved_by"] == "admin"

    job_id = server.api.post(f"/models/{rejected}/promote", json={"require_approval": True}).json()["job_id"]
    [map_index] = waiting_for_an_answer(server, job_id, 1).values()
    assert server.api.get(f"/models/promotions/{job_id}").json()["message"] == "waits for a human's answer, under Required actions"
    answer_by_rest(server, job_id, map_index, "Approve")
    succeeds_once_answered(server, job_id, {map_index: "Approve"})
    promotion = server.api.get(f"/models/promotions/{job_id}").json()
    assert (promotion["status"], promotion["model"], promotion["version"]) == ("completed", rejected, "1")
    assert server.api.get(f"/models/{rejected}/champion").json()["tags"]["approved_by"] == "admin"
