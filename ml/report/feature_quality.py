"""The features of a universe: how many, and where they have no value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from include.feature_sets import FeatureFacts, FeatureSet, read_current, read_features
from include.lake import Lake


@dataclass(frozen=True)
class FeatureQuality:
    """Counts of one feature by symbol. ``nulls`` leaves out the warm-up, the first ``facts.warm_up`` rows of a symbol."""

    facts: FeatureFacts
    rows: dict[str, int]
    nulls: dict[str, int]
    warm_up_nulls: dict[str, int]
    infinite: int

    def share(self, symbol: str) -> float | None:
        """Null share after the warm-up, 0 to 1; None where the symbol has no row after it."""
        rows = max(self.rows.get(symbol, 0) - self.facts.warm_up, 0)
        return self.nulls.get(symbol, 0) / rows if rows else None

    @property
    def null_share(self) -> float:
        """Null share over all rows of all symbols, the warm-up included."""
        total = sum(self.rows.values())
        return (sum(self.nulls.values()) + sum(self.warm_up_nulls.values())) / total if total else 0.0


@dataclass(frozen=True)
class Category:
    """One family of features."""

    name: str
    features: list[FeatureQuality]

    def share(self, symbol: str) -> float | None:
        """Mean over the features of the null share after the warm-up."""
        shares = [share for feature in self.features if (share := feature.share(symbol)) is not None]
        return sum(shares) / len(shares) if shares else None


@dataclass(frozen=True)
class Features:
    """The current feature set on the universe's rows."""

    feature_set: FeatureSet
    symbols: list[str]
    rows: int
    last: datetime | None
    categories: list[Category]

    @property
    def infinite(self) -> int:
        """Infinite values; there should be none."""
        return sum(feature.infinite for category in self.categories for feature in category.features)


def read_quality(lake: Lake, timeframe: str, symbols: list[str], first: datetime, last: datetime) -> Features:
    """Count nulls of the current feature set, a year at a time.

    Raises
    ------
    LakeError
        If no features were built yet, or a month is damaged.
    """
    current = read_current(lake, timeframe)
    rows, infinite = pd.Series(0, index=symbols), np.zeros(len(current.names), dtype=np.int64)
    nulls, early = (np.zeros((len(symbols), len(current.names)), dtype=np.int64) for _ in range(2))
    warm_up = np.array([facts.warm_up for facts in current.features])
    newest: datetime | None = None
    for year in range(first.year, last.year + 1):
        frame = read_features(lake, timeframe, datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC), symbols)
        for symbol, part in frame.groupby("symbol"):
            place = symbols.index(str(symbol))
            values = part[current.names].to_numpy(np.float32)
            warming = (rows.iloc[place] + np.arange(len(part)))[:, None] < warm_up
            absent = np.isnan(values)
            nulls[place] += (absent & ~warming).sum(axis=0)
            early[place] += (absent & warming).sum(axis=0)
            infinite += np.isinf(values).sum(axis=0)
            rows.iloc[place] += len(part)
            newest = max(newest or part["timestamp"].max(), part["timestamp"].max())
    held = [symbol for symbol in symbols if rows[symbol]]
    counted = [
        FeatureQuality(
            facts,
            {symbol: int(rows[symbol]) for symbol in held},
            {symbol: int(nulls[symbols.index(symbol), column]) for symbol in held},
            {symbol: int(early[symbols.index(symbol), column]) for symbol in held},
            int(infinite[column]),
        )
        for column, facts in enumerate(current.features)
    ]
    names = dict.fromkeys(feature.facts.category for feature in counted)
    categories = [Category(name, [feature for feature in counted if feature.facts.category == name]) for name in names]
    return Features(current, held, int(rows.sum()), newest, categories)
