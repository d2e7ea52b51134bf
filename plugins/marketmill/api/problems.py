"""Errors as problem documents (RFC 9457): what is wrong, where, and what to do, in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import JSONResponse, Response

from include.errors import ConfigurationError, LakeError, MarketmillError, ModelError, RegistryError

MEDIA_TYPE = "application/problem+json"
#: What can be wrong with a body, beside its fields.
ON_BODY = (400, 413)
_RETRY_SECONDS = "5"


class Problem(BaseModel):
    """A problem document; ``errors`` names the fields that are wrong, where it is about some."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["there is no training job train_touch_xgboost_1"])
    errors: list[FieldProblem] | None = None


class FieldProblem(BaseModel):
    """One wrong field: ``pointer`` says where it stands."""

    pointer: str = Field(examples=["/body/n_trials"])
    detail: str


def problem(status: int, detail: str, *, headers: Mapping[str, str] | None = None, errors: list[dict[str, str]] | None = None) -> Response:
    """Answer with a problem document."""
    content: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": _sayable(detail)}
    if errors:
        content["errors"] = [{name: _sayable(text) for name, text in one.items()} for one in errors]
    return JSONResponse(content, status, headers, MEDIA_TYPE)


def answer(
    request: Request, status: int, detail: str, *, headers: Mapping[str, str] | None = None, errors: list[dict[str, str]] | None = None
) -> Response:
    """Tell a program by a problem document, and who looks at a page by a page."""
    if "/pages/" not in request.scope["path"]:
        return problem(status, detail, headers=headers, errors=errors)
    from marketmill.pages.rendering import page

    told = page("message.html", status, title=HTTPStatus(status).phrase, text=_sayable(detail))
    told.headers.update(headers or {})
    return told


def _sayable(text: str) -> str:
    """Replace halves of characters, which JSON can hold and UTF-8 cannot: they come back in what was asked."""
    return text.encode("utf-8", "replace").decode("utf-8")


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For ``responses=`` of a route: the problems that it can answer with, beside those that every route can."""
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
        for status in sorted({401, 403, 422, 503, *statuses})
    }


def answer_with_problems(application: FastAPI) -> None:
    """Let every error of an application come out as a problem document."""
    application.add_exception_handler(StarletteHTTPException, _http)
    application.add_exception_handler(RequestValidationError, _invalid)
    application.add_exception_handler(MarketmillError, _ours)
    for busy in (OperationalError, PoolTimeoutError):
        application.add_exception_handler(busy, _busy)
    application.add_exception_handler(Exception, _unexpected)


def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, StarletteHTTPException):
        raise error
    return answer(request, error.status_code, str(error.detail), headers=error.headers)


def _invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    found = [{"pointer": "/" + "/".join(str(step) for step in one["loc"]), "detail": str(one["msg"])} for one in error.errors()]
    return answer(request, 422, "; ".join(f"{one['pointer']}: {one['detail']}" for one in found), errors=found)


def _ours(request: Request, error: Exception) -> Response:
    if isinstance(error, ConfigurationError):
        return answer(request, 422, str(error))
    status = 503 if isinstance(error, LakeError | ModelError | RegistryError) else 500
    return answer(request, status, str(error))


def _busy(request: Request, error: Exception) -> Response:
    del error  # it holds the statement
    return answer(request, 503, "Airflow's database is busy; ask again in a moment", headers={"Retry-After": _RETRY_SECONDS})


def _unexpected(request: Request, error: Exception) -> Response:
    return answer(request, 500, f"an error that nobody expected ({type(error).__name__}); the log of Airflow's API server holds it")


def refuse(status: int, detail: str, **headers: str) -> HTTPException:
    """Make the exception that a route raises to answer with a problem."""
    return HTTPException(status, detail, headers={name.replace("_", "-"): value for name, value in headers.items()} or None)
