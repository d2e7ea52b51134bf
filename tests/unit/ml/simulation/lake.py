"""A lake with bars of random walks, for runs of the simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from include.lake import Lake
from include.months import MONTH_FORMAT
from include.publish import publish_month
from include.schemas import BARS, conform
from include.universes import Instrument, Kind, Universe
from ml.dataset import Source
from tests.unit.ml.simulation.bars import walk

SYMBOLS = ("BTC/USDT", "ETH/USDT")


def source_of(lake: Lake, timeframe: str = "1d") -> Source:
    """The two symbols, and one that has no bars."""
    made = [Instrument(symbol=name, name=name, kind=Kind.CRYPTO, calendar="24/7", trades_volume=True) for name in (*SYMBOLS, "POL/USDT")]
    return Source(lake, Universe(name="made", description="made", instruments=tuple(made)), timeframe)


def fill_lake(lake: Lake, count: int, timeframe: str = "1d", start: str = "2018-01-01") -> None:
    """Bars of both symbols, published by month."""
    parts = []
    for seed, symbol in enumerate(SYMBOLS):
        bars = walk(count, seed, timeframe=timeframe, start=start, step=0.02 if timeframe == "1d" else 0.001)
        frame = pd.DataFrame({name: getattr(bars, name) for name in ("timestamp", "closed_at", "open", "high", "low", "close")})
        parts.append(frame.assign(symbol=symbol, volume=1000.0, adjusted_close=np.nan, source="csv", adjustment="none", flags=None))
    together = pd.concat(parts).assign(as_of=parts[0]["closed_at"].max())
    for month, rows in together.groupby(together["timestamp"].dt.strftime(MONTH_FORMAT)):
        table = conform(pa.Table.from_pandas(rows[BARS.names], preserve_index=False), BARS, "bars")
        publish_month(lake, lake.bars(timeframe), str(month), lambda _, table=table: table)
