"""Backtests as a model may know them: the past window of each strategy at a decision date, and what came in its next window."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

import numpy as np
import pandas as pd

from include.errors import UnsuitableError
from include.feature_sets import read_current
from include.lake import Lake
from include.universes import Universe
from ml.dataset import Source
from ml.trade_runs import ChosenRuns, choose_runs

#: Figures of the past window that a model learns from; ``include/results/tables.py`` and the simulation define them.
PAST = ("sharpe_ratio", "roi", "max_drawdown", "win_rate", "profit_factor", "total_bets")
_KEYS = ["run_id", "strategy", "symbol"]
#: A past window that ended longer ago than so many windows is stale.
_STALE_WINDOWS = 2


@dataclass(frozen=True)
class BacktestSource(Source):
    """A source that holds backtests, too; an earlier ``end`` takes whole windows away.

    Attributes
    ----------
    results
        Rows of ``backtest_results`` of the timeframe.
    market
        Features of each symbol, by the time they were known: ``symbol``, ``known_at`` and a column a feature.
    runs
        The runs that these are of.
    """

    ends_by_row: ClassVar[bool] = False
    results: pd.DataFrame = field(default_factory=pd.DataFrame)
    market: pd.DataFrame = field(default_factory=pd.DataFrame)
    runs: ChosenRuns = field(default_factory=ChosenRuns)

    @property
    def newest_last(self) -> pd.DataFrame:
        """The rows of ``results``, those of the run that reaches furthest last: of two runs of one strategy it counts."""
        reach = self.results.groupby("run_id")["window_end"].transform("max")
        return self.results.assign(reach=reach).sort_values(["reach", "run_id"], kind="stable").drop(columns="reach")

    def decisions(self) -> pd.DataFrame:
        """One row for each strategy, symbol and decision date, which is when a window begins.

        Returns
        -------
        pandas.DataFrame
            Ordered by symbol, date and strategy: ``symbol``, ``timestamp`` and ``closed_at`` (both the date), ``strategy``,
            :data:`PAST` and ``composite_score`` of the newest window whose last trade was over by then, the market features known by
            then; and of the window that begins: ``next_return`` (its ROI; null where it is not over, or had no trade) and
            ``next_known_at``. Backtests that had seen their own outcome are left out; of two runs of one strategy
            the one that reaches furthest counts.
        """
        results = self._known()
        length = pd.Timedelta((results["window_end"] - results["window_start"]).median())
        past = results[[*_KEYS, *PAST, "composite_score"]].assign(available=results[["window_end", "known_at"]].max(axis=1))
        rows = pd.merge_asof(
            _beginnings(results).sort_values("timestamp"),
            past.sort_values("available"),
            left_on="timestamp",
            right_on="available",
            by=_KEYS,
            tolerance=_STALE_WINDOWS * length,
        )
        places = {run_id: place for place, run_id in enumerate(self.newest_last["run_id"].unique())}
        rows = rows[rows["available"].notna()].assign(place=rows["run_id"].map(places))
        rows = rows.sort_values(["timestamp", "place"], kind="stable")
        rows = rows.drop_duplicates(["strategy", "symbol", "timestamp"], keep="last").drop(columns=["run_id", "available", "place"])
        rows = pd.merge_asof(
            rows.sort_values("timestamp"),
            self.market.sort_values("known_at"),
            left_on="timestamp",
            right_on="known_at",
            by="symbol",
            tolerance=length,
        )
        rows = rows.drop(columns="known_at").assign(closed_at=rows["timestamp"])
        return rows.sort_values(["symbol", "timestamp", "strategy"], ignore_index=True)

    def market_features(self) -> list[str]:
        """Names of the market features that mean the same for every symbol: none that scales with its price or volume."""
        facts = {feature.name: feature.unit for feature in read_current(self.lake, self.timeframe).features}
        names = [str(name) for name in self.market.columns if name not in ("symbol", "known_at")]
        return [name for name in names if not any(word in facts.get(name, "") for word in ("price", "volume"))]

    def _known(self) -> pd.DataFrame:
        symbols = [instrument.symbol for instrument in self.universe.instruments]
        results = self.results[self.results["symbol"].isin(symbols) & self.results["is_oos"].astype(bool)]
        if self.start:
            results = results[results["window_start"] >= self.start]
        if self.end:
            results = results[(results["window_end"] <= self.end) & (results["known_at"] <= self.end)]
        if results.empty:
            raise UnsuitableError(
                f"there are no backtests of the universe {self.universe.name} on bars of {self.timeframe}; run simulate_trades"
            )
        numbers = [*PAST, "composite_score"]
        return results.assign(**results[numbers].astype(np.float64))


def open_backtests(
    lake: Lake,
    universe: Universe,
    timeframe: str,
    start: datetime | None = None,
    end: datetime | None = None,
    *,
    trades_run: str | None = None,
) -> BacktestSource:
    """Read the backtests and market features of the results database, of the runs that :func:`ml.trade_runs.choose_runs` chooses.

    Raises
    ------
    UnsuitableError
        If there are backtests, but none of a run that counts.
    ResultsError
        If it cannot be read.
    LakeError
        If no features were built for the timeframe.
    """
    from include.results.engine import results_engine
    from include.results.reading import read_rows, spread
    from include.results.tables import BACKTEST_RESULTS, ML_FEATURES

    engine, current = results_engine(), read_current(lake, timeframe).id
    results = read_rows(engine, BACKTEST_RESULTS, BACKTEST_RESULTS.c.timeframe == timeframe)
    market = read_rows(engine, ML_FEATURES, ML_FEATURES.c.timeframe == timeframe, ML_FEATURES.c.feature_set == current)
    market = spread(market.drop(columns=["timeframe", "feature_set"]))
    found = results.loc[results["symbol"].isin(universe.symbols), "run_id"].unique()
    runs = choose_runs(lake, universe.name, list(found), trades_run) if len(found) else ChosenRuns()
    results = results[results["run_id"].isin(runs.run_ids)].reset_index(drop=True)
    return BacktestSource(lake, universe, timeframe, start, end, results, market, runs, trades_run=trades_run)


def _beginnings(results: pd.DataFrame) -> pd.DataFrame:
    """When windows begin, with what came of them; and the one decision of each strategy whose window has yet to begin."""
    over = results[["window_end", "known_at"]].max(axis=1)
    traded = results["total_bets"] > 0
    begun = results[_KEYS].assign(timestamp=results["window_start"], next_return=results["roi"].where(traded), next_known_at=over)
    ahead = results[_KEYS].drop_duplicates()
    ahead = ahead.assign(timestamp=ahead["run_id"].map(results.groupby("run_id")["window_end"].max()))
    ahead = ahead.assign(next_return=np.nan, next_known_at=pd.Series(pd.NaT, index=ahead.index, dtype=over.dtype))
    both = pd.concat([begun, ahead], ignore_index=True)
    return both.assign(next_known_at=both["next_known_at"].where(both["next_return"].notna()))
