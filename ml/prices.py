"""Prices on one scale: divided by every split that came later than the day up to which the source had adjusted them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from include.actions import ActionKind, read_actions
from include.lake import Lake
from include.landing import Adjustment
from include.months import as_utc
from ml.dataset import Source

_PRICES = ["open", "high", "low", "close"]


def split_adjusted(source: Source, symbol: str) -> pd.DataFrame:
    """Bars of one symbol: ``timestamp``, ``closed_at``, ``open``, ``high``, ``low``, ``close``, in order, prices of today's share.

    Dividends are left in: they lower a price, but no strike.
    """
    bars = source.bars([symbol], [*_PRICES, "as_of", "adjustment"])
    until = bars["as_of"].where(bars["adjustment"] != Adjustment.RAW, bars["timestamp"])
    ratios = splits_after(source.lake, symbol, until).where(bars["adjustment"] != Adjustment.NONE, 1.0)
    prices = bars[_PRICES].astype(np.float64).div(ratios, axis=0)
    return pd.concat([bars[["timestamp", "closed_at"]], prices], axis=1)


def splits_after(lake: Lake, symbol: str, moments: pd.Series) -> pd.Series:
    """How many of today's shares one share of each moment (UTC) has become."""
    ratios = pd.Series(1.0, index=moments.index)
    for action in read_actions(lake, symbol):
        if action.kind is ActionKind.SPLIT:
            ratios[moments < as_utc(action.date)] *= action.value
    return ratios
