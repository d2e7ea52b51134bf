"""The pages that Airflow's UI shows: reports, Data Docs, quality, features, models, and what belongs to a run."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from fastapi import APIRouter, Query, Request
from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from include.errors import ConfigurationError, LakeError
from include.settings import open_lake
from include.timeframes import TIMEFRAMES
from marketmill.api.access import check, may
from marketmill.operators.base import name_run
from marketmill.pages.files import read_report_file
from marketmill.pages.rendering import file, page
from marketmill.pages.reports import MOST_SHOWN, list_reports
from ml.report.board import read_board
from ml.report.catalogue import read_catalogue

router = APIRouter(prefix="/pages", include_in_schema=False)
_READERS = [may("GET", "publish_report")]


@router.get("/reports", dependencies=_READERS)
def reports() -> Response:
    """List the reports."""
    found = list_reports(open_lake())
    return page("reports.html", reports=found[:MOST_SHOWN], more=max(len(found) - MOST_SHOWN, 0))


@router.get("/reports/{path:path}", dependencies=_READERS)
def report_file(path: str) -> Response:
    """Show a file of a report, or of the Data Docs, whose pages lie beside the reports."""
    found = read_report_file(open_lake(), path)
    return file(*found) if found else page("message.html", 404, title="There is no such report", text="It may have been deleted.")


@router.get("/quality", dependencies=_READERS)
def quality(request: Request) -> Response:
    """Go to the newest quality page."""
    newest = next((report.quality for report in list_reports(open_lake()) if report.quality), None)
    if newest is None:
        return page("message.html", title="There is no quality page yet", text="The DAG publish_report writes one with each report.")
    return _to(request, newest)


@router.get("/data-docs", dependencies=_READERS)
def data_docs(request: Request) -> Response:
    """Go to the Data Docs."""
    if not open_lake().exists("reports/data_docs/index.html"):
        return page("message.html", title="There are no Data Docs yet", text="Each check of bars and features writes them.")
    return _to(request, "data_docs/index.html")


@router.get("/features", dependencies=[may("GET", "backfill_market")])
def features(timeframe: Annotated[str, Query(max_length=10)] = "1d") -> Response:
    """Show the feature catalogue."""
    if timeframe not in TIMEFRAMES:
        raise ConfigurationError(f"timeframe {timeframe!r} is unknown; use one of {', '.join(TIMEFRAMES)}")
    lake = open_lake()
    built = [name.removeprefix("timeframe=") for name in lake.folders("features") if name.removeprefix("timeframe=") in TIMEFRAMES]
    try:
        catalogue = read_catalogue(lake, timeframe)
    except LakeError as error:
        return page("message.html", title="There is no feature catalogue yet", text=str(error))
    return page("catalogue.html", catalogue=catalogue, timeframes=built)


@router.get("/models", dependencies=[may("GET", "train_models")])
def models() -> Response:
    """Show the model board."""
    lake = open_lake()
    newest = next((report.path for report in list_reports(lake) if report.dag_id == "publish_report"), None)
    return page("board.html", board=read_board(), newest_report=newest)


@router.get("/runs/{dag_id}/{run_id}")
def run(dag_id: str, run_id: str, request: Request, user: GetUserDep) -> Response:
    """Show the report that a run made, or where to look at what it did."""
    check(request, user, "GET", dag_id)
    with create_session() as session:
        found = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        begun = found.start_date if found else None
    if found is None:
        return page("message.html", 404, title="There is no such run", text=f"{dag_id} has no run {run_id}.")
    reports = list_reports(open_lake())
    own = next((report for report in reports if report.run == name_run(dag_id, run_id)), None)
    if own:
        return _to(request, own.path)
    after = [report for report in reports if begun and report.made_at >= begun and report.dag_id == "publish_report"]
    return page("run.html", dag_id=dag_id, run_id=run_id, after=after[-1] if after else None, newest=reports[0] if reports else None)


def _to(request: Request, path: str) -> Response:
    """Redirect to a file of the reports, so that its links lead where they should."""
    return RedirectResponse(f"{request.scope['root_path']}/pages/reports/{quote(path)}", 303)
