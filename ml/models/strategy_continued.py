"""The ensemble that goes on learning instead of being fitted anew: its boosted trees see new rows only.

Such a model forgets what it saw long ago, so it is only ever a challenger, judged by the same recipe: fitted on the first three quarters
of the dates, then updated with each further part. The version itself goes on from one that is registered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from include.errors import ConfigurationError, ModelError
from ml import registry
from ml.dataset import Dataset
from ml.models.strategy_data import NEXT
from ml.models.strategy_ensemble import FittedEnsemble, StrategyEnsemble
from ml.registry import Registered
from ml.validation.binary import log_loss

_FIRST_SHARE, _PARTS = 0.75, 5  # of the dates: for the first fit, and into how many updates the rest is cut


@dataclass(frozen=True)
class ContinuedEnsemble(StrategyEnsemble):
    """The recipe; ``continued_from`` names the version that the registered model goes on from."""

    continued_from: str = ""

    def params(self) -> dict[str, Any]:
        """As those of the ensemble, and where it went on from."""
        return super().params() | {"continued_from": self.continued_from}

    def fit(self, known: Dataset, *, seed: int) -> FittedEnsemble:
        """Fit on the first three quarters of the dates, then update with each of the parts that follow."""
        dates = np.sort(known.rows.loc[known.labels[NEXT]["value"].notna(), "closed_at"].unique())
        edges = [dates[int(len(dates) * (_FIRST_SHARE + (1 - _FIRST_SHARE) * part / _PARTS))] for part in range(_PARTS)]
        fitted = super().fit(known.known_by(edges[0]), seed=seed)
        for start, end in zip(edges, [*edges[1:], None], strict=True):
            fitted = self.update(fitted, news(known if end is None else known.known_by(end), start), seed=seed)
        return fitted


def continued(model: StrategyEnsemble, of: Mapping[str, str]) -> tuple[ContinuedEnsemble, Registered]:
    """Return the recipe for going on from the champion, or where there is none from the challenger, with that version.

    Parameters
    ----------
    of
        ``universe`` and ``timeframe`` of the data, which must be those of the version.

    Raises
    ------
    ConfigurationError
        If there is no version, or it is one of other data.
    """
    model_id = "strategy_ensemble"
    version = registry.holder(model_id, registry.CHAMPION) or registry.holder(model_id, registry.CHALLENGER)
    if version is None:
        raise ConfigurationError("there is no strategy_ensemble to go on from; run train_strategies without continue_boosting first")
    before = registry.get(model_id, version)
    if any(before.card[name] != value for name, value in of.items()):
        raise ConfigurationError(f"strategy_ensemble version {before.version} learnt from other data; run without continue_boosting")
    params = before.card["params"]
    known = {name: params[name] for name in ("estimators", "rate", "depth", "penalty")}
    own = {field.name: getattr(model, field.name) for field in fields(StrategyEnsemble)}
    return ContinuedEnsemble(**own | known, continued_from=before.version), before


def go_on(model: ContinuedEnsemble, before: Registered, data: Dataset, *, seed: int) -> FittedEnsemble:
    """Let the registered version learn from the rows whose outcome was not known to it.

    Raises
    ------
    ModelError
        If there is none, or the features are others.
    """
    fitted = before.load()
    if not isinstance(fitted, FittedEnsemble) or list(fitted.members.booster.features) != data.features:
        raise ModelError(f"strategy_ensemble version {before.version} has other features; run without continue_boosting")
    new = news(data, known_until(before))
    if not new.labels[NEXT]["value"].notna().any():
        raise ModelError(
            f"there is nothing to go on with: nothing became known since strategy_ensemble version {before.version} was trained"
        )
    return model.update(fitted, new, seed=seed)


def measured(model: ContinuedEnsemble, before: Registered, fitted: FittedEnsemble, data: Dataset, *, seed: int) -> dict[str, Any]:
    """Part of the card: log-loss of the version before, the continued and a full refit, on the old rows and on the new ones.

    The continued model and the refit have learnt from the new rows, so these figures show what is forgotten, not what is foretold; the
    walk-forward shows that.
    """
    since = known_until(before)
    lines = {"before": before.load(), "continued": fitted, "full refit": plain(model).fit(data, seed=seed)}
    value, new = data.labels[NEXT]["value"], data.labels[NEXT]["known_at"] > since
    parts = {"old rows": value.notna() & ~new, "new rows": value.notna() & new}
    stated = {line: one.predict(data)[NEXT]["p1"] for line, one in lines.items()}
    return {
        "continued_from": before.version,
        "rows": {part: int(mask.sum()) for part, mask in parts.items()},
        "log_loss": {
            line: {part: log_loss(value[mask].to_numpy(), chance[mask].to_numpy()) for part, mask in parts.items() if mask.any()}
            for line, chance in stated.items()
        },
    }


def plain(model: ContinuedEnsemble) -> StrategyEnsemble:
    """The ensemble with the same parameters that is fitted on everything."""
    return StrategyEnsemble(**{field.name: getattr(model, field.name) for field in fields(StrategyEnsemble)})


def news(data: Dataset, since: pd.Timestamp) -> Dataset:
    """The same rows, but only with the labels that became known after ``since``."""
    label = data.labels[NEXT]
    return replace(data, labels={NEXT: label.where(label["known_at"] > since)})


def known_until(version: Registered) -> pd.Timestamp:
    """When the newest outcome that a version learnt from was known (UTC)."""
    return pd.Timestamp(version.card["strategies"]["known_until"])
