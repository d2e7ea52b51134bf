"""Tables of trades, backtests and features; in PostgreSQL partitioned by month, by Timescale where it is installed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_NUMBERS = sa.JSON().with_variant(JSONB(), "postgresql")
_HAS_TIMESCALE = sa.text("SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'")


def upgrade() -> None:
    """Make the five tables."""
    _create_monthly(
        "trades_sandbox",
        "entered_at",
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("trade_id", sa.Text, nullable=False),
        sa.Column("strategy", sa.Text, nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("timeframe", sa.Text, nullable=False),
        sa.Column("side", sa.SmallInteger, nullable=False),
        sa.Column("decided_at", _MOMENT, nullable=False),
        sa.Column("entered_at", _MOMENT, nullable=False),
        sa.Column("entry_price", sa.Double, nullable=False),
        sa.Column("exited_at", _MOMENT, nullable=False),
        sa.Column("exit_price", sa.Double, nullable=False),
        sa.Column("exit_reason", sa.Text, nullable=False),
        sa.Column("take_profit", sa.Double),
        sa.Column("stop", sa.Double),
        sa.Column("size", sa.Double, nullable=False),
        sa.Column("gross_return", sa.Double, nullable=False),
        sa.Column("fees", sa.Double, nullable=False),
        sa.Column("spread_cost", sa.Double, nullable=False),
        sa.Column("slippage", sa.Double, nullable=False),
        sa.Column("net_return", sa.Double, nullable=False),
        sa.Column("adverse_excursion", sa.Double),
        sa.Column("favourable_excursion", sa.Double),
        sa.Column("bars_held", sa.Integer),
        sa.Column("ambiguous", sa.Boolean, nullable=False),
        sa.Column("is_oos", sa.Boolean, nullable=False),
        sa.Column("simulated", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("trade_id", "entered_at", name="pk_trades_sandbox"),
        comment="Trades, simulated and real, as in the lake: include/trades.py says what each column means",
    )
    op.create_index("ix_trades_sandbox_run_id", "trades_sandbox", ["run_id", "entered_at"])
    _create_monthly(
        "backtest_results",
        "window_start",
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("strategy", sa.Text, nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("timeframe", sa.Text, nullable=False),
        sa.Column("window_start", _MOMENT, nullable=False),
        sa.Column("window_end", _MOMENT, nullable=False),
        sa.Column("known_at", _MOMENT, nullable=False),
        sa.Column("sharpe_ratio", sa.Double),
        sa.Column("roi", sa.Double, nullable=False),
        sa.Column("max_drawdown", sa.Double, nullable=False),
        sa.Column("win_rate", sa.Double),
        sa.Column("profit_factor", sa.Double),
        sa.Column("total_bets", sa.Integer, nullable=False),
        sa.Column("composite_score", sa.Double),
        sa.Column("is_oos", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "strategy", "symbol", "window_start", name="pk_backtest_results"),
        comment="One row a strategy, symbol and window: the trades entered in it; ml/simulation/performance.py defines the figures",
    )
    op.create_index("ix_backtest_results_known_at", "backtest_results", ["known_at"])
    _create_monthly(
        "ml_features",
        "known_at",
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("timeframe", sa.Text, nullable=False),
        sa.Column("known_at", _MOMENT, nullable=False),
        sa.Column("feature_set", sa.Text, nullable=False),
        sa.Column("features", _NUMBERS, nullable=False),
        sa.PrimaryKeyConstraint("symbol", "timeframe", "known_at", name="pk_ml_features"),
        comment="The newest features of a symbol that were known at a decision, which is the end of a window of backtest_results",
    )
    _create_monthly(
        "features_snapshots",
        "timestamp",
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("timeframe", sa.Text, nullable=False),
        sa.Column("timestamp", _MOMENT, nullable=False),
        sa.Column("closed_at", _MOMENT, nullable=False),
        sa.Column("feature_set", sa.Text, nullable=False),
        sa.Column("features", _NUMBERS, nullable=False),
        sa.Column("label", sa.Text),
        sa.Column("label_known_at", _MOMENT),
        sa.PrimaryKeyConstraint("symbol", "timeframe", "timestamp", name="pk_features_snapshots"),
        comment="One row a bar of an intraday universe: its features, and its market regime (TREND, RANGE, NO_TRADE; null: no label)",
    )
    op.create_table(
        "stored_months",
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("month", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("dataset", "month", name="pk_stored_months"),
        comment="Which content of each month of the lake the tables hold, written together with its rows",
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("stored_months", "features_snapshots", "ml_features", "backtest_results", "trades_sandbox"):
        op.drop_table(table)


def _create_monthly(name: str, time: str, *columns: sa.Column[Any] | sa.PrimaryKeyConstraint, comment: str) -> None:
    connection = op.get_bind()
    timescale = connection.dialect.name == "postgresql" and bool(connection.execute(_HAS_TIMESCALE).scalar_one())
    if timescale:
        op.create_table(name, *columns, comment=comment)
        op.execute(f"SELECT create_hypertable('{name}', '{time}', chunk_time_interval => INTERVAL '1 month')")
    else:
        # SQLite reads no options of PostgreSQL.
        op.create_table(name, *columns, comment=comment, postgresql_partition_by=f"RANGE ({time})")
