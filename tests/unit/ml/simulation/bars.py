"""Bars made for tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ml.simulation.bars import Bars, make_bars


def bars_of(*prices: tuple[float, float, float, float], width: float | None = None, start: str = "2018-01-01", every: str = "1D") -> Bars:
    """Bars of open, high, low, close; ``width``: an average range known at once."""
    times = pd.date_range(start, periods=len(prices), freq=every, tz="UTC", unit="us")
    frame = pd.DataFrame(prices, columns=["open", "high", "low", "close"], dtype="float64")
    bars = make_bars("TEST", "1d", frame.assign(timestamp=times, closed_at=times + pd.Timedelta(every)))
    return bars if width is None else replace(bars, average_range=np.full(len(prices), float(width)))


def walk(count: int, seed: int, *, timeframe: str = "1d", step: float = 0.01, start: str = "2018-01-01", symbol: str = "TEST") -> Bars:
    """A random walk that gaps between bars."""
    draw = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(draw.normal(0, step, count)))
    opened = np.concatenate([[100], close[:-1]]) * np.exp(draw.normal(0, step / 3, count))
    high = np.maximum(opened, close) * np.exp(np.abs(draw.normal(0, step / 2, count)))
    low = np.minimum(opened, close) * np.exp(-np.abs(draw.normal(0, step / 2, count)))
    every = {"1d": "1D", "5m": "5min", "1h": "1h"}[timeframe]
    times = pd.date_range(start, periods=count, freq=every, tz="UTC", unit="us")
    frame = pd.DataFrame(
        {"open": opened, "high": high, "low": low, "close": close, "timestamp": times, "closed_at": times + pd.Timedelta(every)}
    )
    return make_bars(symbol, timeframe, frame)
