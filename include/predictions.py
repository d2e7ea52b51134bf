"""Predictions in the lake: published by month, and the newest of each model as a table of signals."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

from include.lake import Lake
from include.publish import Published, list_months, publish_month, read_month
from include.schemas import PREDICTIONS, conform

_FOLDER = "predictions"
_KEY = ["symbol", "timestamp", "label", "particulars"]


def publish_predictions(lake: Lake, model_id: str, month: str, rows: pd.DataFrame) -> Published:
    """Publish a month of one model's predictions; equal rows give equal bytes.

    What was once stated out of sample stays as it was said, unless it is stated out of sample again: a version that has learnt
    the outcome since does not get to say it better.

    Parameters
    ----------
    rows
        Columns of :data:`include.schemas.PREDICTIONS`, all of that month.

    Raises
    ------
    LakeError
        If the rows do not fit the schema.
    """
    what = f"predictions of {model_id}, {month}"
    conform(pa.Table.from_pandas(rows, preserve_index=False), PREDICTIONS, what)

    def merge(before: pa.Table | None) -> pa.Table:
        merged = rows if before is None else _merged(before.to_pandas(), rows)
        ordered = merged.sort_values(_KEY, kind="stable", ignore_index=True)
        return conform(pa.Table.from_pandas(ordered, preserve_index=False, schema=PREDICTIONS), PREDICTIONS, what)

    return publish_month(lake, lake.predictions(model_id), month, merge)


def read_predictions(lake: Lake, model_id: str, months: Sequence[str] | None = None) -> pd.DataFrame:
    """Published predictions of one model, of some months or all, ordered by symbol, timestamp and label; refused rows too."""
    dataset = lake.predictions(model_id)
    tables = [read_month(lake, dataset, month) for month in (list_months(lake, dataset) if months is None else months)]
    frame = pa.concat_tables([PREDICTIONS.empty_table(), *(table for table in tables if table is not None)]).to_pandas()
    ordered: pd.DataFrame = frame.sort_values(_KEY, kind="stable", ignore_index=True)
    return ordered


def latest_signals(lake: Lake) -> pd.DataFrame:
    """What each model says newest of each symbol and label, one row a statement, ordered by model, symbol and label.

    Refused rows are among them, with their reason: a signal that is missing must not look like one of last week.
    """
    parts = [_newest(lake, folder.removeprefix("model=")) for folder in lake.folders(_FOLDER)]
    signals = pd.concat([PREDICTIONS.empty_table().to_pandas(), *(part for part in parts if len(part))], ignore_index=True)
    ordered: pd.DataFrame = signals.sort_values(["model_id", *_KEY], kind="stable", ignore_index=True)
    return ordered


def _newest(lake: Lake, model_id: str) -> pd.DataFrame:
    rows = read_predictions(lake, model_id, list_months(lake, lake.predictions(model_id))[-1:])
    newest = rows.groupby(["symbol", "label"])["timestamp"].transform("max")
    signals: pd.DataFrame = rows[rows["timestamp"] == newest]
    return signals


def _merged(before: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    stands, stood = (frame["is_oos"] & frame["refused"].isna() for frame in (rows, before))
    kept = before[stood & ~_keys(before).isin(_keys(rows)[stands])]
    return pd.concat([kept, rows[~_keys(rows).isin(_keys(kept))]], ignore_index=True)


def _keys(frame: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(frame[_KEY].fillna({"particulars": ""}))
