"""A run of the simulation: every decider on every symbol of a universe, the trades, and what they were worth by window.

Each symbol is walked from its first bar, whatever part is asked for: a position at the start of a month is the one that the month before
left, so months can be simulated in any order and in parts.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd

from include.costs import Costs
from include.errors import ConfigurationError
from include.months import month_of, month_start
from include.trade_runs import TradeRun
from include.trades import TRADES, trade_ids
from include.universes import Instrument
from ml.dataset import Source
from ml.panel import has_a_price
from ml.simulation.accounting import Account, Sizing, account
from ml.simulation.bars import Bars, read_bars
from ml.simulation.decisions import Decider
from ml.simulation.fills import REASONS, Fills, fill
from ml.simulation.windows import bars_a_year, window_results, windows

#: Ends the id of a run that traded on predictions whose outcome the model had learnt.
IN_SAMPLE = "in-sample"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """What is simulated; equal runs have the same id, so that to run again replaces months and doubles nothing."""

    subject: str
    deciders: Sequence[Decider]
    costs: Costs
    sizing: Sizing = field(default_factory=Sizing)
    in_sample: bool = False

    def run_id(self, source: Source) -> str:
        """Subject, universe, timeframe, and a hash of all parameters."""
        told = [self.costs.model_dump(), asdict(self.sizing), [(one.strategy_id, one.parameters) for one in self.deciders]]
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]
        return "-".join([self.subject, source.universe.name, source.timeframe, digest, *([IN_SAMPLE] if self.in_sample else [])])


@dataclass(frozen=True)
class Simulated:
    """``trades`` as :data:`include.trades.TRADES`, ``backtests`` as the table ``backtest_results``; of the months from ``since`` on."""

    run_id: str
    note: TradeRun
    since: pd.Timestamp
    until: pd.Timestamp
    trades: pd.DataFrame
    backtests: pd.DataFrame


def simulate(source: Source, run: Run, days: int | None = None) -> Simulated:
    """Simulate the last ``days`` (None: all), widened to whole months.

    Raises
    ------
    ConfigurationError
        If no symbol of the universe has bars with all four prices.
    """
    symbols = list(_tradable(source))
    if not symbols:
        raise ConfigurationError(
            f"No data found for simulation: {source.lake.url}/bars holds no {source.timeframe} bars with open, high, low and close of "
            f"{', '.join(source.universe.symbols)}; run the DAG backfill_market"
        )
    until = max(bars.timestamp[-1] for _, bars in symbols)
    wanted = until - pd.Timedelta(days=days) if days else min(bars.timestamp[0] for _, bars in symbols)
    since = pd.Timestamp(month_start(month_of(wanted.to_pydatetime())))
    trades: list[pd.DataFrame] = []
    results: list[dict[str, object]] = []
    for instrument, bars in symbols:
        year = bars_a_year(source.timeframe, instrument.calendar)
        for decider in run.deciders:
            sides, is_oos = decider.decide(bars)
            fills = fill(bars, sides, decider.bracket)
            booked = account(bars, fills, run.costs, run.sizing)
            trades.append(_frame(bars, fills, booked, decider, is_oos))
            about = {"strategy": decider.strategy_id, "parameters": decider.parameters}
            found = windows(bars, decider.bracket.hold, since)
            results.extend(about | row for row in window_results(bars, fills, booked, found, year))
    run_id = run.run_id(source)
    together = pd.concat(trades, ignore_index=True)
    together = together[together["entered_at"] >= since].assign(run_id=run_id, timeframe=source.timeframe, simulated=True)
    together = together.assign(trade_id=trade_ids(together))[TRADES.names].reset_index(drop=True)
    _LOG.info("%s: %d symbols, %d strategies: %d trades since %s", run_id, len(symbols), len(run.deciders), len(together), f"{since:%Y-%m}")
    backtests = pd.DataFrame(results).assign(run_id=run_id, is_oos=not run.in_sample)
    return Simulated(run_id, TradeRun(run.costs, run.in_sample), since, until, together, backtests)


def _tradable(source: Source) -> Iterator[tuple[Instrument, Bars]]:
    for instrument in source.universe.instruments:
        if not has_a_price(instrument):
            continue
        bars = read_bars(source, instrument.symbol)
        if len(bars):
            yield instrument, bars
        else:
            _LOG.warning("%s has no %s bars with all four prices and is left out", instrument.symbol, source.timeframe)


def _frame(bars: Bars, fills: Fills, booked: Account, decider: Decider, is_oos: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({
        "strategy": decider.strategy_id,
        "parameters": decider.parameters,
        "symbol": bars.symbol,
        "side": fills.side,
        "decided_at": bars.closed_at[fills.decided],
        "entered_at": bars.timestamp[fills.entered],
        "entry_price": fills.entry_price,
        "exited_at": bars.closed_at[fills.exited],
        "exit_price": fills.exit_price,
        "exit_reason": np.array(REASONS)[fills.reason],
        "take_profit": fills.take_profit,
        "stop": fills.stop,
        "size": booked.size,
        "gross_return": booked.gross_return,
        "fees": booked.fees,
        "spread_cost": booked.spread_cost,
        "slippage": booked.slippage,
        "net_return": booked.net_return,
        "adverse_excursion": fills.adverse / fills.entry_price,
        "favourable_excursion": fills.favourable / fills.entry_price,
        "bars_held": fills.exited - fills.entered + 1,
        "ambiguous": fills.ambiguous,
        "is_oos": is_oos[fills.decided],
    })  # fmt: skip
