"""Who may do what: Airflow's own users, and Airflow's own permissions on the DAG that does the work.

Whoever may read the runs of a DAG may read what it makes; whoever may start them may start them here.
"""

from __future__ import annotations

from typing import Any, Literal

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user, requires_access_dag
from fastapi import Depends, Request
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from marketmill.api.problems import answer

Method = Literal["GET", "POST", "PUT"]


class Authenticated:
    """Lets nobody in whom Airflow does not know, whatever the path: by bearer token, or by the UI's cookie."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask Airflow who it is."""
        if scope["type"] != "http":
            return
        request = Request(scope)
        try:
            await get_user(request, None, await bearer_scheme(request))
        except HTTPException as error:
            # A token that cannot be read proves nobody's identity, so it is 401 like none at all; Airflow itself says 403.
            told = answer(request, 401, f"{error.detail}: log in to Airflow first", headers={"WWW-Authenticate": "Bearer"})
            await told(scope, receive, send)
            return
        await self._application(scope, receive, send)


def may(method: Method, dag_id: str) -> Any:
    """Dependency of a route: the user may do this with the runs of a DAG."""
    return Depends(requires_access_dag(method, DagAccessEntity.RUN, dag_id))


def check(request: Request, user: BaseUser, method: Method, dag_id: str) -> None:
    """Check the same where the DAG is known from the body or from a job only; raises 403."""
    requires_access_dag(method, DagAccessEntity.RUN, dag_id)(request, user)
