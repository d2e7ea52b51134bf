"""What models learn from trades: each with what was known of the market when it was decided, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from include.errors import InsufficientDataError, UnsuitableError
from include.timeframes import timeframe_length
from include.trades import TRADES, list_runs, read_trades
from ml.dataset import KEYS, Dataset, Source, too_short
from ml.trade_runs import ChosenRuns, choose_runs

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


@dataclass(frozen=True)
class TradeRows:
    """Trades to learn from, the runs that they are of with their costs, and what takes no part, with the reason."""

    rows: pd.DataFrame
    learnt_from: dict[str, Any]
    left_out: dict[str, str]


def trade_rows(source: Source, model_id: str) -> TradeRows:
    """Trades of the universe in the source's timeframe and time.

    They are of the runs at the costs in force, or of the run that the source names: see :func:`ml.trade_runs.choose_runs`. Trades whose
    outcome the deciding model had learnt take no part, nor do those before there were features. A trade that several of the runs hold is
    taken from the one that reaches furthest.

    Returns
    -------
    TradeRows
        Rows with the keys (``timestamp``: opening of the bar that decided, ``closed_at``: the decision), :data:`PARTICULARS`, the columns
        of :data:`include.trades.TRADES` and :data:`TRADE_FEATURES`, ordered by symbol, timestamp and particulars. The distances
        ``take_profit_ranges`` and ``stop_ranges`` are in average ranges of the decision, null where there is no such level.

    Raises
    ------
    UnsuitableError
        If there is no trade, or none at the costs in force.
    InsufficientDataError
        If there are too few.
    """
    trades, runs = _wanted(source)
    left_out = dict(runs.reasons)
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
        left_out["trades of several runs"] = f"{twice} are in more than one run; that of the run that reaches furthest is taken"
    rows = _with_market(source, known)
    if missing := len(known) - len(rows):
        left_out["trades without features"] = f"{missing} were decided before there were features of their symbol"
    if reason := too_short(rows["closed_at"], source.timeframe):
        raise InsufficientDataError(
            f"Insufficient data for training {model_id}: of trades, {reason}; run simulate_trades with more rules or for a longer time"
        )
    return TradeRows(rows, runs.facts(rows["run_id"]), left_out)


def trade_dataset(source: Source, model_id: str, features: list[str], outcomes: Mapping[str, Outcome]) -> Dataset:
    """Rows and labels, each by its outcome; see :func:`trade_rows`.

    An outcome is known when the trade has ended; where the bars ended first (``end_of_bars``), or the source's time does, there is none.
    """
    found = trade_rows(source, model_id)
    rows = found.rows
    still_open = rows["exit_reason"] == "end_of_bars"
    if source.end is not None:
        still_open |= rows["exited_at"] > source.end
    labels = {
        name: pd.DataFrame({"value": outcome(rows).astype(np.float64).mask(still_open), "known_at": rows["exited_at"]})
        for name, outcome in outcomes.items()
    }
    return Dataset(rows, features, labels, found.left_out, PARTICULARS, learnt_from=found.learnt_from)


def _wanted(source: Source) -> tuple[pd.DataFrame, ChosenRuns]:
    """Trades of the runs that count, those of the run that reaches furthest last."""
    parts: dict[str, pd.DataFrame] = {}
    reach: dict[str, pd.Timestamp] = {}
    for run_id in list_runs(source.lake):
        trades = read_trades(source.lake, run_id)
        chosen = (trades["timeframe"] == source.timeframe) & trades["symbol"].isin(source.universe.symbols)
        if source.start is not None:
            chosen &= trades["decided_at"] > source.start
        if source.end is not None:
            chosen &= trades["decided_at"] <= source.end
        if chosen.any():
            parts[run_id], reach[run_id] = trades[chosen], trades["exited_at"].max()
    runs = choose_runs(source.lake, source.universe.name, list(parts), source.trades_run) if parts else ChosenRuns()
    taken = [parts[run_id] for run_id in sorted(runs.run_ids, key=lambda one: (reach[one], one))]
    found: pd.DataFrame = pd.concat(taken or [TRADES.empty_table().to_pandas()], ignore_index=True)
    found["origin"] = np.where(found["simulated"].astype(bool), SIMULATED, REAL)
    return found.astype({"is_oos": bool}), runs


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
