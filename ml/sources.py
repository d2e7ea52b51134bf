"""Open what a model of the catalogue learns from."""

from __future__ import annotations

from datetime import datetime

from include.errors import UnsuitableError
from include.lake import Lake
from include.universes import load_universe
from ml.backtests import open_backtests
from ml.catalog import BACKTESTS, TRADES, find_entry
from ml.dataset import Source


def open_source(
    lake: Lake,
    model_id: str,
    universe: str,
    timeframe: str,
    start: datetime | None = None,
    end: datetime | None = None,
    *,
    trades_run: str | None = None,
) -> Source:
    """Source of a model on the bars of a universe, from ``start`` to before ``end`` (UTC).

    Parameters
    ----------
    trades_run
        The only run of trades to learn from, for a model that learns from trades or backtests; another has none.

    Raises
    ------
    ConfigurationError
        If the model or universe is unknown.
    UnsuitableError
        If the model does not learn from bars of the timeframe.
    """
    entry, known = find_entry(model_id), load_universe(universe)
    if timeframe not in entry.timeframes:
        raise UnsuitableError(f"model {model_id} is trained on bars of {', '.join(entry.timeframes)}, not {timeframe}")
    if entry.learns_from == BACKTESTS:
        return open_backtests(lake, known, timeframe, start, end, trades_run=trades_run)
    return Source(lake, known, timeframe, start, end, trades_run=trades_run if entry.learns_from == TRADES else None)
