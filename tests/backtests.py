"""Backtests that are made up: luck alone, a planted signal, or a label made of its own features."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from include.lake import Lake
from include.universes import Universe, load_universe
from ml.backtests import BacktestSource
from tests.model_lake import FEATURES

SYMBOLS = ("^GSPC", "^IXIC", "AAPL")
WINDOW = pd.Timedelta(days=28)
_BETS = 8.0


def made_backtests(
    *,
    start: str = "2013-01-01",
    windows: int = 64,
    strategies: int = 24,
    signal: float = 0.0,
    seed: int = 1,
    run_id: str = "run",
    timeframe: str = "1d",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of ``backtest_results`` and of market features.

    With a ``signal`` above 0 that share of the outcomes follows what the market feature ``return_20`` was at the decision: above 0 a
    profit, below a loss. Without one they are luck, of which strategies of one date share a part.
    """
    chance = np.random.default_rng(seed)
    begin = pd.Timestamp(start, tz="UTC").as_unit("us") + WINDOW * np.arange(windows)
    results, market = [], []
    for symbol in SYMBOLS:
        features = chance.normal(size=(windows + 1, len(FEATURES)))
        known = [*begin, begin[-1] + WINDOW]
        market.append(pd.DataFrame(features, columns=list(FEATURES)).assign(symbol=symbol, known_at=known))
        told = np.where(features[:-1, FEATURES.index("return_20")] > 0, 1.0, -1.0)
        shared = chance.normal(0, 0.01, windows)
        for number in range(strategies):
            roi = chance.normal(0, 0.02, windows) + shared
            follows = chance.random(windows) < signal
            roi = np.where(follows, np.abs(roi) * told, roi)
            results.append(_results(f"rule-{number:02d}", symbol, begin, roi, chance))
    frame = pd.concat(results, ignore_index=True)
    return frame.assign(run_id=run_id, timeframe=timeframe, parameters="{}", is_oos=True), pd.concat(market, ignore_index=True)


def made_source(lake: Lake, *, end: datetime | None = None, universe: Universe | None = None, **how: object) -> BacktestSource:
    """A source of made-up backtests on a lake whose feature set is that of ``tests.model_lake``."""
    results, market = made_backtests(**how)  # type: ignore[arg-type]
    return BacktestSource(lake, universe or load_universe("sample"), "1d", None, end, results, market)


def _results(strategy: str, symbol: str, begin: pd.DatetimeIndex, roi: np.ndarray, chance: np.random.Generator) -> pd.DataFrame:
    """One strategy: figures of each window that fit its ROI, with luck of their own."""
    count = len(roi)
    sharpe = roi / 0.02 + chance.normal(0, 0.3, count)
    return pd.DataFrame(
        {
            "strategy": strategy,
            "symbol": symbol,
            "window_start": begin,
            "window_end": begin + WINDOW,
            "known_at": begin + WINDOW - pd.Timedelta(hours=3),
            "sharpe_ratio": sharpe,
            "roi": roi,
            "max_drawdown": np.abs(chance.normal(0, 0.02, count)) + np.maximum(-roi, 0),
            "win_rate": np.clip(0.5 + roi * 4 + chance.normal(0, 0.1, count), 0, 1),
            "profit_factor": np.exp(roi * 20 + chance.normal(0, 0.3, count)),
            "total_bets": 1 + chance.poisson(_BETS, count),
            "composite_score": 1 / (1 + np.exp(-sharpe - 0.5)),
        }
    )
