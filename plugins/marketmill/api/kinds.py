"""The kinds of jobs. A job is a run of a DAG; its id, ``<kind>_<about>_<uuid4>``, is the id of that run."""

from __future__ import annotations

from dataclasses import dataclass

from include.errors import ConfigurationError
from ml.catalog import BACKTESTS, STRATEGY_TYPES, find_entry


@dataclass(frozen=True)
class Kind:
    """One kind: the DAGs whose runs its jobs are, and the task that makes something, with an XCom for each thing made."""

    name: str
    dag_ids: tuple[str, ...]
    task_id: str
    noun: str


TRAINING = Kind("train", ("train_models", "train_strategies"), "train", "training job")
PROMOTION = Kind("promote", ("promote_models",), "change_champion", "promotion")
GENERATION = Kind("predict", ("predict",), "predict", "generation of signals")


def find_model(name: str) -> str:
    """Id of the catalogue for an id or a type.

    Raises
    ------
    ConfigurationError
        If there is none; where a question has several models (``direction``), the message names them.
    """
    try:
        return find_entry(STRATEGY_TYPES.get(name, name)).model_id
    except ConfigurationError as error:
        raise ConfigurationError(f"{error}; or a type: {', '.join(STRATEGY_TYPES)}") from None


def training_dag(model_id: str) -> str:
    """DAG that trains a model."""
    return TRAINING.dag_ids[find_entry(model_id).learns_from == BACKTESTS]
