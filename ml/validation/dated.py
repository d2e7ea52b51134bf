"""The dated split: fitted once on the training part, looked at once on the validation and the test part. Nothing is decided on them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from include.errors import InsufficientDataError
from include.months import as_utc
from include.settings import DatedSplit
from ml.dataset import Dataset, too_short
from ml.protocol import Model
from ml.validation.losses import MODEL, probability_columns, row_losses, stated_lines
from ml.validation.metrics import accuracy
from ml.validation.splits import Fold
from ml.validation.walk_forward import run_fold

_KEPT = ("validation", "test")
_PERCENT = 100.0
_FEWEST_DAYS = 5


def share_split(data: Dataset) -> DatedSplit:
    """Split the days on which labelled rows were decided 60 : 20 : 20, in order of time.

    Raises
    ------
    InsufficientDataError
        If there are fewer than five such days.
    """
    closed = data.rows.loc[_labelled(data), "closed_at"]
    days = np.sort(closed.dt.tz_convert("UTC").dt.date.unique())
    if len(days) < _FEWEST_DAYS:
        raise InsufficientDataError(f"Insufficient data for training: {len(days)} days with a decision, {_FEWEST_DAYS} are needed")
    validation, test = (days[int(np.ceil(len(days) * share))] for share in (0.6, 0.8))
    return DatedSplit(training=days[0], validation=validation, test=test, end=days[-1] + timedelta(days=1))


def dated_split(model: Model, data: Dataset, split: DatedSplit, metric: dict[str, Any], *, seed: int) -> dict[str, Any]:
    """Part of the card.

    Parameters
    ----------
    metric
        The card's main metric: ``name`` and ``unit``.

    Returns
    -------
    dict
        ``parts``: by part the first day, and rows, their share and days with a label in it. ``results``: by label, part and line
        (the model and its baselines) the main metric, and the accuracy of classes. Where the data do not reach over the split
        ``not_evaluated`` says why instead, and with what dates they would.
    """
    moments = {name: pd.Timestamp(as_utc(day)) for name, day in split}
    closed = data.rows.loc[_labelled(data), "closed_at"]
    facts: dict[str, Any] = {"parts": _parts(closed, moments)}
    # A split that follows the rows reaches over them all; whether they are enough was for the model to say.
    fitting = share_split(data)
    if split != fitting and (reason := _why_not(closed, moments)):
        return facts | {"not_evaluated": f"{reason}; {_advise(fitting)}"}
    inside = data.since(moments["training"])
    tables = run_fold(model, inside, Fold(moments["validation"], moments["end"]), 0, seed=seed)
    results: dict[str, Any] = {}
    for table in tables:
        for part in _KEPT:
            rows = table[_inside(table["closed_at"], moments, part)].dropna(axis=1, how="all")
            if len(rows):
                results.setdefault(str(rows["label"].iloc[0]), {})[part] = _lines(rows, metric)
    return facts | {"results": results}


def describe_split(found: dict[str, Any], metric: str) -> str:
    """What came of it, in words."""
    parts = ", ".join(f"{name} from {part['from']} {part['share']:.1%} ({part['rows']} rows)" for name, part in found["parts"].items())
    if "not_evaluated" in found:
        return f"{parts}. Not evaluated: {found['not_evaluated']}."
    told = []
    for label, by_part in found["results"].items():
        for part, lines in by_part.items():
            name = "accuracy" if "accuracy" in lines[MODEL] else metric
            figures = ", ".join(f"{line} {values[name]:.3f}" for line, values in lines.items())
            told.append(f"{label}, {part}: {name} {figures}")
    return f"{parts}. {'; '.join(told)}."


def _labelled(data: Dataset) -> pd.Series:
    return pd.concat([label["value"].notna() for label in data.labels.values()], axis=1).any(axis=1)


def _parts(closed: pd.Series, moments: dict[str, pd.Timestamp]) -> dict[str, Any]:
    masks = {part: _inside(closed, moments, part) for part in ("training", *_KEPT)}
    total = max(sum(int(mask.sum()) for mask in masks.values()), 1)
    return {
        part: {
            "from": f"{moments[part]:%Y-%m-%d}",
            "rows": int(mask.sum()),
            "share": float(mask.sum()) / total,
            "days": int(closed[mask].dt.floor("D").nunique()),
        }
        for part, mask in masks.items()
    }


def _why_not(closed: pd.Series, moments: dict[str, pd.Timestamp]) -> str | None:
    training = closed[_inside(closed, moments, "training")]
    if reason := too_short(training):
        return f"of the training part, {reason}"
    last = closed.max()
    return None if last >= moments["test"] else f"the rows end {last:%Y-%m-%d}, before the test part begins"


def _advise(fitting: DatedSplit) -> str:
    """Say which setting makes the parts lie within the rows."""
    return (
        "set dates that lie within the rows, 'dated_split' in include/config/settings.yaml or in the environment: "
        f"DATED_SPLIT='{fitting.model_dump_json()}' parts these 60 : 20 : 20"
    )


def _inside(closed: pd.Series, moments: dict[str, pd.Timestamp], part: str) -> pd.Series:
    names = list(moments)
    return (closed >= moments[part]) & (closed < moments[names[names.index(part) + 1]])


def _lines(rows: pd.DataFrame, metric: dict[str, Any]) -> dict[str, dict[str, float]]:
    return {line: _figures(rows, line, metric) for line in stated_lines(rows)}


def _figures(rows: pd.DataFrame, line: str, metric: dict[str, Any]) -> dict[str, float]:
    name, loss = str(metric["name"]), float(row_losses(rows, line, str(metric["name"])).mean())
    if name == "rmse":
        loss = float(np.sqrt(loss)) * (_PERCENT if "percent" in str(metric["unit"]) else 1.0)
    figures = {name: loss}
    if len(probability_columns(rows, line)) > 2:
        figures["accuracy"] = accuracy(rows["actual"].to_numpy(), rows[line].to_numpy())
    return figures
