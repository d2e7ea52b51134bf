"""Continued boosting: a version that goes on from another's trees on what became known since, instead of learning all anew.

The other is the champion, or where nobody was promoted yet the challenger. What goes on is a challenger only: on new rows it learns fast
and forgets the old ones, so that both are measured, beside the former version and a full refit, and its walk-forward goes on from fold to
fold in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from include.errors import ModelError, UnsuitableError
from ml import registry
from ml.card import known_until
from ml.dataset import Dataset, Source
from ml.protocol import ContinuableModel, Fitted, Judgement, Model, Predictions
from ml.validation.losses import MODEL, row_losses


@dataclass(frozen=True)
class Former:
    """The version to go on from: its number, the hash of its weights, what it is, and until when outcomes were known to it."""

    version: str
    weights_hash: str
    model: ContinuableModel
    fitted: Fitted
    until: pd.Timestamp

    def go_on(self, data: Dataset, *, seed: int) -> Fitted:
        """Learn what became known since."""
        return self.model.update(self.fitted, data.known_since(self.until), seed=seed)


def version_before(name: str) -> registry.Registered:
    """Open the champion of a model, or where nobody was promoted yet the challenger.

    Raises
    ------
    UnsuitableError
        If it has no version.
    ModelError
        If that version is refused.
    """
    version = registry.holder(name, registry.CHAMPION) or registry.holder(name, registry.CHALLENGER)
    if version is None:
        raise UnsuitableError(f"{name} has no version to go on from; leave continue_boosting out")
    return registry.get(name, version)


def find_former(name: str, model: Model, data: Dataset, source: Source, feature_set: str) -> Former:
    """Open the version to go on from.

    What is new is told by time alone, so that universe, timeframe and features must be the same.

    Raises
    ------
    UnsuitableError
        If the model is none that can go on, has no version, or nothing became known since.
    ModelError
        If that version is refused, or was trained on other features or another universe.
    """
    if not isinstance(model, ContinuableModel):
        raise UnsuitableError(f"{name} cannot go on from an earlier version; only boosted models can: leave continue_boosting out")
    found = version_before(name)
    wanted: dict[str, Any] = {
        "universe": source.universe.name,
        "timeframe": source.timeframe,
        "feature_set": feature_set,
        "features": data.features,
    }
    if data.learnt_from:
        wanted |= {"trades_run": source.trades_run, "costs": data.learnt_from["costs"]}
    version = found.version
    if other := [what for what, value in wanted.items() if found.card.get(what) != value]:
        words = " and ".join(other).replace("_", " ")
        raise ModelError(f"{name} version {version} was trained on another {words}; it can only be trained in full")
    until = known_until(found.card)
    newer = data.known_since(until)
    if not any(label["value"].notna().any() for label in newer.labels.values()):
        raise UnsuitableError(f"nothing became known since {until:%Y-%m-%d}, where version {version} of {name} ends")
    return Former(version, str(found.card["weights_hash"]), model, found.load(), until)


class Continued:
    """The same model, but each fit after its first goes on from the one before: for one walk-forward, whose folds are in order."""

    def __init__(self, model: ContinuableModel) -> None:
        self._model = model
        self._last: tuple[Fitted, pd.Timestamp] | None = None

    def fit(self, known: Dataset, *, seed: int) -> Fitted:
        """Learn what became known since the last fit; in the first fit everything."""
        until = max(label.loc[label["value"].notna(), "known_at"].max() for label in known.labels.values())
        if self._last is None:
            fitted = self._model.fit(known, seed=seed)
        else:
            fitted = self._model.update(self._last[0], known.known_since(self._last[1]), seed=seed)
        self._last = fitted, until
        return fitted

    def params(self) -> dict[str, Any]:
        """As the model."""
        return self._model.params()

    def group(self, label: str, symbol: str) -> str:
        """As the model."""
        return self._model.group(label, symbol)

    def prepare(self, source: Source) -> Dataset:
        """As the model."""
        return self._model.prepare(source)

    def load(self, files: Mapping[str, bytes]) -> Fitted:
        """As the model."""
        return self._model.load(files)

    def baselines(self, known: Dataset, data: Dataset) -> Predictions:
        """As the model."""
        return self._model.baselines(known, data)

    def judge(self, walk_forward: pd.DataFrame) -> Judgement:
        """As the model."""
        return self._model.judge(walk_forward)


def compare_old_and_new(former: Former, lines: Mapping[str, Fitted], data: Dataset, metric: str) -> dict[str, Any]:
    """Mean loss on the outcomes that the former version knew (``old``) and on those that became known since (``new``), by label and line.

    Parameters
    ----------
    lines
        Fitted models by name; the former version stands beside them. On what a line learnt from, its loss is in sample.
    metric
        As in :func:`ml.validation.losses.row_losses`.
    """
    stated = {f"before (version {former.version})": former.fitted.predict(data)}
    stated |= {name: fitted.predict(data) for name, fitted in lines.items()}
    found: dict[str, Any] = {}
    for label, outcome in data.labels.items():
        learnt = (outcome["known_at"] <= former.until).to_numpy()
        usable = outcome["value"].notna().to_numpy() & np.all([frames[label][MODEL].notna() for frames in stated.values()], axis=0)
        for part, rows in (("old", usable & learnt), ("new", usable & ~learnt)):
            if rows.any():
                losses = {
                    name: float(row_losses(frames[label].assign(actual=outcome["value"])[rows], MODEL, metric).mean())
                    for name, frames in stated.items()
                }
                found.setdefault(label, {})[part] = {"rows": int(rows.sum()), "loss": losses}
    return {"from_version": former.version, "known_until": former.until.date().isoformat(), "metric": metric, "labels": found}


def describe_continued(found: Mapping[str, Any]) -> list[str]:
    """What came of it, in words; nothing where a version was not continued."""
    if not found:
        return []
    told, metric = [], str(found["metric"]).replace("_", "-")
    for label, parts in found["labels"].items():
        for part, figures in parts.items():
            losses = ", ".join(f"{name} {loss:.4f}" for name, loss in figures["loss"].items())
            told.append(f"{label}, {figures['rows']} {part} rows: {losses}")
    return [
        (
            f"This version goes on from version {found['from_version']}, which knew what was known by {found['known_until']}, instead of "
            f"learning all anew. Mean {metric} on rows that were old to that version and on new ones (in sample for a line that "
            f"learnt from them): {'; '.join(told)}."
        )
    ]
