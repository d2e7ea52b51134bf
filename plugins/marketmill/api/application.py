"""The application under ``/marketmill``: the API, its description, and the pages of the UI."""

from __future__ import annotations

from airflow.api_fastapi.core_api.security import bearer_scheme
from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import HTMLResponse

from marketmill.api import features, models, signals, training
from marketmill.api.access import Authenticated
from marketmill.api.body_limit import BodyLimit
from marketmill.api.problems import Problem, answer_with_problems
from marketmill.pages import routes
from marketmill.pages.rendering import page

PREFIX = "/marketmill"
_API = "/api/v1"
_DESCRIPTION = """Train, promote and ask Marketmill's models.

Get a token first: `POST /auth/token` with `{"username": ..., "password": ...}`; send it as `Authorization: Bearer <access_token>`.
A job is a run of a DAG and is looked at by its id. Times are UTC. Errors are problem documents (RFC 9457)."""


def make_application() -> FastAPI:
    """Build it; needs Airflow's API server around it."""
    application = FastAPI(title="Marketmill", version="1", description=_DESCRIPTION, openapi_url=None, docs_url=None, redoc_url=None)
    answer_with_problems(application)
    application.add_middleware(BodyLimit)
    application.add_middleware(Authenticated)  # the last one added is asked first
    api = APIRouter(prefix=_API, dependencies=[Depends(bearer_scheme)])
    for part in (training, models, signals, features):
        api.include_router(part.router)
    application.include_router(api)
    application.include_router(routes.router)

    @application.get(f"{_API}/openapi.json", include_in_schema=False)
    def openapi() -> dict[str, object]:
        return describe(application)

    @application.get(f"{_API}/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return page("api.html", api=describe(application), prefix=PREFIX)

    return application


def describe(application: FastAPI) -> dict[str, object]:
    """OpenAPI description of the API's routes."""
    description = get_openapi(
        title=application.title,
        version=application.version,
        description=application.description,
        routes=application.routes,
        servers=[{"url": PREFIX}],
    )
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {})
    schemas["Problem"] = problem
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return description
