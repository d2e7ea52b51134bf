"""What a version was fitted on, as stored beside it: an ``.npz`` without pickled objects."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd

from ml.card import known_until
from ml.dataset import Dataset
from ml.registry import DATASET, Registered


def dataset_bytes(data: Dataset) -> bytes:
    """Write a dataset.

    ``X`` (rows, features) with ``feature_names``; ``y`` (rows, labels) with ``label_names``, NaN where there is no
    label; ``symbol``; ``timestamp`` as datetime64 in UTC; ``further`` (rows, names) with ``further_names``: the columns of numbers that
    are no features (of trades also what came of them), and the features that single precision would round.
    """
    numbers = data.rows.select_dtypes("number")
    further = [str(name) for name, kind in numbers.dtypes.items() if name not in data.features or kind != np.float32]
    stream = io.BytesIO()
    np.savez_compressed(
        stream,
        X=data.rows[data.features].to_numpy(np.float32),
        feature_names=np.array(data.features, dtype=np.str_),
        y=pd.concat([label["value"] for label in data.labels.values()], axis=1).to_numpy(np.float64),
        label_names=np.array(list(data.labels), dtype=np.str_),
        symbol=data.rows["symbol"].to_numpy(dtype=np.str_),
        timestamp=data.rows["timestamp"].dt.tz_localize(None).to_numpy("datetime64[us]"),
        further=numbers[further].to_numpy(np.float64, na_value=np.nan),
        further_names=np.array(further, dtype=np.str_),
    )
    return stream.getvalue()


def read_dataset(version: Registered) -> Dataset:
    """Read back the numbers, symbols and times of what a version was fitted on; labels were known when its training data ended.

    Versions of before ``further`` was stored come back without it.

    Raises
    ------
    ModelError
        If the file is missing or not what was stored.
    """
    with np.load(io.BytesIO(version.read(DATASET)), allow_pickle=False) as stored:
        features, labels = stored["feature_names"].tolist(), stored["label_names"].tolist()
        keys = {"symbol": stored["symbol"].astype(object), "timestamp": pd.DatetimeIndex(stored["timestamp"]).tz_localize("UTC")}
        columns = dict(zip(features, stored["X"].T, strict=True))
        if "further" in stored:
            columns |= dict(zip(stored["further_names"].tolist(), stored["further"].T, strict=True))
        values = dict(zip(labels, stored["y"].T, strict=True))
    known_at = known_until(version.card)
    frames = {name: pd.DataFrame({"value": value, "known_at": known_at}) for name, value in values.items()}
    return Dataset(pd.DataFrame({**keys, **columns}), features, frames)
