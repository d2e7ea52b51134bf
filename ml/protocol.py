"""What every model is to the rest of the package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import pandas as pd

from ml.dataset import Dataset, Source

#: By label name one row for each row of the dataset; column ``model``, or one a baseline; null: nothing can be said.
Predictions = dict[str, pd.DataFrame]
#: Among the files of a model that can tell: by label the share of each feature in what it states. It goes onto the card.
IMPORTANCE_FILE = "importance.json"


class Fitted(Protocol):
    """A model after fitting."""

    def predict(self, data: Dataset) -> Predictions:
        """State each label from what was known at each row; the rows hold the symbol's history in order."""

    def files(self) -> dict[str, bytes]:
        """Everything needed to load it again, by file name; equal models give equal bytes. Never a pickle."""


@dataclass(frozen=True)
class Judgement:
    """What the walk-forward predictions are worth; keys as on the card. ``no_trade``: why nobody may act on what the model states."""

    groups: list[dict[str, Any]]
    promises: list[dict[str, str]]
    main_metric: dict[str, Any]
    test_accuracy: float | None = None
    no_trade: str | None = None


class Model(Protocol):
    """One answer to one question, before fitting; frozen, built without arguments by its catalogue entry."""

    def params(self) -> dict[str, Any]:
        """Everything that could be set otherwise, JSON-safe."""

    def group(self, label: str, symbol: str) -> str:
        """Name under which this label of this symbol is judged."""

    def prepare(self, source: Source) -> Dataset:
        """Rows, features and labels; raises ModelError below two years of data, before anything is fitted."""

    def fit(self, known: Dataset, *, seed: int) -> Fitted:
        """Learn from what is known; the same data and seed give the same bytes."""

    def load(self, files: Mapping[str, bytes]) -> Fitted:
        """Read back what :meth:`Fitted.files` gave."""

    def baselines(self, known: Dataset, data: Dataset) -> Predictions:
        """State the rows of ``data`` by the simplest things that could work, fitted on ``known``."""

    def judge(self, walk_forward: pd.DataFrame) -> Judgement:
        """Say what the walk-forward is worth; raises ModelError where it is too good to be honest."""


@runtime_checkable
class ContinuableModel(Model, Protocol):
    """A model whose fit can go on from an earlier one."""

    def update(self, before: Any, new: Dataset, *, seed: int) -> Fitted:
        """Add to ``before``, a fitted model of this kind, what the labels of ``new`` say; labels that it knew are null there."""
