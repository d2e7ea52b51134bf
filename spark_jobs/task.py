"""What Spark hands to a task, and how a task gets at its symbols' bars."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from include.lake import Lake
from spark_jobs.features.bars import COLUMNS, SymbolBars
from spark_jobs.features.scale import Dividend, Split, dividend_factors, split_ratios
from spark_jobs.history import Column, History, read_history


@dataclass(frozen=True)
class BucketTask:
    """Some buckets of symbols.

    Symbols are dealt into buckets by a hash of their name, so that a bucket's part of a month holds the same rows whoever makes it.

    Attributes
    ----------
    buckets, of
        Numbers of the buckets, and how many there are in all.
    feature_set
        Identity of the set that is built.
    history
        Months of bars that are read, in order, from the first one; with ``carried`` the first stands for all that is taken along.
    months
        Months whose features are wanted.
    splits, dividends, without_volume, without_vote
        As in :class:`spark_jobs.plan.FeaturePlan`.
    carried
        A file for each bucket of all, with what the run before left (see :mod:`spark_jobs.carrying`); None: bars from the first one.
    carry
        Folder in which to leave what the next run can take along, as of the end of the last month but one; None: nowhere.
    """

    lake: str
    timeframe: str
    feature_set: str
    buckets: tuple[int, ...]
    of: int
    history: tuple[str, ...]
    months: tuple[str, ...]
    splits: Mapping[str, tuple[Split, ...]] = field(repr=False)
    dividends: Mapping[str, tuple[Dividend, ...]] = field(repr=False)
    without_volume: frozenset[str] = field(repr=False)
    without_vote: frozenset[str] = field(repr=False)
    carried: tuple[str, ...] | None = field(default=None, repr=False, kw_only=True)
    carry: str | None = field(default=None, kw_only=True)

    def holds(self, symbol: str) -> bool:
        """Whether the symbol is in one of the buckets."""
        return bucket_of(symbol, self.of) in self.buckets

    @property
    def state(self) -> tuple[str, ...]:
        """Columns that say on which price scale a row is, where that matters."""
        return ("as_of", "adjustment") if self.splits or self.dividends else ()

    def read(self, lake: Lake, columns: Sequence[str]) -> History:
        """The past of all symbols of the buckets, with the columns that their price scale needs."""
        return read_history(lake, self.timeframe, self.history, self.holds, [*columns, *self.state])

    def wanted(self, history: History) -> npt.NDArray[np.bool_]:
        """Whether each row is of a month whose features are wanted."""
        return np.isin(self.history, self.months)[history.month]

    def symbols(self, history: History, bucket: int) -> Iterator[tuple[str, slice]]:
        """The bucket's symbols and their rows."""
        for place, symbol in enumerate(history.symbols):
            if bucket_of(symbol, self.of) == bucket:
                yield symbol, history.rows(place)

    def bars(self, history: History, symbol: str, rows: slice) -> SymbolBars:
        """One symbol's bars on one price scale; columns that were not read are null."""
        return self._scaled(symbol, {name: column[rows] for name, column in history.columns.items()})

    def _scaled(self, symbol: str, columns: Mapping[str, Column]) -> SymbolBars:
        nothing = np.full(columns["timestamp"].size, np.nan)
        values = {name: columns.get(name, nothing) for name in COLUMNS}
        if symbol in self.without_volume:
            values["volume"] = nothing
        if symbol in self.splits:
            ratios = split_ratios(self.splits[symbol], columns["timestamp"], columns["as_of"], columns["adjustment"])
            values = {name: column * ratios if name == "volume" else column / ratios for name, column in values.items()}
        if symbol in self.dividends:
            splits = self.splits.get(symbol, ())
            factors = dividend_factors(symbol, self.dividends[symbol], splits, {**columns, "close": values["close"]})
            values = {name: column if name == "volume" else column * factors for name, column in values.items()}
        return SymbolBars(**values)


@lru_cache(maxsize=100_000)
def bucket_of(symbol: str, buckets: int) -> int:
    """Number of the symbol's bucket; the same in every process and on every machine."""
    return zlib.crc32(symbol.encode()) % buckets
