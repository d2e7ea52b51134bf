"""The trades that a strategy model chose, among random twins of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from include.errors import ModelError
from include.trades import read_trades
from ml.backtests import BacktestSource
from ml.simulation.bars import read_bars
from ml.validation.random_twins import Market, Twins, twin_returns

#: Of what the trades and their twins earned.
UNIT = "fraction of the equity a window"


def chosen_trades(source: BacktestSource, forward: pd.DataFrame) -> pd.DataFrame:
    """Trades of the windows in which the model staked something; their size is a fraction of all equity.

    The equity is split evenly over the rows of a decision date, and the stake is the part of its share that a row risks.

    Parameters
    ----------
    forward
        Walk-forward rows: ``strategy``, ``symbol``, ``timestamp`` (when the window begins) and ``model`` (the stake).
    """
    share = forward["model"] / forward.groupby("timestamp")["model"].transform("size")
    staked = forward.loc[forward["model"] > 0, ["strategy", "symbol", "timestamp"]].assign(share=share)
    columns = ["run_id", "strategy", "symbol", "window_start", "window_end"]
    windows = source.newest_last[columns].drop_duplicates(["strategy", "symbol", "window_start"], keep="last")
    windows = staked.merge(windows, left_on=["strategy", "symbol", "timestamp"], right_on=["strategy", "symbol", "window_start"])
    parts = []
    for run_id, chosen in windows.groupby("run_id"):
        trades = read_trades(source.lake, str(run_id)).sort_values("entered_at")
        both = pd.merge_asof(
            trades,
            chosen[["strategy", "symbol", "window_start", "window_end", "share"]].sort_values("window_start"),
            left_on="entered_at",
            right_on="window_start",
            by=["strategy", "symbol"],
        )
        inside = both[both["entered_at"] < both["window_end"]]
        parts.append(inside.assign(size=inside["size"] * inside["share"]))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"symbol": [], "size": []})


def chosen_twins(source: BacktestSource, forward: pd.DataFrame, *, seed: int) -> dict[str, Any]:
    """Part of the card: what the chosen trades earned a window, as a fraction of the equity, among twins of them, or why there are none.

    Twins may trade on the bars from the first window of the walk-forward to the last exit.
    """
    trades = chosen_trades(source, forward)
    if trades.empty:
        return {"not_evaluated": "it staked on no window that had trades"}
    begin, end = forward["timestamp"].min(), trades["exited_at"].max()
    markets = {}
    for symbol in sorted(trades["symbol"].unique()):
        bars = read_bars(source, symbol)
        free = np.asarray((bars.timestamp >= begin) & (bars.timestamp <= end))
        markets[symbol] = Market(bars.timestamp[free], bars.open[free], np.zeros(free.sum(), dtype=np.int64))
    windows = forward["timestamp"].nunique()
    try:
        others = twin_returns(trades, markets, 1, seed=seed)[:, 0] / windows
    except ModelError as error:
        return {"not_evaluated": str(error)}
    found = Twins(float((trades["size"] * trades["net_return"]).sum()) / windows, others, len(trades))
    return {
        "unit": UNIT, "own": found.own, "twins": found.twins.tolist(), "p_value": found.p_value, "trades": found.trades,
        "has_edge": found.has_edge,
    }  # fmt: skip
