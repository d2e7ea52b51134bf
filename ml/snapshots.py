"""Snapshots: each bar of an intraday universe with its features and its market regime, in the table ``features_snapshots``."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import Engine

from include.feature_sets import FeatureSet, read_current, read_features
from include.lake import Lake
from include.months import MONTH_FORMAT, month_end, month_start
from include.publish import dataset_content, list_months
from include.results.monthly import replace_month, stored_content
from include.results.tables import FEATURES_SNAPSHOTS
from ml.labels import regime3 as label

_CHUNK = 2_000
_KEYS = ("symbol", "timestamp", "closed_at", "label")


@dataclass(frozen=True)
class Snapshots:
    """Months that were stored, and their rows."""

    months: tuple[str, ...]
    rows: int


def store_snapshots(lake: Lake, engine: Engine, timeframe: str) -> Snapshots:
    """Bring the table up to date with the current features of a timeframe, month by month; a month that it holds is left alone.

    The label of a bar is known at its close.

    Raises
    ------
    LakeError
        If no features were built yet.
    ResultsError
        If the database cannot be written.
    """
    current = read_current(lake, timeframe)
    dataset = lake.features(timeframe, current.id)
    months = list_months(lake, dataset)
    features, labels = dataset_content(lake, dataset, months), _labels(lake, timeframe)
    by_month = dict(list(labels.groupby(labels["timestamp"].dt.strftime(MONTH_FORMAT))))
    stored, rows = [], 0
    for month in months:
        own = by_month.get(month, labels.iloc[:0])
        # A label looks back over months that may have changed.
        content = hashlib.sha256(f"{current.id} {features[month]} {','.join(own['label'].fillna(''))}".encode()).hexdigest()
        if stored_content(engine, lake.features(timeframe, "snapshots"), month) != content:
            rows += replace_month(
                engine, FEATURES_SNAPSHOTS, month, _records(lake, timeframe, current, month, own),
                scope={"timeframe": timeframe}, dataset=lake.features(timeframe, "snapshots"), content=content,
            )  # fmt: skip
            stored.append(month)
    return Snapshots(tuple(stored), rows)


def numbers(values: np.ndarray, names: Sequence[str]) -> list[dict[str, float]]:
    """Name to number for each row of single-precision values, each as the shortest decimal that means it; without those that are null."""
    exact = pa.array(values.ravel()).cast(pa.string()).cast(pa.float64()).to_numpy(zero_copy_only=False).reshape(values.shape)
    return [{name: value for name, value in zip(names, row, strict=True) if math.isfinite(value)} for row in exact.tolist()]


def _labels(lake: Lake, timeframe: str) -> pd.DataFrame:
    rows = read_features(lake, timeframe, names=label.INPUTS)
    names = np.array([*label.REGIMES, None], dtype=object)
    codes = label.regime3(rows).fillna(len(label.REGIMES)).astype(int)
    return rows[["symbol", "timestamp"]].assign(label=names[codes])


def _records(lake: Lake, timeframe: str, current: FeatureSet, month: str, labels: pd.DataFrame) -> Iterator[dict[str, Any]]:
    rows = read_features(lake, timeframe, month_start(month), month_end(month))
    rows = rows.merge(labels, on=["symbol", "timestamp"], how="left", validate="one_to_one")
    for first in range(0, len(rows), _CHUNK):
        part = rows.iloc[first : first + _CHUNK]
        values = numbers(part[current.names].to_numpy(np.float32), current.names)
        for symbol, timestamp, closed_at, regime, features in zip(*(part[name] for name in _KEYS), values, strict=True):
            known = isinstance(regime, str)
            yield {
                "symbol": symbol,
                "timeframe": timeframe,
                "timestamp": timestamp.to_pydatetime(),
                "closed_at": closed_at.to_pydatetime(),
                "feature_set": current.id,
                "features": features,
                "label": regime if known else None,
                "label_known_at": closed_at.to_pydatetime() if known else None,
            }
