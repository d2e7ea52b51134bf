"""Walk-forward: each row is stated by a model, and by baselines, fitted on what was known before the row's fold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from include.errors import ModelError
from ml.dataset import KEYS, Dataset
from ml.protocol import Model, Predictions
from ml.validation.splits import Fold, expanding_folds


def walk_forward(model: Model, data: Dataset, *, seed: int) -> pd.DataFrame:
    """Out-of-sample statements on every row whose label is known.

    Returns
    -------
    pandas.DataFrame
        Ordered by ``label``, ``symbol``, ``timestamp``: ``group``, ``label``, the keys, the particulars, ``known_at``, what else the
        label tells of the outcome, ``actual``, ``fold`` (0, 1, ...), the model's columns and one or more columns a baseline. Model and
        baselines stand on the same rows: a row that one of them cannot state (too little history) is left out for all.
    """
    labelled = [data.rows.loc[label["value"].notna(), "closed_at"] for label in data.labels.values()]
    folds = list(folds_to_judge(data, pd.concat(labelled)))
    parts = [part for number, fold in enumerate(folds) for part in run_fold(model, data, fold, number, seed=seed)]
    if not parts:
        raise ModelError("the walk-forward has no row to judge; more data is needed")
    return pd.concat(parts, ignore_index=True).sort_values(["label", "symbol", "timestamp"], ignore_index=True)


def folds_to_judge(data: Dataset, closed_at: pd.Series) -> Iterator[Fold]:
    """Folds over rows closed at these times, without what lies before ``data.judged_from``."""
    for fold in expanding_folds(closed_at):
        start = fold.start if data.judged_from is None else max(fold.start, data.judged_from)
        if start < fold.end:
            yield replace(fold, start=start)


def run_fold(model: Model, data: Dataset, fold: Fold, number: int, *, seed: int) -> list[pd.DataFrame]:
    """Fit on what was known when the fold begins, and state its rows: a table for each label that has any."""
    known, reached = data.known_by(fold.start), data.before(fold.end)
    stated = model.fit(known, seed=seed).predict(reached)
    baselines = model.baselines(known, reached)
    tested = (reached.rows["closed_at"] >= fold.start).to_numpy()
    parts = [_rows(name, reached, stated, baselines, tested, number) for name in data.labels]
    for part in parts:
        part.insert(0, "group", [model.group(*pair) for pair in zip(part["label"], part["symbol"], strict=True)])
    return [part for part in parts if len(part)]


def _rows(name: str, data: Dataset, stated: Predictions, baselines: Predictions, tested: np.ndarray, number: int) -> pd.DataFrame:
    label = data.labels[name]
    said = pd.concat([stated[name], baselines[name]], axis=1)
    needed = [column for column in said.columns if column not in ("lower", "upper")]
    usable = tested & label["value"].notna().to_numpy() & said[needed].notna().all(axis=1).to_numpy()
    told = label.drop(columns=["value", "known_at"])
    keys = pd.concat([data.rows[[*KEYS, *data.particulars]], label[["known_at"]], told], axis=1)
    keys = keys.assign(actual=label["value"], fold=number)
    keys.insert(0, "label", name)
    return pd.concat([keys, said], axis=1)[usable]
