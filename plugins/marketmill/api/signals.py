"""Signals: what the champions say."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Annotated, Any

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from include.months import parse_month
from marketmill.api.access import may
from marketmill.api.jobs import Job, Status, find_job, run_url
from marketmill.api.kinds import GENERATION, find_model
from marketmill.api.problems import ON_BODY, documented
from marketmill.api.submission import submit
from marketmill.api.training import Accepted, JobId

router = APIRouter(prefix="/signals", tags=["signals"])


class Signals(BaseModel):
    """Rows of the lake's predictions (see ``include.schemas.PREDICTIONS``): the newest of each model, symbol and label."""

    signals: list[dict[str, Any]] = Field(
        description="A row with `refused` states nothing, and says why. `line` is `model`, or the baseline that the model does not beat."
    )


class GenerationRequest(BaseModel):
    """Which champions are to speak, and of which months."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"models": ["volatility_garch"], "months": ["2018-12"]}]})

    models: list[Annotated[str, Field(max_length=80)]] = Field([], max_length=50, description="Empty: all that have a champion.")
    months: list[Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]] = Field(
        [], max_length=600, description="As YYYY-MM; empty: the newest month of features."
    )


class GenerationJob(Job):
    """A run of the champions; ``models`` says what each has published."""

    models: list[dict[str, Any]] = Field(default_factory=list)


@router.get("/latest", dependencies=[may("GET", "predict")], responses=documented(), summary="Read the newest signals")
def latest(
    model_id: Annotated[str | None, Query(max_length=80, description="Only of this model.")] = None,
    symbol: Annotated[str | None, Query(max_length=40, description="Only of this symbol.")] = None,
) -> Signals:
    """Read what the champions said last of each symbol and label, from the lake. Nothing is computed."""
    from include.predictions import latest_signals
    from include.settings import open_lake
    from ml import registry

    asked = find_model(model_id) if model_id is not None else None
    serving = {name for name, aliases in registry.holders().items() if registry.CHAMPION in aliases}
    rows = latest_signals(open_lake())
    rows = rows[rows["model_id"].isin(serving if asked is None else serving & {asked})]
    if symbol is not None:
        rows = rows[rows["symbol"] == symbol]
    return Signals(signals=[_row(record) for record in rows.to_dict("records")])


@router.post(
    "/generate",
    status_code=202,
    dependencies=[may("POST", "predict")],
    responses=documented(*ON_BODY, 429),
    summary="Let the champions speak",
)
def generate(asked: GenerationRequest, user: GetUserDep) -> Accepted:
    """Start a run of `predict`, which publishes what the champions say."""
    models = [find_model(name) for name in asked.models]
    months = [parse_month(month) for month in asked.months]
    about = models[0] if len(models) == 1 else "signals"
    job_id = submit(GENERATION, "predict", about, {"models": models, "months": months}, user.get_name())
    return Accepted(job_id=job_id, status=Status.PENDING, message="Signals are being generated", run_url=run_url("predict", job_id))


@router.get("/generate/{job_id}", dependencies=[may("GET", "predict")], responses=documented(404), summary="Look at a generation")
def read_generation(job_id: JobId) -> GenerationJob:
    """Say how far a generation is, and what was published."""
    found = find_job(GENERATION, job_id)
    return GenerationJob(**found.job.model_dump(), models=found.made)


def _row(record: dict[Hashable, Any]) -> dict[str, Any]:
    """Give numbers that JSON does not know as null."""
    return {str(name): None if isinstance(value, float) and not math.isfinite(value) else value for name, value in record.items()}
