"""Jobs as they stand: what Airflow's database says of their runs, and what those have made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from airflow.api_fastapi.common.dagbag import get_dag_for_run
from airflow.api_fastapi.core_api.datamodels.dag_run import DagRunMutableStates
from airflow.api_fastapi.core_api.services.public.dag_run import patch_dag_run_state
from airflow.configuration import conf
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XCOM_RETURN_KEY, XComModel
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from pydantic import BaseModel, Field
from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from marketmill.api.kinds import Kind
from marketmill.api.problems import refuse
from marketmill.api.submission import dag_bag
from marketmill.reasons import REASON


class Status(StrEnum):
    """How far a job is."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


_STATUS = {DagRunState.SUCCESS: Status.COMPLETED, DagRunState.FAILED: Status.FAILED, DagRunState.RUNNING: Status.RUNNING}
_CANCELLED = "cancelled"
#: Characters of reasons in a message; all of them are in the logs of the run.
_LONGEST = 2000
_ENDED = (Status.COMPLETED, Status.FAILED)


class Job(BaseModel):
    """A job, which is a run of a DAG. All times are UTC."""

    job_id: str = Field(examples=["train_volatility_garch_0e0c6d2e-5f0e-4a51-9f3c-2a8b1c3d4e5f"])
    status: Status
    message: str
    dag_id: str = Field(examples=["train_models"])
    asked: dict[str, Any] = Field(description="What the DAG's form was filled with.")
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    run_url: str = Field(description="The run in Airflow's UI.")


class Found(BaseModel):
    """A job with what its run has made so far, one item a model."""

    job: Job
    made: list[dict[str, Any]] = Field(default_factory=list)


def find_job(kind: Kind, job_id: str) -> Found:
    """Look a job up; 404 where there is none of that id and kind."""
    with create_session() as session:
        run = _find(session, kind, _runs(kind), job_id)
        pushed = select(XComModel).where(
            XComModel.dag_id == run.dag_id, XComModel.run_id == job_id, XComModel.task_id == kind.task_id, XComModel.key == XCOM_RETURN_KEY
        )
        made = [XComModel.deserialize_value(one) for one in session.scalars(pushed.order_by(XComModel.map_index))]
        return Found(job=_job(run, _told(session, [run])[job_id]), made=made)


def list_jobs(kind: Kind, status: Status | None, limit: int, offset: int) -> tuple[list[Job], int]:
    """Newest jobs of a kind first, and how many there are in all."""
    with create_session() as session:
        wanted = _runs(kind)
        if status is not None:
            states = [state for state in DagRunState if _STATUS.get(state, Status.PENDING) == status]
            wanted = wanted.where(DagRun.state.in_(states))
        total = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
        runs = session.scalars(wanted.order_by(DagRun.id.desc()).limit(limit).offset(offset)).all()
        told = _told(session, runs)
        return [_job(run, told[run.run_id]) for run in runs], total


def cancel_job(kind: Kind, job_id: str, by: str) -> None:
    """Fail the run of a job and end its tasks, and note who wanted it; 404 where there is none, 409 where it has ended."""
    with create_session() as session:
        run = _find(session, kind, _runs(kind).with_for_update(), job_id)
        if _status(run) in _ENDED:
            raise refuse(409, f"{job_id} has ended, {_status(run)}; there is nothing to cancel")
        run.note = f"{_CANCELLED} by {by}"
        patch_dag_run_state(dag=get_dag_for_run(dag_bag(), run, session), dag_run=run, state=DagRunMutableStates.FAILED, session=session)


def run_url(dag_id: str, run_id: str) -> str:
    """Address of a run in Airflow's UI."""
    return f"{str(conf.get('api', 'base_url', fallback='')).rstrip('/')}/dags/{dag_id}/runs/{run_id}"


def _find(session: Session, kind: Kind, runs: Select[Any], job_id: str) -> DagRun:
    run: DagRun | None = session.scalar(runs.where(DagRun.run_id == job_id))
    if run is None:
        raise refuse(404, f"there is no {kind.noun} {job_id}")
    return run


def _runs(kind: Kind) -> Select[Any]:
    return select(DagRun).where(DagRun.dag_id.in_(kind.dag_ids), DagRun.run_id.startswith(f"{kind.name}_", autoescape=True))


def _status(run: DagRun) -> Status:
    return _STATUS.get(DagRunState(run.state), Status.PENDING)


class _Told(BaseModel):
    """What the tasks of a run tell: those that failed, the sentences of those and of skipped ones, and whether one waits for a human."""

    failed: list[str] = Field(default_factory=list)
    reasons: list[str] = Field(default_factory=list)
    asks: bool = False


def _told(session: Session, runs: Sequence[DagRun]) -> dict[str, _Told]:
    told = {run.run_id: _Told() for run in runs}
    keys = (TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, TaskInstance.map_index)
    same = [column == getattr(XComModel, column.key) for column in keys]
    ended = (TaskInstanceState.FAILED, TaskInstanceState.SKIPPED, TaskInstanceState.AWAITING_INPUT)
    tasks = (
        select(TaskInstance.run_id, TaskInstance.task_id, TaskInstance.state, XComModel.value)
        .outerjoin(XComModel, and_(*same, XComModel.key == REASON))
        .where(TaskInstance.dag_id.in_({run.dag_id for run in runs}), TaskInstance.run_id.in_(told), TaskInstance.state.in_(ended))
        .order_by(TaskInstance.state, TaskInstance.end_date, TaskInstance.map_index)
    )
    for run_id, task_id, state, reason in session.execute(tasks):
        one = told[run_id]
        if state == TaskInstanceState.FAILED:
            one.failed.append(task_id)
        one.asks |= state == TaskInstanceState.AWAITING_INPUT
        if reason is not None and str(reason) not in one.reasons:
            one.reasons.append(str(reason))
    return told


def _job(run: DagRun, told: _Told) -> Job:
    status = _status(run)
    return Job(
        job_id=run.run_id,
        status=status,
        message=_message(run, status, told),
        dag_id=run.dag_id,
        asked=dict(run.conf or {}),
        created_at=run.run_after,
        started_at=run.start_date,
        completed_at=run.end_date if status in _ENDED else None,
        run_url=run_url(run.dag_id, run.run_id),
    )


def _message(run: DagRun, status: Status, told: _Told) -> str:
    said = "; ".join(told.reasons)[:_LONGEST]
    if status is Status.PENDING:
        return "waits for its turn" + (f"; the DAG {run.dag_id} is paused, so that will not come" if run.dag_model.is_paused else "")
    if status is Status.RUNNING:
        return "waits for a human's answer, under Required actions" if told.asks else "runs"
    if status is Status.COMPLETED:
        return f"done; {said}" if said else "done"
    if str(run.note or "").startswith(_CANCELLED):
        return str(run.note)
    tasks = ", ".join(dict.fromkeys(told.failed))
    return f"failed{f' in {tasks}' if tasks else ''}: {said or 'the logs of the run say why'}"
