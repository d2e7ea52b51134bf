"""Datasets: what a model learns from, as it was known at each moment."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from include.calendars import DECISION_DELAY
from include.errors import InsufficientDataError
from include.feature_sets import read_features
from include.lake import Lake
from include.months import month_end, month_start
from include.publish import list_months, read_month
from include.timeframes import timeframe_length
from include.universes import Universe

KEYS = ["symbol", "timestamp", "closed_at"]
MINIMUM_YEARS = 2
#: Of bars shorter than a day: 90 collected days less what features and medians need to begin.
MINIMUM_DAYS, _MINIMUM_BARS = 80, 500
_MINIMUM_SHARE = 0.9  # of the sessions of two years; less is a large gap
_SESSIONS = 252
_MARGIN = pd.Timedelta(days=10)  # two calendar years of sessions begin and end with holidays


@dataclass(frozen=True)
class Source:
    """Where the rows come from.

    A lake, a universe, and the half-open UTC interval of bar openings (None: all there is). ``ends_by_row`` says whether an earlier
    ``end`` leaves the rows before it as they are. ``trades_run`` names the only run of trades to learn from (None: see
    :func:`ml.trade_runs.choose_runs`).
    """

    ends_by_row: ClassVar[bool] = True

    lake: Lake
    universe: Universe
    timeframe: str = "1d"
    start: datetime | None = None
    end: datetime | None = None
    trades_run: str | None = field(default=None, kw_only=True)

    def features(self, symbols: list[str], names: list[str]) -> pd.DataFrame:
        """Feature rows: the keys and ``names``, ordered by symbol and timestamp."""
        frame = read_features(self.lake, self.timeframe, self.start, self.end, symbols, names)
        return frame[[*KEYS, *names]].sort_values(["symbol", "timestamp"], ignore_index=True)

    def closes(self, symbol: str) -> pd.DataFrame:
        """Bars of one symbol that have a close: ``timestamp``, ``closed_at``, ``close``, in order."""
        bars = self.bars([symbol], ["close"])
        return bars.loc[bars["close"].notna(), ["timestamp", "closed_at", "close"]].reset_index(drop=True)

    def bars(self, symbols: list[str], names: list[str]) -> pd.DataFrame:
        """Bars: the keys and ``names``, ordered by symbol and timestamp; prices as each was fetched (:mod:`ml.prices`)."""
        dataset = self.lake.bars(self.timeframe)
        columns = [*KEYS, *names]
        parts = [pd.DataFrame(columns=columns)]
        for month in list_months(self.lake, dataset):
            if (self.start and month_end(month) <= self.start) or (self.end and month_start(month) >= self.end):
                continue
            table = read_month(self.lake, dataset, month, columns)
            if table is not None:
                frame = table.to_pandas()
                parts.append(frame[frame["symbol"].isin(symbols)])
        bars = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
        inside = pd.Series(True, index=bars.index)
        if self.start:
            inside &= bars["timestamp"] >= self.start
        if self.end:
            inside &= bars["timestamp"] < self.end
        return bars[inside].sort_values(["symbol", "timestamp"], ignore_index=True)


@dataclass(frozen=True)
class Dataset:
    """Rows with features and labels.

    Attributes
    ----------
    rows
        Columns ``symbol``, ``timestamp``, ``closed_at`` (UTC) and ``features``; ordered by symbol and timestamp,
        index 0..n-1.
    features
        Names of the columns a model may learn from.
    labels
        By label name a frame on the same index: ``value`` (null: no label) and ``known_at`` (UTC), when it was known; further
        columns tell more of the outcome (what a trade earned), known at the same time.
    left_out
        Symbols of the universe that take no part, with the reason.
    particulars
        Names of the columns that tell rows of one symbol and bar apart (an option's right, distance, expiry); they go into
        the stored predictions. Empty where there is one row a bar.
    judged_from
        Where something about the model was chosen on the rows before, the moment from which it may be judged.
    learnt_from
        Of what is made of trades: the ``runs`` of the simulation that the rows are of, and the ``costs`` that these were simulated at.
    """

    rows: pd.DataFrame
    features: list[str]
    labels: dict[str, pd.DataFrame] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    particulars: list[str] = field(default_factory=list)
    judged_from: pd.Timestamp | None = None
    learnt_from: dict[str, Any] = field(default_factory=dict)

    @property
    def symbols(self) -> list[str]:
        """Symbols that have rows."""
        return list(dict.fromkeys(self.rows["symbol"]))

    def known_by(self, moment: pd.Timestamp) -> Dataset:
        """Return what was known just before ``moment``: rows closed before it, labels known by it.

        This is the purge of every split.
        """
        kept = self._take(self.rows["closed_at"] < moment)
        labels = {name: label.where(label["known_at"] <= moment) for name, label in kept.labels.items()}
        return replace(kept, labels=labels)

    def known_since(self, moment: pd.Timestamp) -> Dataset:
        """All rows, but only the labels that were not known by ``moment``."""
        return replace(self, labels={name: label.where(label["known_at"] > moment) for name, label in self.labels.items()})

    def part(self, symbols: list[str], features: list[str]) -> Dataset:
        """Rows of some symbols, and some features of them."""
        return replace(self._take(self.rows["symbol"].isin(symbols)), features=features)

    def before(self, moment: pd.Timestamp) -> Dataset:
        """Rows closed before ``moment``, with their labels whenever known: for judging, never for fitting."""
        return self._take(self.rows["closed_at"] < moment)

    def since(self, moment: pd.Timestamp) -> Dataset:
        """Rows closed at ``moment`` or later."""
        return self._take(self.rows["closed_at"] >= moment)

    def _take(self, mask: pd.Series) -> Dataset:
        labels = {name: label[mask].reset_index(drop=True) for name, label in self.labels.items()}
        return replace(self, rows=self.rows[mask].reset_index(drop=True), labels=labels)

    def content_hash(self) -> str:
        """SHA-256 over every row, feature and label; equal data, equal hash, on every machine."""
        digest = hashlib.sha256()
        columns = dict.fromkeys([*KEYS, *self.particulars, *self.features])
        frames = [("rows", self.rows[list(columns)]), *sorted(self.labels.items())]
        for name, frame in frames:
            for column in frame.columns:
                digest.update(f"{name}/{column}/{len(frame)};".encode())
                digest.update(_plain_bytes(frame[column]))
        return digest.hexdigest()


def join_known(rows: pd.DataFrame, other: pd.DataFrame, columns: list[str], tolerance: pd.Timedelta) -> pd.DataFrame:
    """Bring another symbol's values to ``rows`` by the time they were known.

    Parameters
    ----------
    rows
        Has ``closed_at``, any order.
    other
        Has ``closed_at`` and ``columns``.
    tolerance
        Values known longer than this before a row's decision are stale and stay out.

    Returns
    -------
    pandas.DataFrame
        ``columns`` on the index of ``rows``: the newest values known by the row's decision,
        ``closed_at + DECISION_DELAY``.
    """
    left = pd.DataFrame({"decision": rows["closed_at"] + DECISION_DELAY, "place": np.arange(len(rows))}).sort_values("decision")
    right = other[["closed_at", *columns]].rename(columns={"closed_at": "known_at"}).sort_values("known_at")
    joined = pd.merge_asof(left, right, left_on="decision", right_on="known_at", tolerance=tolerance)
    return joined.sort_values("place").set_index(rows.index)[columns]


def too_short(closed_at: pd.Series, timeframe: str = "1d") -> str | None:
    """Why rows closed at these times are not enough to train on, or None: two years of daily bars, 80 days of shorter ones, nearly full."""
    if closed_at.empty:
        return "there are no rows"
    first, last = closed_at.min(), closed_at.max()
    daily = timeframe_length(timeframe) >= timedelta(days=1)
    needed = int(MINIMUM_YEARS * _SESSIONS * _MINIMUM_SHARE) if daily else _MINIMUM_BARS
    span = pd.Timedelta(days=MINIMUM_YEARS * 365) - _MARGIN if daily else pd.Timedelta(days=MINIMUM_DAYS)
    rows = f"{len(closed_at)} usable rows from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    if last - first < span:
        return f"there are {rows}, {(last - first).days} days; {span.days} days are needed, with {needed} rows"
    return f"there are {rows}; {needed} rows are needed" if len(closed_at) < needed else None


def leave_out_short(
    model_id: str, closed_at: Mapping[str, pd.Series], left_out: Mapping[str, str] | None = None, *, timeframe: str = "1d", of: str = ""
) -> dict[str, str]:
    """Why symbols take no part: those of ``left_out``, and those whose rows are too few.

    Parameters
    ----------
    closed_at
        By symbol when its usable rows closed (UTC).
    left_out
        Symbols that have no rows at all, with the reason.
    of
        What the rows are, to begin the reason with.

    Raises
    ------
    InsufficientDataError
        If no symbol is left.
    """
    short = {symbol: of + reason for symbol, closes in closed_at.items() if (reason := too_short(closes, timeframe))}
    reasons = short | dict(left_out or {})
    if closed_at.keys() <= reasons.keys():
        alike: dict[str, list[str]] = {}
        for symbol, why in reasons.items():
            alike.setdefault(why, []).append(symbol)
        raise insufficient(model_id, "; ".join(f"{', '.join(symbols)}: {why}" for why, symbols in alike.items()) or "there is no symbol")
    return reasons


def insufficient(model_id: str, reason: str) -> InsufficientDataError:
    """Make the error for data that is too little to train on."""
    return InsufficientDataError(f"Insufficient data for training {model_id}: {reason}; run backfill_market for a longer time")


def _plain_bytes(column: pd.Series) -> bytes:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return bytes(column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[us]").astype("<i8").tobytes())
    if pd.api.types.is_numeric_dtype(column.dtype):
        values = column.to_numpy(dtype="<f8", na_value=np.nan)
        return bytes(np.where(np.isnan(values), np.nan, values).tobytes())
    return "\n".join(column.astype(str)).encode()
