"""Windows of a backtest: what the trades entered in each were worth, and when that was known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from include.months import month_end, month_of
from include.timeframes import timeframe_length
from ml.simulation import performance
from ml.simulation.accounting import Account, bar_returns
from ml.simulation.bars import Bars
from ml.simulation.fills import Fills, Places

#: Bars before the first window, for every strategy the same, so that each knows enough at its start.
WARM_UP = 250
_SESSION_HOURS = 6.5
_TRADING_DAYS, _ALL_DAYS = 252, 365


@dataclass(frozen=True)
class Window:
    """Half-open interval of bar openings (UTC), and the places of its first bar and of the one after its last."""

    start: pd.Timestamp
    end: pd.Timestamp
    first: int
    after: int


def windows(bars: Bars, hold: int, since: pd.Timestamp) -> list[Window]:
    """The windows of a symbol: quarters of daily bars, months of hourly ones, weeks (from Monday) of shorter ones.

    Taken are those that begin at ``since`` or later, after :data:`WARM_UP` bars, and are over: ``hold`` bars follow, so that every trade
    entered in them has ended. That is decided by time alone, not by how trades went.
    """
    if len(bars) <= WARM_UP:
        return []
    edges = window_edges(bars.timestamp[0], bars.timestamp[-1], bars.timeframe)
    places = bars.timestamp.searchsorted(edges)
    found = [Window(edges[place], edges[place + 1], places[place], places[place + 1]) for place in range(len(edges) - 1)]
    return [
        window
        for window in found
        if window.start >= since and window.first >= WARM_UP and window.first < window.after and window.after + hold <= len(bars)
    ]


def window_edges(first: pd.Timestamp, last: pd.Timestamp, timeframe: str) -> pd.DatetimeIndex:
    """Starts of the windows of bars that open from ``first`` to ``last``, and the end of the last window that is over.

    Bars come in whole months, so a window is over where the month of the last bar reaches to its end.
    """
    over = pd.Timestamp(month_end(month_of(last.to_pydatetime())))
    return pd.date_range(_floor(first, timeframe), over, freq=_frequency(timeframe), unit="us")


def window_results(bars: Bars, fills: Fills, booked: Account, found: list[Window], bars_a_year: float) -> Iterator[dict[str, object]]:
    """The figures of each window, keys as in ``backtest_results``; trades belong to the window of their entry.

    The equity is followed from the window's first bar to its last, or to the end of a trade that outlasts it; a trade that was
    entered before is left out. ``known_at`` is the close of that last bar.
    """
    returns = bar_returns(bars, fills, booked)
    profits = booked.size * booked.net_return
    for window in found:
        low, high = np.searchsorted(fills.entered, [window.first, window.after])
        begin, end = _span(fills.entered[low:high], fills.exited[low:high], window)
        inside = np.concatenate([np.zeros(begin - window.first), returns[begin:end]])
        figures = {
            "sharpe_ratio": performance.sharpe_ratio(inside, bars_a_year) if high > low else None,
            "roi": performance.roi(inside),
            "max_drawdown": performance.max_drawdown(inside),
            "win_rate": performance.win_rate(profits[low:high]),
            "profit_factor": performance.profit_factor(profits[low:high]),
        }
        yield {
            "symbol": bars.symbol,
            "timeframe": bars.timeframe,
            "window_start": window.start,
            "window_end": window.end,
            "known_at": bars.closed_at[end - 1],
            **figures,
            "total_bets": int(high - low),
            "composite_score": performance.composite_score(**figures),  # type: ignore[arg-type]
        }


def bars_a_year(timeframe: str, calendar: str) -> float:
    """How many bars a year has: 252 sessions of 6.5 hours, or 365 days of 24 on a market that never closes."""
    length = timeframe_length(timeframe)
    days, hours = (_ALL_DAYS, 24.0) if calendar == "24/7" else (_TRADING_DAYS, _SESSION_HOURS)
    return days * max(1.0, timedelta(hours=hours) / length)


def _span(entered: Places, exited: Places, window: Window) -> tuple[int, int]:
    """Places between which the equity moves by the window's own trades; what a trade before it still did is left out."""
    if not len(entered):
        return window.after, window.after
    return int(entered[0]), max(window.after, int(exited[-1]) + 1)


def _frequency(timeframe: str) -> str:
    return {"1d": "QS", "1h": "MS"}.get(timeframe, "W-MON")


def _floor(moment: pd.Timestamp, timeframe: str) -> pd.Timestamp:
    day = moment.floor("D")
    if timeframe == "1d":
        return day.replace(month=day.quarter * 3 - 2, day=1)
    return day.replace(day=1) if timeframe == "1h" else day - pd.Timedelta(days=day.weekday())
