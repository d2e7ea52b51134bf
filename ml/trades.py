"""What models learn from trades: each with what was known of the market when it was decided, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta

import numpy as np
import pandas as pd

from include.errors import InsufficientDataError, UnsuitableError
from include.timeframes import timeframe_length
from include.trades import TRADES, list_runs, read_trades
from ml.dataset import KEYS, Dataset, Source, too_short

SIMULATED, REAL = "simulated", "real"
#: What tells trades of one symbol and bar apart; known when they are entered.
PARTICULARS = ["strategy", "side", "entered_at", "origin"]
_KEY = ["symbol", *PARTICULARS]
_MARKET = (
    "return_1",
    "return_5",
    "return_20",
    "rsi_14",
    "close_to_sma_50",
    "adx_14",
    "natr_14",
    "volatility_20",
    "volatility_60",
    "bollinger_width_20",
    "volume_ratio_20",
)
_RANGE = "atr_14"
#: Known at the decision: the market, the same as the trade's side sees it, the trade's own terms, and the hour (UTC).
MARKET_FEATURES = [*_MARKET, "hour"]
TERMS = ["side", "with_return_1", "with_return_5", "with_return_20", "take_profit_ranges", "stop_ranges", "hold"]
TRADE_FEATURES = [*MARKET_FEATURES, *TERMS]
#: Bars by which the features that a trade was decided on may be older than the decision; a weekend lies between daily bars.
_STALE_BARS, _STALE_DAYS = 1, 5

#: From rows to a number each, null where it is not known.
Outcome = Callable[[pd.DataFrame], pd.Series]


def trade_rows(source: Source, model_id: str) -> tuple[pd.DataFrame, dict[str, str]]:
    """Trades of the universe in the source's timeframe and time, and what takes no part, with the reason.

    Trades whose outcome the deciding model had learnt take no part, nor do those before there were features. A trade that
    several runs hold (at other costs) is taken from the last run by name.

    Returns
    -------
    pandas.DataFrame
        The keys (``timestamp``: opening of the bar that decided, ``closed_at``: the decision), :data:`PARTICULARS`, the columns of
        :data:`include.trades.TRADES` and :data:`TRADE_FEATURES`, ordered by symbol, timestamp and particulars. The distances
        ``take_profit_ranges`` and ``stop_ranges`` are in average ranges of the decision, null where there is no such level.

    Raises
    ------
    UnsuitableError
        If there is no trade.
    InsufficientDataError
        If there are too few.
    """
    trades, left_out = _wanted(source), {}
    if trades.empty:
        raise UnsuitableError(
            f"No trades found for {model_id}: {source.lake.url}/trades holds no {source.timeframe} trade of "
            f"{', '.join(source.universe.symbols)}{_time(source)}; run the DAG simulate_trades (or import_fills) for universe "
            f"{source.universe.name!r} and timeframe {source.timeframe!r}"
        )
    if (learnt := ~trades["is_oos"]).any():
        left_out["in-sample trades"] = f"{learnt.sum()} were decided by a model that had learnt how they end"
    known = trades[~learnt].drop_duplicates(_KEY, keep="last")
    if twice := int((~learnt).sum()) - len(known):
        left_out["trades of several runs"] = f"{twice} are in more than one run; that of the last by name is taken"
    rows = _with_market(source, known)
    if missing := len(known) - len(rows):
        left_out["trades without features"] = f"{missing} were decided before there were features of their symbol"
    if reason := too_short(rows["closed_at"], source.timeframe):
        raise InsufficientDataError(
            f"Insufficient data for training {model_id}: of trades, {reason}; run simulate_trades with more rules or for a longer time"
        )
    return rows, left_out


def trade_dataset(source: Source, model_id: str, features: list[str], outcomes: Mapping[str, Outcome]) -> Dataset:
    """Rows and labels, each by its outcome; see :func:`trade_rows`.

    An outcome is known when the trade has ended; where the bars ended first (``end_of_bars``), or the source's time does, there is none.
    """
    rows, left_out = trade_rows(source, model_id)
    still_open = rows["exit_reason"] == "end_of_bars"
    if source.end is not None:
        still_open |= rows["exited_at"] > source.end
    labels = {
        name: pd.DataFrame({"value": outcome(rows).astype(np.float64).mask(still_open), "known_at": rows["exited_at"]})
        for name, outcome in outcomes.items()
    }
    return Dataset(rows, features, labels, left_out, PARTICULARS)


def _wanted(source: Source) -> pd.DataFrame:
    parts = [TRADES.empty_table().to_pandas()]
    for run_id in list_runs(source.lake):
        trades = read_trades(source.lake, run_id)
        chosen = (trades["timeframe"] == source.timeframe) & trades["symbol"].isin(source.universe.symbols)
        if source.start is not None:
            chosen &= trades["decided_at"] > source.start
        if source.end is not None:
            chosen &= trades["decided_at"] <= source.end
        parts.append(trades[chosen])
    found: pd.DataFrame = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    found["origin"] = np.where(found["simulated"].astype(bool), SIMULATED, REAL)
    return found.astype({"is_oos": bool})


def _with_market(source: Source, trades: pd.DataFrame) -> pd.DataFrame:
    """Join the features of the newest bar that was closed when each trade was decided."""
    length = timeframe_length(source.timeframe)
    tolerance = timedelta(days=_STALE_DAYS) if length >= timedelta(days=1) else _STALE_BARS * length
    market = source.features(sorted(trades["symbol"].unique()), [*_MARKET, _RANGE]).sort_values("closed_at")
    market = market.rename(columns={"closed_at": "features_at"})
    joined = pd.merge_asof(
        trades.sort_values("decided_at", kind="stable"), market, left_on="decided_at", right_on="features_at", by="symbol",
        tolerance=pd.Timedelta(tolerance),
    )  # fmt: skip
    rows = joined[joined["timestamp"].notna()].rename(columns={"decided_at": "closed_at"})
    rows = rows.astype({"closed_at": market["features_at"].dtype, "side": np.int64}).assign(**_terms(rows))
    ordered: pd.DataFrame = rows.sort_values([*KEYS, *PARTICULARS], kind="stable", ignore_index=True)
    return ordered


def _terms(rows: pd.DataFrame) -> dict[str, pd.Series]:
    side, entry, width = (rows[name].astype(np.float64) for name in ("side", "entry_price", _RANGE))
    terms = {f"with_{name}": side * rows[name] for name in ("return_1", "return_5", "return_20")}
    # In ranges of the decision, from the entry: what was asked for. As shares of the entry's price they would tell of the gap before it.
    terms |= {f"{name}_ranges": (rows[name].astype(np.float64) - entry).abs() / width for name in ("take_profit", "stop")}
    parameters = {text: json.loads(text).get("hold", np.nan) for text in rows["parameters"].unique()}
    terms |= {"hold": rows["parameters"].map(parameters).astype(np.float64), "hour": rows["closed_at"].dt.hour}
    return {name: values.astype(np.float32) for name, values in terms.items()}


def _time(source: Source) -> str:
    if source.start is None and source.end is None:
        return ""
    first, last = (f"{moment:%Y-%m-%d}" if moment else "any time" for moment in (source.start, source.end))
    return f" decided from {first} to {last}"
