"""The tables of trades, backtests and features; all times are UTC. Those in :data:`MONTHLY` are partitioned by month in PostgreSQL."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, Integer, SmallInteger, Table, Text

from include.results.columns import METADATA, NUMBERS, Moment

#: By table, the column that says to which month a row belongs.
MONTHLY = {"trades_sandbox": "entered_at", "features_snapshots": "timestamp", "backtest_results": "window_start", "ml_features": "known_at"}


def _by_month(name: str) -> str:
    return f"RANGE ({MONTHLY[name]})"


TRADES_SANDBOX = Table(
    "trades_sandbox",
    METADATA,
    Column("run_id", Text, nullable=False),
    Column("trade_id", Text, primary_key=True),
    Column("strategy", Text, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("timeframe", Text, nullable=False),
    Column("side", SmallInteger, nullable=False),
    Column("decided_at", Moment, nullable=False),
    Column("entered_at", Moment, primary_key=True),
    Column("entry_price", Double, nullable=False),
    Column("exited_at", Moment, nullable=False),
    Column("exit_price", Double, nullable=False),
    Column("exit_reason", Text, nullable=False),
    Column("take_profit", Double),
    Column("stop", Double),
    Column("size", Double, nullable=False),
    Column("gross_return", Double, nullable=False),
    Column("fees", Double, nullable=False),
    Column("spread_cost", Double, nullable=False),
    Column("slippage", Double, nullable=False),
    Column("net_return", Double, nullable=False),
    Column("adverse_excursion", Double),
    Column("favourable_excursion", Double),
    Column("bars_held", Integer),
    Column("ambiguous", Boolean, nullable=False),
    Column("is_oos", Boolean, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Index(None, "run_id", "entered_at"),
    comment="Trades, simulated and real, as in the lake: include/trades.py says what each column means",
    postgresql_partition_by=_by_month("trades_sandbox"),
)

BACKTEST_RESULTS = Table(
    "backtest_results",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("strategy", Text, primary_key=True),
    Column("parameters", Text, nullable=False),
    Column("symbol", Text, primary_key=True),
    Column("timeframe", Text, nullable=False),
    Column("window_start", Moment, primary_key=True),
    Column("window_end", Moment, nullable=False),
    Column("known_at", Moment, nullable=False),
    Column("sharpe_ratio", Double),
    Column("roi", Double, nullable=False),
    Column("max_drawdown", Double, nullable=False),
    Column("win_rate", Double),
    Column("profit_factor", Double),
    Column("total_bets", Integer, nullable=False),
    Column("composite_score", Double),
    Column("is_oos", Boolean, nullable=False),
    Index(None, "known_at"),
    comment="One row a strategy, symbol and window: the trades entered in it; ml/simulation/performance.py defines the figures",
    postgresql_partition_by=_by_month("backtest_results"),
)

ML_FEATURES = Table(
    "ml_features",
    METADATA,
    Column("symbol", Text, primary_key=True),
    Column("timeframe", Text, primary_key=True),
    Column("known_at", Moment, primary_key=True),
    Column("feature_set", Text, nullable=False),
    Column("features", NUMBERS, nullable=False),
    comment="The newest features of a symbol that were known at a decision, which is the end of a window of backtest_results",
    postgresql_partition_by=_by_month("ml_features"),
)

FEATURES_SNAPSHOTS = Table(
    "features_snapshots",
    METADATA,
    Column("symbol", Text, primary_key=True),
    Column("timeframe", Text, primary_key=True),
    Column("timestamp", Moment, primary_key=True),
    Column("closed_at", Moment, nullable=False),
    Column("feature_set", Text, nullable=False),
    Column("features", NUMBERS, nullable=False),
    Column("label", Text),
    Column("label_known_at", Moment),
    comment="One row a bar of an intraday universe: its features, and its market regime (TREND, RANGE, NO_TRADE; null: no label)",
    postgresql_partition_by=_by_month("features_snapshots"),
)

STORED_MONTHS = Table(
    "stored_months",
    METADATA,
    Column("dataset", Text, primary_key=True),
    Column("month", Text, primary_key=True),
    Column("content", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    comment="Which content of each month of the lake the tables hold, written together with its rows",
)
