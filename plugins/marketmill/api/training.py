"""Training: start it, look at it, list it, cancel it."""

from __future__ import annotations

from typing import Annotated, Any, Self

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from include.errors import ConfigurationError
from marketmill.api.access import check, may
from marketmill.api.jobs import Job, Status, cancel_job, find_job, list_jobs, run_url
from marketmill.api.kinds import TRAINING, find_model, training_dag
from marketmill.api.problems import ON_BODY, documented
from marketmill.api.submission import form_fields, submit

#: Each trial trains and judges a model; all trials on a label count against whatever comes of them.
MOST_TRIALS = 100

#: What a field of a form can hold. A character of code 0 is no text to a database.
_Text = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]
_Name = Annotated[str, Field(max_length=80)]
_Value = _Text | bool | int | Annotated[float, Field(allow_inf_nan=False)] | None

JobId = Annotated[str, Path(max_length=250, pattern=r"^[A-Za-z0-9_.-]+$", description="As the answer to the request that started it says.")]
router = APIRouter(prefix="/models", tags=["training"])


class TrainingRequest(BaseModel):
    """What to train: a type or a model, with what the form of the DAG that trains it is to be filled with."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"model_id": "volatility_garch", "config": {"universe": "sample"}}]},
    )

    model_type: str | None = Field(None, max_length=80, description="`ensemble`, `classifier`, `rl_agent`, or a model's id.")
    model_id: str | None = Field(None, max_length=80, description="A model of the catalogue, instead of a type.")
    config: dict[_Name, _Value | list[_Value]] = Field(
        default_factory=dict, max_length=50, description="Fields of the DAG's form, by name."
    )
    hyperparameter_search: bool = Field(False, description="Search parameters first; where the model's DAG can.")
    n_trials: int | None = Field(None, ge=1, le=MOST_TRIALS, description="Most trials of the search.")
    incremental: bool = Field(False, description="Go on from the champion instead of fitting anew; where the model's DAG can.")

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if (self.model_type is None) == (self.model_id is None):
            raise ValueError("give either model_type or model_id")
        if self.n_trials is not None and not self.hyperparameter_search:
            raise ValueError("n_trials is about a hyperparameter_search, which is not asked for")
        return self


class Accepted(BaseModel):
    """A job that was started."""

    job_id: str = Field(examples=["train_volatility_garch_0e0c6d2e-5f0e-4a51-9f3c-2a8b1c3d4e5f"])
    status: Status
    message: str
    run_url: str


class TrainedModel(BaseModel):
    """A version that the job trained, or found trained on exactly the same before."""

    model_id: str
    model_version: str
    verdict: str
    metrics: dict[str, float] = Field(description="Of the walk-forward, by group and metric.")


class TrainingJob(Job):
    """A training job. ``metrics`` and ``model_version`` are those of the model that it was asked for."""

    model_type: str
    metrics: dict[str, float] | None = None
    model_version: str | None = None
    models: list[TrainedModel] = Field(default_factory=list)


class TrainingJobs(BaseModel):
    """A page of jobs, the newest first."""

    jobs: list[Job]
    total: int


@router.post(
    "/train",
    status_code=202,
    dependencies=[may("POST", TRAINING.dag_ids[0])],
    responses=documented(*ON_BODY, 429),
    summary="Start a training",
)
def start_training(asked: TrainingRequest, request: Request, user: GetUserDep) -> Accepted:
    """Start a run of the DAG that trains the model. It waits for its turn; `429` where too many do."""
    name = asked.model_type or asked.model_id or ""
    model_id = find_model(name)
    dag_id = training_dag(model_id)
    check(request, user, "POST", dag_id)
    job_id = submit(TRAINING, dag_id, name, _form(asked, model_id, dag_id), user.get_name())
    return Accepted(job_id=job_id, status=Status.PENDING, message="Training job started", run_url=run_url(dag_id, job_id))


@router.get("/training", dependencies=[may("GET", TRAINING.dag_ids[0])], responses=documented(), summary="List training jobs")
def list_training(
    status: Status | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> TrainingJobs:
    """List the jobs that this API started, the newest first."""
    jobs, total = list_jobs(TRAINING, status, limit, offset)
    return TrainingJobs(jobs=jobs, total=total)


@router.get("/training/{job_id}", dependencies=[may("GET", TRAINING.dag_ids[0])], responses=documented(404), summary="Look at a training")
def read_training(job_id: JobId, request: Request, user: GetUserDep) -> TrainingJob:
    """Say how far a job is and, once a model is trained, which version it is and what it is worth."""
    found = find_job(TRAINING, job_id)
    check(request, user, "GET", found.job.dag_id)
    models = [trained for made in found.made if (trained := _trained(made))]
    [only] = models if len(models) == 1 else [None]
    return TrainingJob(
        **found.job.model_dump(),
        model_type=job_id.removeprefix(f"{TRAINING.name}_").rpartition("_")[0],
        metrics=only.metrics if only else None,
        model_version=only.model_version if only else None,
        models=models,
    )


@router.delete(
    "/training/{job_id}", dependencies=[may("PUT", TRAINING.dag_ids[0])], responses=documented(404, 409), summary="Cancel a training"
)
def cancel_training(job_id: JobId, request: Request, user: GetUserDep) -> TrainingJob:
    """Fail the job's run and end its tasks. What was registered before stays."""
    check(request, user, "PUT", find_job(TRAINING, job_id).job.dag_id)
    cancel_job(TRAINING, job_id, user.get_name())
    return read_training(job_id, request, user)


def _form(asked: TrainingRequest, model_id: str, dag_id: str) -> dict[str, Any]:
    """Fill the form of the DAG; what it has no field for is refused, where it was asked for."""
    if said := {"models", "model_type"} & set(asked.config):
        raise ConfigurationError(f"config: {said.pop()} is what model_type or model_id says; leave it out")
    wishes = {"hyperparameter_search": asked.hyperparameter_search, "n_trials": asked.n_trials, "continue_boosting": asked.incremental}
    wanted = {name: value for name, value in wishes.items() if value}
    if wanted and (missing := sorted(set(wanted) - form_fields(dag_id))):
        raise ConfigurationError(f"{', '.join(missing)}: {model_id} is trained by {dag_id}, which cannot do that")
    which = {"model_type": model_id} if "model_type" in form_fields(dag_id) else {"models": [model_id]}
    return {**asked.config, **wanted, **which}


def _trained(made: dict[str, Any]) -> TrainedModel | None:
    """Look the version up in the registry; None where it is not there any more."""
    from include.errors import ModelError
    from ml import registry

    try:
        card = registry.get(str(made["model"]), str(made["version"])).card
    except (KeyError, ModelError):
        return None
    return TrainedModel(model_id=made["model"], model_version=str(made["version"]), verdict=card["verdict"], metrics=model_metrics(card))


def model_metrics(card: dict[str, Any]) -> dict[str, float]:
    """The model's own figures of its walk-forward; a name begins with its group's, where there are several."""
    groups = card["groups"]
    return {
        metric if len(groups) == 1 else f"{group['name']}/{metric}": float(value)
        for group in groups
        for line in group["comparison"]
        if line["role"] == "model"
        for metric, value in line["metrics"].items()
    }
