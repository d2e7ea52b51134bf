"""Trades on made-up decisions: every third bar a side by the toss of a coin, inside a bracket, on real bars of a test's lake."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from include.costs import Costs, costs_of
from include.lake import Lake
from include.trade_runs import TradeRun, note_run
from include.trades import publish_trades, trade_ids
from tests.model_lake import compute_features

BRACKETS = ((2.0, 1.0), (1.0, 1.0))
_HOLD, _EVERY = 10, 3
_FEE, _SPREAD = 1e-4, 5e-5


def made_trades(bars: pd.DataFrame, *, run_id: str = "coin-test", seed: int = 1) -> pd.DataFrame:
    """Trades of one symbol; a decision is filled at the next open, a bar that holds both levels counts as the stop."""
    span = compute_features(bars)["atr_14"].to_numpy(np.float64)
    chance, rows = np.random.default_rng(seed), []
    for take, stop in BRACKETS:
        parameters = json.dumps({"take_profit": take, "stop": stop, "hold": _HOLD}, sort_keys=True)
        for decided in range(20, len(bars) - 1, _EVERY):
            side = int(chance.choice([-1, 1]))
            rows.append({"strategy": f"coin-{take:g}-{stop:g}", "parameters": parameters, **_trade(bars, decided, side, take * span[decided], stop * span[decided])})  # fmt: skip
    trades = pd.DataFrame(rows).assign(run_id=run_id, symbol=bars["symbol"].iloc[0], timeframe="1d", is_oos=True, simulated=True)
    return trades.assign(trade_id=trade_ids(trades))


def write_trades(lake: Lake, trades: pd.DataFrame, costs: Costs | None = None, *, in_sample: bool = False) -> None:
    """Publish the trades of one run, at the costs of the sample universe or others; of real fills nothing is noted."""
    if trades["simulated"].all():
        note_run(lake, str(trades["run_id"].iloc[0]), TradeRun(costs or costs_of("sample"), in_sample))
    for month, part in trades.groupby(trades["entered_at"].dt.strftime("%Y-%m")):
        publish_trades(lake, str(trades["run_id"].iloc[0]), str(month), part)


def _trade(bars: pd.DataFrame, decided: int, side: int, take: float, stop: float) -> dict[str, object]:
    entry = bars["open"].iloc[decided + 1]
    target, limit = entry + side * take, entry - side * stop
    worst, best, last = 0.0, 0.0, min(decided + _HOLD, len(bars) - 1)
    price, reason, exited = bars["close"].iloc[last], "time_out" if last == decided + _HOLD else "end_of_bars", last
    for place in range(decided + 1, last + 1):
        against, along = ("low", "high") if side > 0 else ("high", "low")
        worst = max(worst, side * (entry - bars[against].iloc[place]))
        best = max(best, side * (bars[along].iloc[place] - entry))
        if worst >= stop or best >= take:
            price, reason, exited = (limit, "stop", place) if worst >= stop else (target, "take_profit", place)
            break
    gross, slippage = side * (price / entry - 1), 0.02 * stop / entry
    return {
        "side": side, "decided_at": bars["closed_at"].iloc[decided], "entered_at": bars["timestamp"].iloc[decided + 1],
        "entry_price": entry, "exited_at": bars["closed_at"].iloc[exited], "exit_price": price, "exit_reason": reason,
        "take_profit": target, "stop": limit, "size": 0.1, "gross_return": gross, "fees": 2 * _FEE, "spread_cost": 2 * _SPREAD,
        "slippage": slippage, "net_return": gross - 2 * (_FEE + _SPREAD) - slippage,
        "adverse_excursion": min(worst, stop) / entry, "favourable_excursion": min(best, take) / entry,
        "bars_held": exited - decided, "ambiguous": worst >= stop and best >= take,
    }  # fmt: skip
