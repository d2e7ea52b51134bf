"""What a version says of the rows of some months, each row with everything that is needed to say it again."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from include.calendars import decision_delay
from include.errors import ModelError
from include.feature_sets import read_current
from include.lake import Lake
from include.months import MONTH_FORMAT, month_start
from include.schemas import MOST_CLASSES, PREDICTIONS
from ml.card import known_until
from ml.catalog import make_model
from ml.dataset import KEYS, Dataset
from ml.promotion import Serving, serving
from ml.protocol import Predictions
from ml.registry import Registered
from ml.sources import open_source
from ml.stored_dataset import read_dataset
from ml.validation.losses import MODEL, probability_columns

#: How far beyond what training held a feature may lie, as a share of what it held: new records are no news, other worlds are.
_BEYOND = 0.1
#: Outcome of every statement of a version whose card says that nobody may act on it.
NO_TRADE = "NO_TRADE"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stated:
    """What the serving version says: ``rows`` as :data:`include.schemas.PREDICTIONS`; ``too_old``: months it is too old for."""

    serving: Serving
    rows: pd.DataFrame
    months: list[str]
    too_old: list[str]


def state(lake: Lake, model_id: str, months: Sequence[str] | None, *, most_months: int) -> Stated | None:
    """Let the champion state the rows of some months (None: of the newest month there is); None where there is no champion.

    Parameters
    ----------
    most_months
        A version states nothing of months that begin more than so many months after its training data ends.

    Raises
    ------
    ModelError
        If no champion can serve, it is too old for all of the months, or the lake's features are not those that it was trained on.
    """
    now = serving(model_id)
    if now is None:
        return None
    data = prepare(lake, now.version)
    wanted = sorted(months or [data.rows["timestamp"].max().strftime(MONTH_FORMAT)])
    last = pd.Timestamp(now.version.card["window"]["last"], tz="UTC")
    too_old = [month for month in wanted if month_start(month) > last + pd.DateOffset(months=most_months)]
    if too_old:
        sentence = (
            f"{model_id} version {now.version.version} knows nothing after {last:%Y-%m-%d}; it is too old for {', '.join(too_old)} "
            f"({most_months} months are allowed); run train_models and promote_models"
        )
        if too_old == wanted:
            raise ModelError(sentence)
        _LOG.error("%s", sentence)
    fresh = [month for month in wanted if month not in too_old]
    return Stated(now, statements(data, now.version, now.serves, fresh), fresh, too_old)


def state_again(lake: Lake, version: Registered, serves: Mapping[str, str], month: str) -> pd.DataFrame:
    """What a version says of a month, whether it serves or not; as :func:`state`."""
    return statements(prepare(lake, version), version, serves, [month])


def statements(data: Dataset, version: Registered, serves: Mapping[str, str], months: Sequence[str]) -> pd.DataFrame:
    """Say what ``serves`` names (by label; the model where a label is not named) of the rows of some months."""
    card, trained_until = version.card, known_until(version.card)
    learnt_from = read_dataset(version)
    stated = {MODEL: version.load().predict(data)}
    if baselines := {*serves.values()} - {MODEL}:
        stated |= dict.fromkeys(baselines, _baselines(version, learnt_from, data))
    inside = data.rows["timestamp"].dt.strftime(MONTH_FORMAT).isin(list(months))
    rows = data.rows[inside]
    strange = _outside(rows, learnt_from)
    about = rows[KEYS].assign(
        known_at=rows["closed_at"] + decision_delay(card["timeframe"]),
        particulars=particulars_of(data)[inside],
        timeframe=card["timeframe"],
        model_id=version.model_id,
        model_version=version.version,
        **{name: card[name] for name in ("feature_set", "data_hash", "weights_hash", "universe")},
    )
    parts = []
    for label, outcome in data.labels.items():
        line = serves.get(label, MODEL)
        said = _said(stated[line][label][inside], line, card)
        if card.get("no_trade"):
            said["outcome"] = NO_TRADE
        refused = strange.copy() if line == MODEL else pd.Series(None, index=rows.index, dtype=object)
        refused[refused.isna() & said["value"].isna()] = "there is too little history to state it"
        learnt = outcome.loc[inside, "known_at"] <= trained_until
        parts.append(about.assign(label=label, line=line, is_oos=~learnt, refused=refused).join(said.mask(refused.notna())))
    everything: pd.DataFrame = pd.concat(parts, ignore_index=True)[PREDICTIONS.names]
    return everything


def prepare(lake: Lake, version: Registered) -> Dataset:
    """Make the dataset of a version from what the lake holds now.

    Raises
    ------
    ModelError
        If the lake's features are not those that it was trained on.
    """
    card = version.card
    current = read_current(lake, card["timeframe"]).id
    if current != card["feature_set"]:
        raise ModelError(
            f"{version.model_id} version {version.version} was trained on feature set {card['feature_set']}, the lake's is {current}; "
            "run train_models and promote_models"
        )
    model_id = str(card["model_name"])
    source = open_source(lake, model_id, card["universe"], card["timeframe"], trades_run=card.get("trades_run"))
    data = make_model(model_id, card["params"]).prepare(source)
    missing = sorted({*card["features"]} - {*data.features})
    if missing:
        raise ModelError(
            f"{version.model_id} version {version.version} needs {', '.join(missing)}, which the lake has not; run train_models"
        )
    return data


def _baselines(version: Registered, learnt_from: Dataset, data: Dataset) -> Predictions:
    """Fit the baselines on what the version was fitted on, whatever the lake holds of those years by now."""
    model = make_model(str(version.card["model_name"]), version.card["params"])
    try:
        return model.baselines(learnt_from, data)
    except KeyError as error:
        raise ModelError(
            f"{version.model_id} version {version.version} was stored without {error}, which its baselines need; demote it, "
            "run train_models and promote_models"
        ) from error


def _outside(rows: pd.DataFrame, learnt_from: Dataset) -> pd.Series:
    """Why a row lies outside what training held, null where it does not."""
    values = learnt_from.rows[learnt_from.features].to_numpy(np.float64)
    values = np.where(np.isfinite(values), values, np.nan)
    reasons = pd.Series("", index=rows.index)
    for name, column in zip(learnt_from.features, values.T, strict=True):
        if np.isnan(column).all():
            continue
        low, high = np.nanmin(column), np.nanmax(column)
        margin = _BEYOND * (high - low)
        found = rows[name].astype(np.float64)
        for row in rows.index[(found < low - margin) | (found > high + margin)]:
            reasons[row] += f"; {name} is {found[row]:.4g}, training held {low:.4g} to {high:.4g}"
    return reasons.str.removeprefix("; ").where(reasons != "", None)


def particulars_of(data: Dataset) -> pd.Series:
    """What tells rows of one symbol and bar apart, as JSON; null where nothing has to."""
    rows = data.rows
    if not data.particulars:
        return pd.Series(None, index=rows.index, dtype=object)
    records = rows[data.particulars].to_dict("records")
    return pd.Series([json.dumps(record, default=lambda moment: moment.isoformat()) for record in records], index=rows.index, dtype=object)


def _said(stated: pd.DataFrame, line: str, card: Mapping[str, Any]) -> pd.DataFrame:
    """Columns ``value``, ``lower``, ``upper``, ``outcome`` and ``p0`` to ``p4`` of one line."""
    chances = probability_columns(stated, line)
    if len(chances) > MOST_CLASSES:
        raise ModelError(f"{card['model_name']} states {len(chances)} probabilities; predictions have room for {MOST_CLASSES}")
    said = pd.DataFrame({"value": stated[line].astype(np.float64)})
    for name in ("lower", "upper"):
        said[name] = stated[name].astype(np.float64) if line == MODEL and name in stated else np.nan
    for code in range(MOST_CLASSES):
        said[f"p{code}"] = stated[chances[code]].astype(np.float64) if code < len(chances) else np.nan
    names = card["params"].get("classes")
    known = stated[chances].notna().all(axis=1) if chances else pd.Series(False, index=stated.index)
    likeliest = stated.loc[known, chances].to_numpy().argmax(axis=1) if known.any() and names else []
    said["outcome"] = pd.Series([names[code] for code in likeliest], index=stated.index[known] if names else [], dtype=object)
    return said
