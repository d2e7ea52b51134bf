"""Splits: those that are known, and jumps that look like one.

A split shows in the open beside the close before: near 2:1, 3:2 and so on, with usual volume. A crash of that size comes with many
times the usual volume. Some sources adjust volume for splits, some do not; both are usual here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from include.actions import ActionKind, read_actions
from include.lake import Lake
from include.landing import Adjustment
from include.quality import Thresholds

if TYPE_CHECKING:
    from expectations.beside import Facts

#: Volume is compared with that of the bars of the same time of day in the four weeks before, about twenty sessions.
_USUAL = np.timedelta64(28, "D")
_FEWEST = 5


@dataclass(frozen=True)
class Splits:
    """Known splits of one symbol: ``dates`` (``datetime64[us]``, rising) and ``shares``, new ones per old one."""

    dates: np.ndarray
    shares: np.ndarray

    def later_than(self, adjustment: pd.Series, timestamps: pd.Series, as_of: pd.Series) -> np.ndarray:
        """Product of the splits later than each row's own state: its day as traded, else the time up to which it is adjusted."""
        adjusted = adjustment.isin([Adjustment.SPLIT, Adjustment.SPLIT_AND_DIVIDEND])
        state = as_of.where(adjusted, timestamps).dt.tz_convert(None).to_numpy("datetime64[us]")
        product = np.append(np.cumprod(self.shares[::-1])[::-1], 1.0)
        later: np.ndarray = product[np.searchsorted(self.dates, state, side="right")]
        return later


def read_splits(lake: Lake, symbol: str) -> Splits:
    """Splits among the actions that the lake holds of a symbol."""
    held = [action for action in read_actions(lake, symbol) if action.kind is ActionKind.SPLIT and action.value != 1]
    return Splits(np.array([action.date for action in held], "datetime64[us]"), np.array([action.value for action in held], float))


def near_ratio(jump: np.ndarray, thresholds: Thresholds) -> np.ndarray:
    """New shares for one that a jump of the price looks like; not a number where it looks like none."""
    shares = np.array([*thresholds.split_ratios, *(1 / ratio for ratio in thresholds.split_ratios)])
    apart = np.abs(jump[:, None] * shares - 1)
    nearest = apart.argmin(axis=1)
    close = apart[np.arange(len(jump)), nearest] <= thresholds.split_tolerance
    return np.where(close, shares[nearest], np.nan)


def suspected_splits(frame: pd.DataFrame, can_split: np.ndarray, facts: Mapping[str, Facts]) -> pd.Series:
    """New shares for one where ``open_ratio`` looks like a split and the volume is usual, or not known; missing elsewhere."""
    found = pd.Series(np.nan, index=frame.index)
    tolerance = max((fact.thresholds.split_tolerance for fact in facts.values()), default=0)
    smallest = min((min(fact.thresholds.split_ratios) for fact in facts.values()), default=1)
    # Cheap look first: nearly all bars are nowhere near.
    possible = frame[can_split & (np.log(frame["open_ratio"]).abs() > np.log(smallest) - 2 * tolerance)]
    of_symbol = frame.groupby("symbol", sort=False)[["timestamp", "volume"]]
    for symbol, rows in possible.groupby("symbol", sort=False):
        thresholds = facts[str(symbol)].thresholds
        shares = near_ratio(rows["open_ratio"].to_numpy(float), thresholds)
        series = of_symbol.get_group(symbol)
        times, volumes = series["timestamp"].to_numpy("datetime64[us]"), series["volume"].to_numpy(float)
        for index, at, ratio in zip(rows.index, series.index.get_indexer(rows.index), shares, strict=True):
            if np.isfinite(ratio) and _volume_is_usual(times[: at + 1], volumes[: at + 1], ratio, thresholds.split_volume):
                found.loc[index] = ratio
    return found


def _volume_is_usual(times: np.ndarray, volumes: np.ndarray, shares: float, most: float) -> bool:
    """Whether the last bar's volume is usual, either as it is or divided by the new shares for one."""
    first = np.searchsorted(times, times[-1] - _USUAL)
    same_time = (times[-1] - times[first:-1]) % np.timedelta64(1, "D") == np.timedelta64(0)
    before = volumes[first:-1][same_time & ~np.isnan(volumes[first:-1])]
    if len(before) < _FEWEST or not before.mean() > 0 or np.isnan(volumes[-1]):
        return True
    return bool(volumes[-1] <= most * max(1.0, shares) * before.mean())
