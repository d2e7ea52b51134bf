"""What the strategies of a run of trades earned: day by day, beside each other, and among their random twins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from include.trades import read_trades
from ml.dataset import Source
from ml.report.charts.frame import Chart
from ml.report.charts.histogram import histogram_chart
from ml.report.charts.lines import Line, line_chart
from ml.simulation import performance
from ml.simulation.bars import Bars, read_bars
from ml.simulation.run import IN_SAMPLE
from ml.simulation.windows import bars_a_year
from ml.validation.deflated_sharpe import ACCEPTED, Deflated, deflated_sharpe
from ml.validation.deflated_sharpe import sharpe_ratio as daily_sharpe
from ml.validation.random_twins import Twins, random_twins

#: Trades of the log that are on the page.
_MOST = 20
EDGE, NO_EDGE, LEARNT = "edge", "no edge", "in sample"


@dataclass(frozen=True)
class StrategyView:
    """One strategy: ``daily`` are its returns by day, the equity split evenly over the symbols, a trade counted on the day it ended."""

    name: str
    trades: pd.DataFrame
    daily: np.ndarray
    sharpe: float | None
    twins: Twins

    @property
    def roi(self) -> float:
        """Compounded return, a fraction."""
        return performance.roi(self.daily)

    @property
    def max_drawdown(self) -> float:
        """Largest fall below the highest equity, a fraction."""
        return performance.max_drawdown(self.daily)

    @property
    def win_rate(self) -> float | None:
        """Share of the trades that earned something."""
        return performance.win_rate(self.trades["net_return"].to_numpy())

    @property
    def profit_factor(self) -> float | None:
        """Gains over losses."""
        return performance.profit_factor((self.trades["size"] * self.trades["net_return"]).to_numpy())

    def mean(self, column: str) -> float:
        """Mean of a column of the trades."""
        return float(self.trades[column].mean())

    @property
    def cost(self) -> float:
        """Mean cost of a trade, a fraction of its notional."""
        return self.mean("gross_return") - self.mean("net_return")


@dataclass(frozen=True)
class TradesView:
    """A run: its strategies, the best first by Sharpe ratio, and whether the best is more than luck."""

    run_id: str
    days: pd.DatetimeIndex
    symbols: tuple[str, ...]
    strategies: list[StrategyView]
    deflated: Deflated
    charts: list[Chart]

    @property
    def best(self) -> StrategyView:
        """The strategy with the largest Sharpe ratio."""
        return self.strategies[0]

    @property
    def in_sample(self) -> bool:
        """Whether it traded on what a model had learnt."""
        return self.run_id.endswith(IN_SAMPLE)

    @property
    def verdict(self) -> str:
        """An edge needs both: better than its twins, and better than the best of so many tries without skill."""
        if self.in_sample:
            return LEARNT
        return EDGE if self.best.twins.has_edge and self.deflated.probability > ACCEPTED else NO_EDGE

    @property
    def lucky(self) -> int:
        """How many strategies fewer than one of twenty twins equals."""
        return sum(one.twins.has_edge for one in self.strategies)

    @property
    def log(self) -> pd.DataFrame:
        """The newest trades of the best strategy."""
        return self.best.trades.sort_values("entered_at", ascending=False).head(_MOST)

    @property
    def trades(self) -> int:
        """Trades of all strategies."""
        return sum(len(one.trades) for one in self.strategies)


def read_trading(source: Source, run_id: str, *, tried: int, seed: int) -> TradesView | None:
    """Gather what the page tells of a run; None where it has no trade.

    Parameters
    ----------
    tried
        How many strategies were simulated. One that never traded was tried as well, and counts when luck is taken off the best.

    Raises
    ------
    LakeError
        If something in the lake is damaged.
    """
    trades = read_trades(source.lake, run_id)
    if trades.empty:
        return None
    begin = trades["entered_at"].min().normalize().replace(day=1)
    bars = {symbol: read_bars(source, symbol) for symbol in sorted(trades["symbol"].unique())}
    calendars = {instrument.symbol: instrument.calendar for instrument in source.universe.instruments}
    opens = {symbol: one.open[one.timestamp >= begin] for symbol, one in bars.items()}
    days = _days(bars, begin)
    year = bars_a_year("1d", "24/7" if {calendars.get(symbol) for symbol in bars} == {"24/7"} else "")
    views = [_strategy(str(name), part, days, opens, year, seed) for name, part in trades.groupby("strategy")]
    views.sort(key=lambda view: -np.inf if view.sharpe is None else view.sharpe, reverse=True)
    sharpes = np.array([daily_sharpe(view.daily) for view in views])
    deflated = deflated_sharpe(views[0].daily, sharpes, more_trials=tried - len(views))
    return TradesView(run_id, days, tuple(bars), views, deflated, _charts(days, views))


def _days(bars: Mapping[str, Bars], begin: pd.Timestamp) -> pd.DatetimeIndex:
    parts = [one.closed_at[one.timestamp >= begin].normalize() for one in bars.values()]
    return pd.DatetimeIndex(sorted({day for part in parts for day in part}))


def _strategy(
    name: str, trades: pd.DataFrame, days: pd.DatetimeIndex, opens: Mapping[str, np.ndarray], year: float, seed: int
) -> StrategyView:
    profits = trades["size"] * trades["net_return"] / len(opens)
    ended = days.searchsorted(pd.DatetimeIndex(trades["exited_at"]).normalize())
    daily = np.bincount(ended, weights=profits, minlength=len(days)).astype(np.float64)
    return StrategyView(name, trades, daily, performance.sharpe_ratio(daily, year), random_twins(trades, opens, seed=seed))


def _charts(days: pd.DatetimeIndex, views: list[StrategyView]) -> list[Chart]:
    best, middle, last = views[0], views[len(views) // 2], views[-1]
    shown = {one.name: one for one in (best, middle, last)}
    styles = ("model", "other1", "other2")
    lines = [Line(name, style, np.cumprod(1 + one.daily)) for (name, one), style in zip(shown.items(), styles, strict=False)]
    falls = [Line(name, style, -performance.drawdowns(one.daily)) for (name, one), style in zip(shown.items(), styles, strict=False)]
    note = "The best strategy by Sharpe ratio, the middle one and the last. 1 is the start; a trade counts on the day it ended."
    return [
        line_chart("Equity after costs", note, days, lines, from_zero=False),
        line_chart("Drawdown", "How far below the highest equity so far, as a fraction of it.", days, falls),
        histogram_chart(
            f"{best.name} among its random twins",
            f"Sum of the net returns of {len(best.twins.twins)} twins that make the same trades at random times, and its own.",
            best.twins.twins,
            names=("random twins", "the strategy"),
            own=best.twins.own,
        ),
    ]
