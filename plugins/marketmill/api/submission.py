"""Start a job: a run of its DAG, where not too many wait already."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from airflow.api_fastapi.common.dagbag import create_dag_bag
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import func, select, update

from include.errors import ConfigurationError
from include.universes import load_universe
from marketmill.api.kinds import Kind
from marketmill.api.problems import refuse

if TYPE_CHECKING:
    from airflow.models.dagbag import DBDagBag
    from airflow.serialization.definitions.dag import SerializedDAG
    from sqlalchemy.orm import Session

#: Runs of one DAG that may wait for their turn; each of them trains for minutes, and they run one after the other.
MOST_WAITING = 20
_RETRY_SECONDS = 60
#: Threads of this process queue here, without a connection each; the database then keeps the other processes apart.
_ONE_AT_A_TIME = Lock()


def submit(kind: Kind, dag_id: str, about: str, conf: Mapping[str, Any], user_name: str) -> str:
    """Make a run of a DAG, and return the job's id.

    Parameters
    ----------
    about
        Part of the id that tells people what it is about.
    conf
        What the DAG's form is filled with; it is checked as the form is.

    Raises
    ------
    ConfigurationError
        If the form has no such field, or refuses a value; if there is no such universe, or no time between start and end.
    HTTPException
        429 where too many runs wait, 503 where Airflow does not know the DAG.
    """
    _check_words(conf)
    job_id = f"{kind.name}_{about}_{uuid4()}"
    with create_session() as session:
        _check_waiting(session, dag_id)  # without any lock, so that a full queue costs little
    with _ONE_AT_A_TIME, create_session() as session:
        # Changes nothing, but takes the right to write: of all servers, one at a time counts and adds.
        session.execute(update(DagModel).where(DagModel.dag_id == dag_id).values(is_paused=DagModel.is_paused))
        dag = dag_bag().get_latest_version_of_dag(dag_id, session=session)
        if dag is None or session.scalar(select(DagModel.is_stale).where(DagModel.dag_id == dag_id)):
            raise refuse(503, f"Airflow does not know the DAG {dag_id}; is its DAG processor running, and does the file load?")
        _check_waiting(session, dag_id)
        _create(session, dag, job_id, conf, user_name)
    return job_id


def form_fields(dag_id: str) -> frozenset[str]:
    """Names of the fields of a DAG's form; none where Airflow does not know the DAG."""
    with create_session() as session:
        dag = dag_bag().get_latest_version_of_dag(dag_id, session=session)
        return frozenset(dag.params) if dag else frozenset()


@lru_cache(maxsize=1)
def dag_bag() -> DBDagBag:
    """DAGs as Airflow's database holds them; this process keeps those it has read."""
    return create_dag_bag()


def _check_words(conf: Mapping[str, Any]) -> None:
    """Refuse at once what the form's patterns let through and the run would refuse."""
    if isinstance(universe := conf.get("universe"), str):
        load_universe(universe)
    start, end = conf.get("start"), conf.get("end")
    if isinstance(start, str) and isinstance(end, str) and start >= end:
        raise ConfigurationError(f"start {start} is not before end {end}")


def _check_waiting(session: Session, dag_id: str) -> None:
    waiting = session.scalar(select(func.count()).where(DagRun.dag_id == dag_id, DagRun.state == DagRunState.QUEUED)) or 0
    if waiting >= MOST_WAITING:
        raise refuse(
            429, f"{waiting} runs of {dag_id} wait already, as many as may; ask again when some have ended", Retry_After=str(_RETRY_SECONDS)
        )


def _create(session: Session, dag: SerializedDAG, job_id: str, conf: Mapping[str, Any], user_name: str) -> None:
    if unknown := sorted(set(conf) - set(dag.params)):
        raise ConfigurationError(f"the form of {dag.dag_id} has no {', '.join(unknown)}; it has {', '.join(sorted(dag.params))}")
    try:
        dag.create_dagrun(
            run_id=job_id,
            run_after=datetime.now(UTC),
            conf=dict(conf),
            run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.REST_API,
            triggering_user_name=user_name,
            state=DagRunState.QUEUED,
            session=session,
        )
    except ValueError as error:
        sentence = next(iter(str(error).splitlines()), "")  # the schema follows
        raise ConfigurationError(f"the form of {dag.dag_id} refuses it: {sentence}") from None
