"""What another source says of the same bars."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from expectations.splits import Splits, near_ratio
from include.lake import Lake
from include.landing import Adjustment, SymbolLanding
from include.quality import Thresholds

#: Fewer common bars in a month say nothing about the scale.
_FEWEST = 5
#: Two sources whose prices lie further apart than this are on two scales, or one of them is wrong.
_SAME_SCALE = 0.05

NOTHING = pd.DataFrame({"symbol": [], "timestamp": [], "other_close": [], "other_source": []}).astype(
    {"symbol": "str", "timestamp": "datetime64[us, UTC]", "other_close": "float64", "other_source": "str"}
)


class OtherSources:
    """The other sources that landed bars of a symbol and timeframe; the first of them that has a bar is asked."""

    def __init__(self, lake: Lake, source: str, timeframe: str, symbol: str, splits: Splits) -> None:
        self._symbol, self._splits = symbol, splits
        names = [folder.removeprefix("source=") for folder in lake.folders("landing")]
        self._landings = {
            name: landing
            for name in names
            if name != source and (landing := SymbolLanding(lake, name, timeframe, symbol)).answers
        }  # fmt: skip

    def closes(self, bars: pd.DataFrame, start: datetime, end: datetime, thresholds: Thresholds) -> pd.DataFrame:
        """Closes of another source for ``bars`` (rows of this symbol), month by month on their scale."""
        found = []
        for name, landing in self._landings.items():
            rows = _frame(landing.read(start, end).rows)
            common = bars[["timestamp", "close", "adjustment", "as_of"]].merge(rows, on="timestamp", suffixes=("", "_other"))
            for _, month in common.groupby(common["timestamp"].dt.tz_localize(None).to_numpy("datetime64[M]")):
                found.append(self._of_month(name, month, thresholds))
        if not found:
            return NOTHING
        return pd.concat(found, ignore_index=True).drop_duplicates("timestamp")

    def _of_month(self, name: str, month: pd.DataFrame, thresholds: Thresholds) -> pd.DataFrame:
        own = self._splits.later_than(month["adjustment"], month["timestamp"], month["as_of"])
        theirs = self._splits.later_than(month["adjustment_other"], month["timestamp"], month["as_of_other"])
        closes = month["close_other"] * own / theirs
        closes = closes * _level((month["close"] / closes).to_numpy(float), thresholds, pays=_pays(month))
        return pd.DataFrame({"symbol": self._symbol, "timestamp": month["timestamp"], "other_close": closes, "other_source": name})


def _level(ratios: np.ndarray, thresholds: Thresholds, *, pays: bool) -> float:
    """Scale between two sources in one month; a scale that nothing explains is none: then all its bars disagree."""
    ratios = ratios[np.isfinite(ratios) & (ratios > 0)]
    if len(ratios) < _FEWEST:
        return np.nan
    level = float(np.median(ratios))
    explained = pays or abs(level - 1) <= _SAME_SCALE or np.isfinite(near_ratio(np.array([level]), thresholds)[0])
    return level if explained else 1.0


def _pays(month: pd.DataFrame) -> bool:
    """Whether dividends were taken out of one of the two."""
    states: Iterable[str] = [*month["adjustment"], *month["adjustment_other"]]
    return Adjustment.SPLIT_AND_DIVIDEND in set(states)


def _frame(rows: pa.Table) -> pd.DataFrame:
    frame = rows.select(["timestamp", "close", "adjustment", "as_of"]).to_pandas()
    valued: pd.DataFrame = frame[frame["close"] > 0].drop_duplicates("timestamp", keep=False)
    return valued
