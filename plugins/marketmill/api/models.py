"""Models: what there is, who serves, and promotion through the gate."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from include.errors import ConfigurationError
from marketmill.api.access import may
from marketmill.api.jobs import Job, Status, find_job, run_url
from marketmill.api.kinds import PROMOTION, find_model
from marketmill.api.problems import ON_BODY, documented, refuse
from marketmill.api.submission import submit
from marketmill.api.training import Accepted, JobId, model_metrics

router = APIRouter(prefix="/models", tags=["models"])
ModelId = Annotated[str, Path(max_length=80, description="A model of the catalogue.", examples=["volatility_garch"])]


class ModelSummary(BaseModel):
    """A model of the catalogue, and who holds its aliases."""

    model_id: str
    question: str
    label: str
    timeframes: list[str]
    champion: str | None = Field(description="Version that serves.")
    challenger: str | None = Field(description="Version that waits for the gate.")


class Champion(BaseModel):
    """The version that serves, and its card: what it was made from and what it is worth."""

    model_id: str
    version: str
    run_id: str = Field(description="Its run in MLflow.")
    stage: str
    verdict: str
    metrics: dict[str, float]
    tags: dict[str, str]
    card: dict[str, Any]


class PromotionRequest(BaseModel):
    """What to decide about."""

    model_config = ConfigDict(extra="forbid")

    version: str | None = Field(None, max_length=20, pattern=r"^\d+$", description="Empty: the challenger.")
    action: Literal["promote", "demote"] = "promote"
    stage: Literal["Production"] = Field("Production", description="Another word for champion; there is no other stage to promote to.")
    require_approval: bool = Field(False, description="Wait for a human to approve what passed the gate.")


class PromotionJob(Job):
    """A promotion or demotion: ``version`` of ``model`` serves now (null: none), ``demoted`` did before."""

    model: str | None = None
    version: str | None = None
    demoted: str | None = None


@router.get("", dependencies=[may("GET", "train_models")], responses=documented(), summary="List the models")
def list_models() -> list[ModelSummary]:
    """List the catalogue, with who serves and who waits for the gate."""
    from ml import registry
    from ml.catalog import CATALOG

    held = registry.holders()
    return [
        ModelSummary(
            model_id=entry.model_id,
            question=entry.question,
            label=entry.label,
            timeframes=list(entry.timeframes),
            champion=held.get(entry.model_id, {}).get(registry.CHAMPION),
            challenger=held.get(entry.model_id, {}).get(registry.CHALLENGER),
        )
        for entry in CATALOG.values()
    ]


@router.get("/{model_id}/champion", dependencies=[may("GET", "train_models")], responses=documented(404), summary="Look at a champion")
def read_champion(model_id: ModelId) -> Champion:
    """Describe the version that serves. `404` for a model that is unknown, or whose name is not whole, or has no champion."""
    from ml import registry

    known = _known(model_id)
    version = registry.holder(known, registry.CHAMPION)
    if version is None:
        raise refuse(404, f"{known} has no champion; train it, and let it through the gate")
    found = registry.get(known, version)
    return Champion(
        model_id=known,
        version=version,
        run_id=found.run_id,
        stage=found.tags.get(registry.STAGE, ""),
        verdict=found.card["verdict"],
        metrics=model_metrics(found.card),
        tags=dict(found.tags),
        card=found.card,
    )


@router.post(
    "/{model_id}/promote",
    status_code=202,
    dependencies=[may("POST", "promote_models")],
    responses=documented(404, 409, *ON_BODY, 429),
    summary="Promote or demote",
)
def start_promotion(model_id: ModelId, asked: PromotionRequest, user: GetUserDep) -> Accepted:
    """Start a run of `promote_models`: the gate decides, a human where that is asked for.

    `409` where there is nothing to decide about: no challenger, or no champion to demote. `422` for a version that does not exist.
    """
    known = _known(model_id)
    _check_decidable(known, asked)
    form = {"model": known, **asked.model_dump(exclude={"stage"})}
    job_id = submit(PROMOTION, "promote_models", known, form, user.get_name())
    return Accepted(job_id=job_id, status=Status.PENDING, message="Promotion started", run_url=run_url("promote_models", job_id))


@router.get("/promotions/{job_id}", dependencies=[may("GET", "promote_models")], responses=documented(404), summary="Look at a promotion")
def read_promotion(job_id: JobId) -> PromotionJob:
    """Say how far a promotion is, and who serves after it."""
    found = find_job(PROMOTION, job_id)
    made = found.made[0] if found.made else {}
    return PromotionJob(**found.job.model_dump(), model=made.get("model"), version=made.get("version"), demoted=made.get("demoted"))


def _check_decidable(model_id: str, asked: PromotionRequest) -> None:
    """Refuse at once what the run could only fail on."""
    from ml import registry

    held = registry.holders().get(model_id, {})
    if asked.action == "demote":
        if asked.version is not None:
            raise refuse(422, "/body/version: a demotion is of the champion; leave the version out")
        if registry.CHAMPION not in held:
            raise refuse(409, f"{model_id} has no champion to demote")
    elif asked.version is not None:
        versions = [note.version for note in registry.history(model_id)]
        if asked.version not in versions:
            raise refuse(422, f"/body/version: {model_id} has no version {asked.version}; there are: {', '.join(versions) or 'none'}")
    elif registry.CHALLENGER not in held:
        raise refuse(409, f"{model_id} has no challenger; train it first, or name a version")


def _known(model_id: str) -> str:
    try:
        return find_model(model_id)
    except ConfigurationError as error:
        raise refuse(404, str(error)) from None
