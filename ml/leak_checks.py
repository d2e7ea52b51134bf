"""The leak certificate of a version: looks ahead that were tried for on the very data and model, and did not show.

A check that fails stops the training. Beside these stand the lines that a judge refuses to believe, and the canaries.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from include.errors import ModelError
from ml.dataset import Dataset, Source
from ml.protocol import Fitted, Model
from ml.validation.splits import expanding_folds

_SHARE_BEFORE = 0.9  # of the time of the dataset: where the checks cut it

Checks = dict[str, dict[str, str]]


def certify(model_id: str, model: Model, source: Source, data: Dataset, fitted: Fitted) -> Checks:
    """Try each check; by its name ``verdict`` and ``reason`` for the card.

    Parameters
    ----------
    data, fitted
        What ``model`` prepared from ``source``, and the model fitted on it.

    Raises
    ------
    ModelError
        If the past depends on the future somewhere.
    """
    first, last = data.rows["closed_at"].min(), data.rows["closed_at"].max()
    cut = (first + (last - first) * _SHARE_BEFORE).normalize()
    return {
        "folds know their past only": _purge(model_id, data),
        "the past of the dataset stays as it was": _past(model_id, model, source, data, cut),
        "statements need no later row and no label": _statements(model_id, data, fitted, cut),
    }


def _purge(model_id: str, data: Dataset) -> dict[str, str]:
    labelled = pd.concat([data.rows.loc[label["value"].notna(), "closed_at"] for label in data.labels.values()])
    folds, withheld = expanding_folds(labelled), 0
    for fold in folds:
        known, before = data.known_by(fold.start), data.before(fold.start)
        if (known.rows["closed_at"] >= fold.start).any():
            _refuse(model_id, f"the training part of the fold from {fold.start:%Y-%m-%d} holds rows closed later")
        for name, label in known.labels.items():
            if (label.loc[label["value"].notna(), "known_at"] > fold.start).any():
                _refuse(model_id, f"{name} of the training part of the fold from {fold.start:%Y-%m-%d} was not known by then")
            withheld += int(before.labels[name]["value"].notna().sum() - label["value"].notna().sum())
    return _passed(f"{len(folds)} folds; {withheld} outcomes that were open when a fold began were withheld from it")


def _past(model_id: str, model: Model, source: Source, data: Dataset, cut: pd.Timestamp) -> dict[str, str]:
    if not source.ends_by_row:
        return {"verdict": "not applicable", "reason": "an earlier end takes whole windows away, and with them rows that begin before it"}
    try:
        shorter = model.prepare(replace(source, end=cut.to_pydatetime())).known_by(cut)
    except ModelError as error:
        return {"verdict": "not applicable", "reason": f"up to {cut:%Y-%m-%d} there is too little: {error}"}
    known = data.known_by(cut).part(shorter.symbols, shorter.features)
    if known.content_hash() != shorter.content_hash():
        _refuse(model_id, f"features or labels known by {cut:%Y-%m-%d} are others when the data end there")
    return _passed(f"prepared from data that end {cut:%Y-%m-%d}, its {len(shorter.rows)} rows have the same hash")


def _statements(model_id: str, data: Dataset, fitted: Fitted, cut: pd.Timestamp) -> dict[str, str]:
    before = (data.rows["closed_at"] < cut).to_numpy()
    blind = data.before(cut)
    blind = replace(blind, labels={name: label.assign(value=np.nan) for name, label in blind.labels.items()})
    whole, part = fitted.predict(data), fitted.predict(blind)
    for name, stated in whole.items():
        if not stated[before].reset_index(drop=True).equals(part[name]):
            _refuse(model_id, f"what it states of {name} up to {cut:%Y-%m-%d} depends on later rows or on labels")
    return _passed(f"{int(before.sum())} rows up to {cut:%Y-%m-%d} are stated bit for bit alike without them")


def _passed(reason: str) -> dict[str, str]:
    return {"verdict": "passed", "reason": reason}


def _refuse(model_id: str, what: str) -> None:
    raise ModelError(f"{model_id} looks ahead: {what}; look for the future in its dataset and its predict; nothing was registered")
