"""A lake with the real bars that ship inside the package arch, and features computed from them with pandas."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from include.calendars import closed_at
from include.feature_sets import FeatureFacts, FeatureSet, write_current
from include.lake import Lake
from include.publish import publish_month
from include.schemas import BARS, conform
from include.settings import settings
from ml import registry
from ml.catalog import CATALOG
from ml.registry import Registered
from tests.shared_data import shared_data

#: Models that need no more than such a lake.
FROM_FEATURES = [model_id for model_id, entry in CATALOG.items() if entry.learns_from == "features"]
SYMBOLS = ("^GSPC", "^IXIC", "^VIX")
FEATURES = (
    "return_1",
    "return_5",
    "return_20",
    "return_60",
    "close_to_sma_50",
    "sma_50_to_200",
    "rsi_14",
    "volatility_20",
    "volatility_60",
    "ewma_volatility_20",
    "range_volatility_20",
    "volume_ratio_20",
    "natr_14",
    "atr_14",
    "ema_26",
    "bollinger_width_20",
    "adx_14",
    "breadth_above_sma_50",
)
FEATURE_SET = FeatureSet(
    "test-set", tuple(FeatureFacts(name, "trend", "fraction", 200, 200, False, ("close",), "test", "test") for name in FEATURES)
)


def real_bars(symbol: str, start: str, end: str) -> pd.DataFrame:
    """Bars of one symbol with ``start <= timestamp < end``; ^VIX has closes from 2014 on only."""
    import arch.data.nasdaq
    import arch.data.sp500
    import arch.data.vix

    loaders: dict[str, Callable[[], pd.DataFrame]] = {
        "^GSPC": arch.data.sp500.load,
        "^IXIC": arch.data.nasdaq.load,
        "^VIX": arch.data.vix.load,
    }
    table = loaders[symbol]().rename(columns=lambda name: name.lower().replace("adj close", "adjusted_close").replace("vix", "close"))
    return _bars(symbol, table[table["close"].notna()], start, end)


def shared_bars(symbol: str, start: str, end: str) -> pd.DataFrame:
    """The same from the shared data: adjusted for splits; skips where they are absent."""
    table = pd.read_csv(shared_data("daily", f"{symbol}.csv"), parse_dates=["date"]).set_index("date")
    bars = _bars(symbol, table.rename(columns={"adj_close": "adjusted_close"}), start, end)
    return bars if symbol.startswith("^") else bars.assign(adjustment="split")


def shared_pair(symbol: str, file: str) -> pd.DataFrame:
    """Bars of five minutes of a pair, from the shared data; skips where they are absent."""
    table = pd.read_csv(shared_data("crypto", file))
    stamps = pd.to_datetime(table.pop("timestamp"), unit="ms", utc=True).astype("datetime64[us, UTC]")
    bars = table.assign(symbol=symbol, timestamp=stamps, closed_at=stamps + pd.Timedelta(minutes=5), adjusted_close=np.nan)
    return bars.assign(source="csv", adjustment="none", as_of=pd.Timestamp("2024-09-06", tz="UTC"), flags=None)


def _bars(symbol: str, table: pd.DataFrame, start: str, end: str) -> pd.DataFrame:
    table = table.loc[start:end]
    table = table[table.index < end]
    stamps = pd.DatetimeIndex(table.index).tz_localize("UTC").as_unit("us")
    bars = pd.DataFrame(
        {"symbol": symbol, "timestamp": stamps, "closed_at": closed_at("XCBF" if symbol == "^VIX" else "XNYS", "1d", stamps)}
    )
    for name in ("open", "high", "low", "close", "volume", "adjusted_close"):
        bars[name] = table[name].to_numpy(np.float64) if name in table else np.nan
    return bars.assign(source="sample", adjustment="none", as_of=pd.Timestamp("2024-01-01", tz="UTC"), flags=None)


def compute_features(bars: pd.DataFrame) -> pd.DataFrame:
    """The features that the models read, by pandas (the Spark job has tests of its own)."""
    close, volume = bars["close"], bars["volume"]
    logs, change = np.log(close).diff(), close.diff()
    up = change.clip(lower=0).ewm(alpha=1 / 14, adjust=False).mean()
    down = (-change.clip(upper=0)).ewm(alpha=1 / 14, adjust=False).mean()
    mean_50, mean_200 = close.rolling(50).mean(), close.rolling(200).mean()
    values = {
        **{f"return_{n}": close / close.shift(n) - 1 for n in (1, 5, 20, 60)},
        "close_to_sma_50": close / mean_50 - 1,
        "sma_50_to_200": mean_50 / mean_200 - 1,
        "rsi_14": 100 * up / (up + down),
        "volatility_20": logs.rolling(20).std(),
        "volatility_60": logs.rolling(60).std(),
        "ewma_volatility_20": np.sqrt(_weighted(logs**2)),
        "range_volatility_20": np.sqrt(_range_variance(bars).rolling(20).mean()),
        "volume_ratio_20": volume / volume.rolling(20).mean(),
        "natr_14": 100 * _wilder(_true_range(bars)) / close,
        "atr_14": _wilder(_true_range(bars)),
        "ema_26": close.ewm(span=26, adjust=False, min_periods=26).mean(),
        "bollinger_width_20": 4 * close.rolling(20).std(ddof=0) / close.rolling(20).mean(),
        "adx_14": _directional_index(bars),
        "breadth_above_sma_50": np.nan,  # of fewer than three stocks
    }
    return pd.concat([bars[["symbol", "timestamp", "closed_at"]], pd.DataFrame(values, index=bars.index).astype(np.float32)], axis=1)


def _weighted(squares: pd.Series) -> pd.Series:
    start = squares.rolling(20).mean().where(squares.notna().cumsum() == 20)
    return start.fillna(squares.where(squares.notna().cumsum() > 20)).ewm(alpha=0.06, adjust=False).mean()


def _range_variance(bars: pd.DataFrame) -> pd.Series:
    jump, span = np.log(bars["open"] / bars["close"].shift()), np.log(bars["high"] / bars["low"])
    return jump**2 + 0.5 * span**2 - (2 * np.log(2) - 1) * np.log(bars["close"] / bars["open"]) ** 2


def _wilder(values: pd.Series) -> pd.Series:
    return values.ewm(alpha=1 / 14, adjust=False, min_periods=14).mean()


def _true_range(bars: pd.DataFrame) -> pd.Series:
    before = bars["close"].shift()
    return pd.concat([bars["high"] - bars["low"], (bars["high"] - before).abs(), (bars["low"] - before).abs()], axis=1).max(axis=1)


def _directional_index(bars: pd.DataFrame) -> pd.Series:
    up, down = bars["high"].diff(), -bars["low"].diff()
    span = _wilder(_true_range(bars))
    plus = _wilder(up.where((up > down) & (up > 0), 0.0)) / span
    minus = _wilder(down.where((down > up) & (down > 0), 0.0)) / span
    return 100 * _wilder((plus - minus).abs() / (plus + minus))


def write_lake(
    lake: Lake,
    bars: list[pd.DataFrame],
    change: Callable[[pd.DataFrame], pd.DataFrame] = lambda features: features,
    *,
    timeframe: str = "1d",
) -> Lake:
    """Publish bars and features (changed by ``change`` where a test wants them wrong) month by month."""
    everything = pd.concat(bars, ignore_index=True)
    features = pd.concat([change(compute_features(part)) for part in bars], ignore_index=True)
    for month, rows in everything.groupby(everything["timestamp"].dt.strftime("%Y-%m")):
        table = conform(pa.Table.from_pandas(rows[BARS.names], preserve_index=False), BARS, "test bars")
        publish_month(lake, lake.bars(timeframe), str(month), lambda _, table=table: table)
    for month, rows in features.groupby(features["timestamp"].dt.strftime("%Y-%m")):
        table = pa.Table.from_pandas(rows, schema=FEATURE_SET.schema, preserve_index=False)
        publish_month(lake, lake.features(timeframe, FEATURE_SET.id), str(month), lambda _, table=table: table)
    write_current(lake, timeframe, FEATURE_SET)
    return lake


def challenger(model_id: str) -> Registered | None:
    """The newest complete version, which nobody has promoted yet; None where there is none."""
    version = registry.holder(model_id, registry.CHALLENGER)
    return registry.get(model_id, version) if version else None


@contextmanager
def registry_at(folder: Path) -> Iterator[str]:
    """Let the settings name an MLflow database in ``folder``; yields its URI."""
    uri, before = f"sqlite:///{folder / 'mlflow.db'}", os.environ.get("MLFLOW_TRACKING_URI")
    os.environ["MLFLOW_TRACKING_URI"] = uri
    settings.cache_clear()
    try:
        yield uri
    finally:
        os.environ.pop("MLFLOW_TRACKING_URI") if before is None else os.environ.update(MLFLOW_TRACKING_URI=before)
        settings.cache_clear()
