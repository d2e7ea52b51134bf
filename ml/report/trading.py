"""What the strategies of a run of trades earned: day by day, beside each other, and among their random twins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from include.trades import list_runs, read_trades
from ml.dataset import Source
from ml.report.charts.frame import Chart
from ml.report.charts.histogram import histogram_chart
from ml.report.charts.lines import Line, line_chart
from ml.report.formats import signed_percent
from ml.simulation import performance
from ml.simulation.bars import Bars, read_bars
from ml.simulation.run import IN_SAMPLE
from ml.simulation.windows import bars_a_year
from ml.validation.deflated_sharpe import ACCEPTED, Deflated, deflated_sharpe, sharpe_ratios
from ml.validation.random_twins import Market, Twins, twin_returns

#: Trades of the log that are on the page.
_MOST = 20
EDGE, NO_EDGE, LEARNT = "edge", "no edge", "in sample"


@dataclass(frozen=True)
class StrategyView:
    """One strategy: ``daily`` are its returns by day, the equity split evenly over the symbols, a trade counted on the day it ended.

    ``twins`` are worth what it is, by their compounded return; ``twin_sharpes`` are their Sharpe ratios by day, not annualised.
    """

    name: str
    trades: pd.DataFrame
    daily: np.ndarray
    sharpe: float | None
    twins: Twins
    twin_sharpes: np.ndarray

    @property
    def earned(self) -> bool:
        """Whether anything is left after costs."""
        return self.roi > 0

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
    year: float

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
    def answer(self) -> str:
        """The verdict in a sentence, with the first thing that speaks against an edge."""
        if self.verdict != NO_EDGE:
            return "An edge." if self.verdict == EDGE else "Nothing is shown by this."
        if not self.best.earned:
            eaten = self.best.mean("gross_return") > 0
            return f"No edge found: {'costs eat all that it earns' if eaten else 'it loses even before costs'}."
        if not self.best.twins.has_edge:
            return "No edge found: at other times the same trades do as well."
        return "No edge found: the best of so many tries is as good by luck."

    @property
    def ahead(self) -> list[StrategyView]:
        """Strategies that fewer than one of twenty twins equals."""
        return [one for one in self.strategies if one.twins.has_edge]

    @property
    def lucky_sharpe(self) -> float:
        """Sharpe ratio a year that the best of so many tries without skill has on average."""
        return self.deflated.expected_maximum * math.sqrt(self.year)

    @property
    def learnt(self) -> int:
        """Trades that were decided on a prediction whose outcome the model had learnt."""
        return sum(int((~one.trades["is_oos"].astype(bool)).sum()) for one in self.strategies)

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
        How many strategies were simulated on these bars, in this run and others; see :func:`count_tried`.

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
    days = _days(bars, begin)
    markets = {symbol: _market(one, begin, days) for symbol, one in bars.items()}
    year = bars_a_year("1d", "24/7" if {calendars.get(symbol) for symbol in bars} == {"24/7"} else "")
    views = [_strategy(str(name), part, days, markets, year, seed) for name, part in trades.groupby("strategy")]
    views.sort(key=lambda view: -np.inf if view.sharpe is None else view.sharpe, reverse=True)
    deflated = deflated_sharpe(views[0].daily, max(tried, len(views)), without_skill=views[0].twin_sharpes)
    return TradesView(run_id, days, tuple(bars), views, deflated, _charts(days, views), year)


def count_tried(source: Source, told: Mapping[str, int]) -> int:
    """Count the strategies that were ever simulated on these bars: whoever looks at the best of some runs chose from all of them.

    Parameters
    ----------
    told
        By id of a run how many strategies it simulated, also those that never traded, which leave nothing in the lake.

    Returns
    -------
    int
        A strategy counts once, however often and at whatever costs it was simulated.
    """
    traded: set[str] = set()
    silent = 0
    for run_id in list_runs(source.lake):
        trades = read_trades(source.lake, run_id)
        own = set(trades["strategy"].unique())
        silent += max(told.get(run_id, 0) - len(own), 0)
        here = (trades["timeframe"] == source.timeframe) & trades["symbol"].isin(source.universe.symbols) & trades["simulated"].astype(bool)
        traded |= set(trades.loc[here, "strategy"].unique())
    return len(traded) + silent


def _days(bars: Mapping[str, Bars], begin: pd.Timestamp) -> pd.DatetimeIndex:
    parts = [one.closed_at[one.timestamp >= begin].normalize() for one in bars.values()]
    return pd.DatetimeIndex(sorted({day for part in parts for day in part}))


def _market(bars: Bars, begin: pd.Timestamp, days: pd.DatetimeIndex) -> Market:
    free = np.asarray(bars.timestamp >= begin)
    return Market(bars.timestamp[free], bars.open[free], days.searchsorted(bars.closed_at[free].normalize()))


def _strategy(
    name: str, trades: pd.DataFrame, days: pd.DatetimeIndex, markets: Mapping[str, Market], year: float, seed: int
) -> StrategyView:
    weighed = trades.assign(size=trades["size"] / len(markets))
    ended = days.searchsorted(pd.DatetimeIndex(trades["exited_at"]).normalize())
    daily = np.bincount(ended, weights=weighed["size"] * weighed["net_return"], minlength=len(days)).astype(np.float64)
    others = twin_returns(weighed, markets, len(days), seed=seed)
    twins = Twins(performance.roi(daily), np.prod(1 + others, axis=1) - 1, len(trades))
    return StrategyView(name, trades, daily, performance.sharpe_ratio(daily, year), twins, sharpe_ratios(others))


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
            f"Return after costs, as in the table below, of {len(best.twins.twins)} twins that make the same trades at another time.",
            best.twins.twins,
            names=("random twins", f"the strategy, {signed_percent(best.twins.own)}"),
            own=best.twins.own,
            percent=True,
        ),
    ]
