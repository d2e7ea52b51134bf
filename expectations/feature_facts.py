"""Measure the features of a month against its bars: one row a symbol, a count for each rule of the feature suite."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from include.feature_sets import FeatureSet

BAR_COLUMNS = ["symbol", "timestamp", "closed_at", "open", "high", "low", "close", "volume"]

_KEYS = ["symbol", "timestamp"]
_MATCHES = ("lost", "strange", "unmatched", "early")
_COUNTED = ("infinite", "premature", "invented", "empty")
_NAMED = tuple(f"{name}_in" for name in _COUNTED)
_SHOWN = 5
#: The category of features that are shares of votes of all symbols: what one symbol's bars lack says nothing of them.
_OF_ALL = "breadth"


@dataclass(frozen=True)
class Beside:
    """What the features of a month are measured against.

    ``seen`` counts the bars of each symbol before the month, ``without_volume`` are symbols that trade none, ``null_share`` is the
    share of rows after the warm-up from which a feature counts as empty.
    """

    feature_set: FeatureSet
    seen: Mapping[str, int]
    without_volume: Collection[str]
    null_share: float


def measure(features: pa.Table, bars: pa.Table, beside: Beside) -> pd.DataFrame:
    """Count, symbol by symbol, what should not be.

    Parameters
    ----------
    features, bars
        All rows of one month, in any order; ``bars`` with :data:`BAR_COLUMNS`.

    Returns
    -------
    pandas.DataFrame
        ``symbol``; ``lost`` (bars without features), ``strange`` (features without a bar), ``unmatched`` (both), ``early`` (rows known
        at another moment than their bar); counts of values: ``infinite``, ``premature`` (within the warm-up), ``invented`` (of volume,
        where none is traded); ``empty``: features null in ``null_share`` of the rows although the bars have all that they
        are made of. Each ``*_in`` names the first features concerned.
    """
    features, bars = (table.sort_by([(name, "ascending") for name in _KEYS]) for table in (features, bars))
    symbols, starts = np.unique(features["symbol"].to_numpy().astype(str), return_index=True)
    measured = _matched(features.select([*_KEYS, "closed_at"]), bars.select([*_KEYS, "closed_at"]))
    if len(symbols):
        lacking = _lacking(symbols, bars.to_pandas(), beside.feature_set)
        measured = measured.join(pd.DataFrame(_values(features, symbols, starts, lacking, beside), index=symbols))
    measured = measured.reindex(columns=[*_MATCHES, *_COUNTED, *_NAMED]).rename_axis("symbol").reset_index()
    filled: pd.DataFrame = measured.fillna(dict.fromkeys(_COUNTED, 0) | dict.fromkeys(_NAMED, ""))
    return filled


def differing(published: pa.Table, recomputed: pa.Table, names: Sequence[str]) -> pd.DataFrame:
    """Compare the values of equal keys bit by bit; a row that only one of the two has differs in all of them.

    Of a row that is there twice the first counts: another rule tells of it.

    Returns
    -------
    pandas.DataFrame
        ``symbol``, ``differing`` (values) and ``differing_in``, for each symbol of either.
    """
    first, second = (
        table.select([*_KEYS, *names]).to_pandas().drop_duplicates(_KEYS).set_index(_KEYS) for table in (published, recomputed)
    )
    rows = first.index.union(second.index)
    missing = ~(rows.isin(first.index) & rows.isin(second.index))
    one, other = (frame.reindex(rows).to_numpy(np.float32) for frame in (first, second))
    apart = (one != other) & ~(np.isnan(one) & np.isnan(other)) | missing[:, None]
    symbols, starts = np.unique(rows.get_level_values("symbol").to_numpy(str), return_index=True)
    counts = np.add.reduceat(apart, starts, axis=0, dtype=np.int64) if len(symbols) else np.zeros((0, len(names)), np.int64)
    return pd.DataFrame({"symbol": symbols, "differing": counts.sum(axis=1), "differing_in": _named(counts, names)})


def _matched(features: pa.Table, bars: pa.Table) -> pd.DataFrame:
    """Rows without their counterpart, and rows that say another moment, by symbol."""
    keys, held = features.to_pandas(), bars.to_pandas()
    if all(features[name].equals(bars[name]) for name in features.column_names) and not keys.duplicated(_KEYS).any():
        return pd.DataFrame(0, index=pd.unique(keys["symbol"]), columns=list(_MATCHES))
    both = held.merge(keys, on=_KEYS, how="outer", suffixes=("_of_bar", ""), indicator="side")
    repeated = both.duplicated(_KEYS)
    marks = pd.DataFrame(
        {
            "lost": (both["side"] == "left_only") & ~repeated,
            "strange": (both["side"] == "right_only") | repeated,
            "early": (both["side"] == "both") & (both["closed_at"] != both["closed_at_of_bar"]),
        }
    )
    counts = marks.groupby(both["symbol"]).sum()
    return counts.assign(unmatched=counts["lost"] + counts["strange"])


def _lacking(symbols: np.ndarray, held: pd.DataFrame, feature_set: FeatureSet) -> np.ndarray:
    """Whether the bars of a symbol (row) lack, somewhere in the month, what a feature (column) is made of."""
    columns = [name for name in BAR_COLUMNS if name in held and name not in {*_KEYS, "closed_at"}]
    absent = held[columns].isna().groupby(held["symbol"]).any().reindex(symbols, fill_value=True)
    made_of = np.array([[column in feature.inputs for column in columns] for feature in feature_set.features])
    lacking: np.ndarray = absent.to_numpy(bool) @ made_of.T
    return lacking


def _values(
    features: pa.Table, symbols: np.ndarray, starts: np.ndarray, lacking: np.ndarray, beside: Beside
) -> dict[str, np.ndarray | list[str]]:
    facts = beside.feature_set.features
    names, rows = beside.feature_set.names, np.diff(np.append(starts, features.num_rows))
    values = np.column_stack([features[name].to_numpy() for name in names])
    place = np.arange(len(values)) - np.repeat(starts - [beside.seen.get(str(symbol), 0) for symbol in symbols], rows)
    of_all = np.array([fact.category == _OF_ALL for fact in facts])
    warm = (place[:, None] >= np.array([fact.warm_up for fact in facts])) | of_all
    of_volume, without = np.array([fact.needs_volume for fact in facts]), np.isin(symbols, list(beside.without_volume))
    null = np.isnan(values)

    def count(marks: np.ndarray) -> np.ndarray:
        counted: np.ndarray = np.add.reduceat(marks, starts, axis=0, dtype=np.int64)
        return counted

    infinite, premature = count(np.isinf(values)), count(~null & ~warm)
    invented = count(~null) * (without[:, None] & of_volume)
    after = count(warm)
    explained = lacking | (without[:, None] & of_volume) | of_all
    empty = (count(null & warm) >= beside.null_share * after) & (after > 0) & ~explained
    counted = [counts.astype(np.int64) for counts in (infinite, premature, invented, empty)]
    found: dict[str, np.ndarray | list[str]] = {}
    for name, told, counts in zip(_COUNTED, _NAMED, counted, strict=True):
        found |= {name: counts.sum(axis=1), told: _named(counts, names)}
    return found


def _named(counts: np.ndarray, names: Sequence[str]) -> list[str]:
    """Names of the first columns that are not 0, row by row."""
    told = []
    for row in counts:
        places = np.flatnonzero(row)
        more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
        told.append(", ".join(names[place] for place in places[:_SHOWN]) + more)
    return told


def known_by(table: pa.Table, symbols: Collection[str], moment: pa.Scalar) -> pa.Table:
    """Rows of ``symbols`` that were known at ``moment``."""
    wanted = pc.is_in(table["symbol"], value_set=pa.array(sorted(symbols), pa.string()))
    return table.filter(pc.and_(wanted, pc.less_equal(table["closed_at"], moment)))
