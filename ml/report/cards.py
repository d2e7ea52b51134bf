"""A model's card as the report reads it; a card that does not fit is refused with the key that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from include.errors import ModelError

Figure = Annotated[float, Field(allow_inf_nan=False)]
Verdict = Literal["met", "not met", "trivially met"]
MODEL = "model"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class ComparedLine(_Part):
    """One line of a comparison: the model or something simpler on the same rows."""

    name: str
    role: Literal["model", "baseline", "reference"]
    metrics: dict[str, Figure | None]


class Group(_Part):
    """Rows that are judged together: those that carry its name, or, where it says so, these values in these columns."""

    name: str
    where: dict[str, str] = {}
    rows: int
    comparison: tuple[ComparedLine, ...]
    metric_notes: dict[str, str] = {}

    @model_validator(mode="after")
    def _one_model(self) -> Group:
        if sum(line.role == MODEL for line in self.comparison) != 1:
            raise ValueError("a comparison needs exactly one line of role 'model'")
        return self

    def pick(self, predictions: pd.DataFrame) -> pd.DataFrame:
        """Return its rows of the stored predictions.

        Raises
        ------
        ModelError
            If they lack a column.
        """
        wanted = self.where or {"group": self.name}
        missing = [column for column in wanted if column not in predictions]
        if missing:
            raise ModelError(f"the stored predictions lack {', '.join(missing)}, by which {self.name!r} is told apart; train it again")
        return predictions[(predictions[list(wanted)] == pd.Series(wanted)).all(axis=1)]

    @property
    def model(self) -> ComparedLine:
        """The model's line."""
        return next(line for line in self.comparison if line.role == MODEL)


class Promise(_Part):
    """What was promised, and what came of it."""

    text: str
    verdict: Verdict
    reason: str


class Window(_Part):
    """First and last date of the data."""

    first: str
    last: str


class Evaluation(_Part):
    """How and on what the model was judged; ``rows`` are statements, one for each of the ``labels`` of a bar, trade or option."""

    scheme: str
    folds: int
    first: str
    last: str
    rows: int
    labels: int = 1
    days: int


class MainMetric(_Part):
    """The metric that decides."""

    name: str
    unit: str
    lower_is_better: bool


class Card(_Part):
    """The card of a model version; keys as written by training."""

    model_name: str
    version: str
    question: str
    label: str
    universe: str
    timeframe: str
    trained_date: str
    training_samples: int
    symbols: tuple[str, ...]
    left_out: dict[str, str] = {}
    learnt_from: dict[str, Any] = {}
    feature_set: str
    feature_count: int
    features: tuple[str, ...]
    seed: int
    data_hash: str
    params: dict[str, Any] = {}
    canaries: dict[str, Any] = {}
    libraries: dict[str, str] = {}
    window: Window
    evaluation: Evaluation
    groups: Annotated[tuple[Group, ...], Field(min_length=1)]
    main_metric: MainMetric
    promises: Annotated[tuple[Promise, ...], Field(min_length=1)]
    verdict: Verdict
    importance: dict[str, dict[str, Figure]] = {}
    dated_split: dict[str, Any] = {}
    no_trade: str | None = None
    leak_checks: dict[str, Any] = {}
    continued: dict[str, Any] = {}
    seconds: dict[str, Figure] = {}


def read_card(raw: Mapping[str, Any]) -> Card:
    """Check a card.

    Raises
    ------
    ModelError
        If a key is missing or wrong; the message names the first.
    """
    try:
        return Card.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "card"
        name = raw.get("model_name", "a model")
        raise ModelError(f"card of {name} cannot be read: {place}: {first['msg']}; train it again") from error
