"""Put beside each bar what the series rules compare it with. Nothing here looks at a later bar.

What a bar is compared with lies at most :data:`LOOK_BACK` before it, so that checking one month says the same as checking all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from expectations.splits import Splits, suspected_splits
from include.quality import Thresholds
from include.universes import Instrument, Kind

LOOK_BACK = pd.Timedelta(days=45)

_BAR = ["symbol", "open", "high", "low", "close", "volume"]
_CAN_SPLIT = (Kind.STOCK, Kind.FUND)


@dataclass(frozen=True)
class Facts:
    """What is known of one instrument: its thresholds and its splits."""

    instrument: Instrument
    thresholds: Thresholds
    splits: Splits

    @property
    def largest_move(self) -> float:
        """Largest unremarkable change from close to close; not a number: any."""
        if self.instrument.symbol in self.thresholds.any_move:
            return np.nan
        bound = self.thresholds.largest_move.get(self.instrument.kind)
        return np.nan if bound is None else bound


def beside(bars: pd.DataFrame, facts: Mapping[str, Facts], others: pd.DataFrame) -> pd.DataFrame:
    """Make the frame that the series suite sees.

    Parameters
    ----------
    bars
        Kept rows ordered by symbol and timestamp, with their place in the calendar (:func:`include.sessions.place`).
    facts
        By symbol.
    others
        Closes of another source: symbol, timestamp, other_close (on the scale of ``bars``), other_source.

    Returns
    -------
    pandas.DataFrame
        The rows of ``bars`` in their order; a comparison that is not possible or not asked for is missing.
    """
    frame = bars.reset_index(drop=True)
    of = _by_symbol(frame, facts)
    before = frame.groupby("symbol", sort=False)[["timestamp", "close"]].shift()
    near = (frame["timestamp"] - before["timestamp"]) <= LOOK_BACK
    scale = _scale(frame, facts)
    frame["previous_close"] = (before["close"] * scale / scale.groupby(frame["symbol"], sort=False).shift()).where(near)
    unscaled = frame["open"].fillna(frame["close"]) / before["close"]
    frame["open_ratio"] = frame["open"].fillna(frame["close"]) / frame["previous_close"]
    frame["unit_jump"] = frame["open_ratio"].where(frame["open_ratio"] >= of["unit_jump"])
    frame["fell"], frame["fall_ratio"] = _fall_before(frame, of["unit_jump"])
    frame["known_split"] = _known_split(frame, scale, unscaled)
    frame["suspected_split"] = suspected_splits(frame, of["can_split"], facts)
    explained = frame["known_split"].notna() | frame["suspected_split"].notna()
    frame["move"] = (frame["close"] / frame["previous_close"] - 1).abs().mask(explained)
    upper, lower = frame[["open", "close"]].max(axis=1), frame[["open", "close"]].min(axis=1)
    frame["reach"] = np.maximum(frame["high"] / upper, lower / frame["low"]) - 1
    frame["largest_move"] = of["largest_move"]
    _volume(frame, of["trades_volume"])
    frame["missing_prices"] = frame[["open", "high", "low"]].isna().sum(axis=1)
    frame["grid_seconds"] = np.minimum(frame["from_open"], frame["by_clock"])
    frame["out_of_order"] = _out_of_order(frame)
    frame["equal_to"] = _equal_to(frame, of["trades_volume"])
    _agreement(frame, of["largest_difference"], others)
    return frame


def _by_symbol(frame: pd.DataFrame, facts: Mapping[str, Facts]) -> dict[str, np.ndarray]:
    """Each instrument's facts as a column."""
    codes, symbols = pd.factorize(frame["symbol"])
    held = [facts[str(symbol)] for symbol in symbols]

    def column(values: list[Any], kind: type) -> np.ndarray:
        return np.array(values, kind)[codes] if held else np.array([], kind)

    return {
        "can_split": column([fact.instrument.kind in _CAN_SPLIT for fact in held], bool),
        "trades_volume": column([fact.instrument.trades_volume for fact in held], bool),
        "largest_move": column([fact.largest_move for fact in held], float),
        "unit_jump": column([fact.thresholds.unit_jump for fact in held], float),
        "largest_difference": column([fact.thresholds.source_difference for fact in held], float),
    }


