"""Trades in the lake: one dataset a run of the simulation (or of real fills), by month of entry."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

from include.lake import Lake
from include.publish import Published, list_months, publish_month, read_month
from include.schemas import TIMESTAMP, conform

_FOLDER = "trades"
_KEY = ["strategy", "symbol", "entered_at", "trade_id"]

#: One row a trade, from its entry to its exit.
#:
#: ``strategy`` is the id of a rule or model with that of a parameter set, ``parameters`` the set as canonical JSON. ``side`` is 1 (long)
#: or -1 (short). ``decided_at`` is the close of the bar that decided; ``entered_at`` the opening of the bar at whose open it was filled;
#: ``exited_at`` the close of the bar in which it ended, when its outcome was known. Prices are those of today's share.
#: ``size`` is the notional at entry as a fraction of the equity at entry. Returns and costs are fractions of that notional:
#: ``net_return = gross_return - fees - spread_cost - slippage``. The excursions are how far the price went against and for the trade,
#: as fractions of the entry price, never negative. ``ambiguous``: one bar held both exits, and the loss was counted.
#: ``is_oos``: nobody had learnt from the outcome when it was decided. ``simulated`` is false for real fills, whose exits have
#: the reason ``fill`` and which may lack the columns that can be null.
TRADES = pa.schema(
    [
        pa.field("run_id", pa.string(), nullable=False),
        pa.field("trade_id", pa.string(), nullable=False),
        pa.field("strategy", pa.string(), nullable=False),
        pa.field("parameters", pa.string(), nullable=False),
        pa.field("symbol", pa.string(), nullable=False),
        pa.field("timeframe", pa.string(), nullable=False),
        pa.field("side", pa.int8(), nullable=False),
        pa.field("decided_at", TIMESTAMP, nullable=False),
        pa.field("entered_at", TIMESTAMP, nullable=False),
        pa.field("entry_price", pa.float64(), nullable=False),
        pa.field("exited_at", TIMESTAMP, nullable=False),
        pa.field("exit_price", pa.float64(), nullable=False),
        pa.field("exit_reason", pa.string(), nullable=False),
        pa.field("take_profit", pa.float64()),
        pa.field("stop", pa.float64()),
        pa.field("size", pa.float64(), nullable=False),
        pa.field("gross_return", pa.float64(), nullable=False),
        pa.field("fees", pa.float64(), nullable=False),
        pa.field("spread_cost", pa.float64(), nullable=False),
        pa.field("slippage", pa.float64(), nullable=False),
        pa.field("net_return", pa.float64(), nullable=False),
        pa.field("adverse_excursion", pa.float64()),
        pa.field("favourable_excursion", pa.float64()),
        pa.field("bars_held", pa.int64()),
        pa.field("ambiguous", pa.bool_(), nullable=False),
        pa.field("is_oos", pa.bool_(), nullable=False),
        pa.field("simulated", pa.bool_(), nullable=False),
    ]
)

#: Why a trade ended; ``end_of_bars`` was cut short by the last bar there is, ``fill`` is a real one.
EXIT_REASONS = ("take_profit", "stop", "time_out", "end_of_bars", "fill")


def trade_ids(trades: pd.DataFrame) -> list[str]:
    """Id of each trade: the hash of its run, strategy, symbol and entry, so that the same trade is never stored twice."""
    keys = zip(trades["run_id"], trades["strategy"], trades["symbol"], trades["entered_at"].astype("int64"), strict=True)
    return [hashlib.sha256("\0".join(map(str, key)).encode()).hexdigest()[:32] for key in keys]


def publish_trades(lake: Lake, run_id: str, month: str, trades: pd.DataFrame) -> Published:
    """Make ``trades`` all that a run entered in a month; equal trades give equal bytes.

    Raises
    ------
    LakeError
        If the rows do not fit :data:`TRADES`.
    """
    table = _table(run_id, month, trades)
    return publish_month(lake, lake.trades(run_id), month, lambda _: table)


def add_trades(lake: Lake, run_id: str, month: str, trades: pd.DataFrame) -> Published:
    """Add trades to those that a run entered in a month; those that are there already, by their id, are replaced."""

    def merge(before: pa.Table | None) -> pa.Table:
        known = [] if before is None else [before.to_pandas()]
        return _table(run_id, month, pd.concat([*known, trades], ignore_index=True).drop_duplicates("trade_id", keep="last"))

    return publish_month(lake, lake.trades(run_id), month, merge)


def list_runs(lake: Lake) -> list[str]:
    """Ids of the runs that have trades, in order of their names."""
    return [name.removeprefix("run=") for name in lake.folders(_FOLDER) if name.startswith("run=")]


def read_trades(lake: Lake, run_id: str, months: Sequence[str] | None = None) -> pd.DataFrame:
    """Trades of one run, entered in some months or all, ordered by entry, strategy and symbol; empty where there are none."""
    dataset = lake.trades(run_id)
    tables = [read_month(lake, dataset, month) for month in (list_months(lake, dataset) if months is None else months)]
    frame = pa.concat_tables([TRADES.empty_table(), *(table for table in tables if table is not None)]).to_pandas()
    ordered: pd.DataFrame = frame.sort_values(["entered_at", "strategy", "symbol"], kind="stable", ignore_index=True)
    return ordered


def _table(run_id: str, month: str, trades: pd.DataFrame) -> pa.Table:
    ordered = trades[TRADES.names].sort_values(_KEY, kind="stable", ignore_index=True)
    return conform(pa.Table.from_pandas(ordered, preserve_index=False), TRADES, f"trades of {run_id}, {month}")
