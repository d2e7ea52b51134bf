"""What was known of each symbol at the end of each window of the backtests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from include.feature_sets import read_current
from include.months import MONTH_FORMAT
from include.results.engine import writing
from include.results.monthly import take_month, upsert
from include.results.tables import ML_FEATURES
from ml.dataset import Source
from ml.panel import has_a_price
from ml.simulation.windows import window_edges
from ml.snapshots import numbers


def store_market_features(source: Source, engine: Engine) -> int:
    """Bring ``ml_features`` up to date; the number of rows.

    Of each symbol that has a price, one row a window: its newest bar that closed within it. Features that scale with the price are left
    out: they change when a share splits.

    Raises
    ------
    LakeError
        If no features were built yet.
    ResultsError
        If the database cannot be written.
    """
    current = read_current(source.lake, source.timeframe)
    names = [feature.name for feature in current.features if feature.unit != "price"]
    symbols = [instrument.symbol for instrument in source.universe.instruments if has_a_price(instrument)]
    rows = source.features(symbols, names)
    if rows.empty:
        return 0
    edges = window_edges(rows["timestamp"].min(), rows["timestamp"].max(), source.timeframe)
    window = edges.searchsorted(pd.DatetimeIndex(rows["timestamp"]), side="right")
    last = rows[window < len(edges)].groupby(["symbol", pd.Series(window, index=rows.index)]).tail(1)
    for month, part in last.groupby(last["closed_at"].dt.strftime(MONTH_FORMAT)):
        with writing(engine) as connection:
            take_month(connection, ML_FEATURES, str(month))
            upsert(connection, ML_FEATURES, _records(part, names, source.timeframe, current.id))
    return len(last)


def _records(rows: pd.DataFrame, names: list[str], timeframe: str, feature_set: str) -> Iterator[dict[str, Any]]:
    values = numbers(rows[names].to_numpy(np.float32), names)
    for symbol, closed_at, features in zip(rows["symbol"], rows["closed_at"], values, strict=True):
        about = {"symbol": symbol, "timeframe": timeframe, "known_at": closed_at.to_pydatetime(), "feature_set": feature_set}
        yield about | {"features": features}