def _scale(frame: pd.DataFrame, facts: Mapping[str, Facts]) -> pd.Series:
    """By how much later known splits will divide each row's prices."""
    scale = pd.Series(1.0, index=frame.index)
    for symbol, rows in frame.groupby("symbol", sort=False):
        splits = facts[str(symbol)].splits
        if splits.dates.size:
            scale.loc[rows.index] = splits.later_than(rows["adjustment"], rows["timestamp"], rows["as_of"])
    return scale


def _fall_before(frame: pd.DataFrame, bound: np.ndarray) -> tuple[pd.Series, pd.Series]:
    """Where a price jumps to another unit: when it fell as far before that, and to what share; the bars between are in another unit."""
    fell, share = pd.Series(pd.NaT, index=frame.index, dtype=frame["timestamp"].dtype), pd.Series(np.nan, index=frame.index)
    jumps = np.flatnonzero(frame["unit_jump"].notna())
    falls = np.flatnonzero(frame["open_ratio"].to_numpy(float) <= 1 / bound)
    last = np.searchsorted(falls, jumps) - 1
    before = np.append(-1, jumps[:-1])
    for jump, earlier, at in zip(jumps[last >= 0], before[last >= 0], falls[last[last >= 0]], strict=True):
        one, other = frame.iloc[at], frame.iloc[jump]
        if at > earlier and one["symbol"] == other["symbol"] and other["timestamp"] - one["timestamp"] <= LOOK_BACK:
            fell.iloc[jump], share.iloc[jump] = one["timestamp"], one["open_ratio"]
    return fell, share


def _known_split(frame: pd.DataFrame, scale: pd.Series, unscaled: pd.Series) -> pd.Series:
    """New shares for one, on a row as traded that is nearer to the row before it once the split is taken into account."""
    shares = scale.groupby(frame["symbol"], sort=False).shift() / scale
    takes_effect = (shares != 1) & (np.log(frame["open_ratio"]).abs() < np.log(unscaled).abs())
    return shares.where(takes_effect & (frame["adjustment"] == "raw"))


def _volume(frame: pd.DataFrame, trades: np.ndarray) -> None:
    none = trades & ~(frame["volume"] > 0)
    flat = none & (frame["open"] == frame["close"]) & (frame["high"] == frame["close"]) & (frame["low"] == frame["close"])
    frame["flat_price"] = frame["close"].where(flat)
    frame["traded"] = frame["volume"].fillna(0).where(trades & ~flat)


def _out_of_order(frame: pd.DataFrame) -> pd.Series:
    """1 where a row breaks the order, rising or falling, that most rows of its answer have within the month."""
    rows = frame[["symbol", "fetched_at", "row", "timestamp"]].sort_values(["symbol", "fetched_at", "row"])
    rows["month"] = rows["timestamp"].dt.tz_localize(None).to_numpy("datetime64[M]").astype(np.int64)
    groups = rows.groupby(["symbol", "fetched_at", "month"], sort=False)
    step = np.sign(groups["timestamp"].diff().dt.total_seconds().fillna(0))
    if (step >= 0).all():
        return pd.Series(0, index=frame.index)
    direction = np.sign(step.groupby([rows["symbol"], rows["fetched_at"], rows["month"]], sort=False).transform("sum")).replace(0, 1)
    breaks: pd.Series = (step * direction < 0).astype(np.int64).reindex(frame.index)
    return breaks


def _equal_to(frame: pd.DataFrame, trades: np.ndarray) -> pd.Series:
    """Time of an earlier bar with the same prices and volume, to the last digit: in a traded market that is no chance."""
    found = pd.Series(pd.NaT, index=frame.index, dtype=frame["timestamp"].dtype)
    whole = trades & (frame["volume"] > 0) & (frame["high"] > frame["low"]) & frame["open"].notna()
    same = frame[whole & frame.duplicated(_BAR, keep=False)]
    if len(same):
        earlier = same.groupby(_BAR, sort=False)["timestamp"].shift()
        found.loc[same.index] = earlier.where((same["timestamp"] - earlier) <= LOOK_BACK)
    return found


def _agreement(frame: pd.DataFrame, allowed: np.ndarray, others: pd.DataFrame) -> None:
    if len(others):
        merged = frame[["symbol", "timestamp"]].merge(others, on=["symbol", "timestamp"], how="left")
        frame["other_close"], frame["other_source"] = merged["other_close"].to_numpy(), merged["other_source"].to_numpy()
    else:
        frame["other_close"], frame["other_source"] = np.nan, ""
    frame["difference"] = (frame["close"] / frame["other_close"] - 1).abs()
    frame["largest_difference"] = allowed
