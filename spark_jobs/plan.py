"""What is to be built: the months of features that are not what the bars, the actions and the formulas make of them.

Asking starts neither Spark nor the kernels.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from include.errors import ConfigurationError, LakeError
from include.feature_sets import read_current
from include.lake import Lake
from include.publish import list_months, read_manifest
from include.universes import Kind, known_instruments
from spark_jobs.dividends import read_dividends
from spark_jobs.features.scale import Dividend, Split
from spark_jobs.identity import feature_set_id
from spark_jobs.splits import read_splits

_FEWEST_BUCKETS = 2
_ROWS_A_BUCKET = 500_000


@dataclass(frozen=True)
class FeaturePlan:
    """What the lake's features should be, and what of it is missing.

    ``inputs`` holds for each month of bars the identity of all that its features depend on. ``buckets`` is into how many parts
    symbols are dealt. ``without_volume`` and ``without_vote`` are the symbols that trade no volume, or take no part in breadth.
    """

    timeframe: str
    feature_set: str
    buckets: int
    rows: int
    without_volume: frozenset[str]
    without_vote: frozenset[str]
    splits: Mapping[str, tuple[Split, ...]]
    dividends: Mapping[str, tuple[Dividend, ...]]
    adjust_dividends: bool
    inputs: Mapping[str, str]
    months_to_build: tuple[str, ...]
    is_current: bool
    """Whether readers already take this feature set."""

    @property
    def up_to_date(self) -> bool:
        """Whether there is nothing to do."""
        return self.is_current and not self.months_to_build

    @property
    def months(self) -> tuple[str, ...]:
        """All months of bars, in order."""
        return tuple(self.inputs)


def plan_features(lake: Lake, timeframe: str, *, adjust_dividends: bool = False) -> FeaturePlan:
    """Compare the features of ``timeframe`` with what they are made of.

    A month depends on all bars up to its end, so that a revised month makes all months from it on candidates; publishing then
    changes those whose numbers differ. With ``adjust_dividends`` prices are made whole for dividends too, in a feature set of its own.

    Raises
    ------
    LakeError
        If a manifest or a file of actions is damaged.
    ConfigurationError
        If the code came without its universes, which say what trades volume.
    """
    dataset = lake.bars(timeframe)
    manifests = {month: read_manifest(lake, dataset, month) for month in list_months(lake, dataset)}
    contents = {month: manifest.content for month, manifest in manifests.items() if manifest is not None}
    rows = sum(manifest.rows for manifest in manifests.values() if manifest is not None)
    instruments = known_instruments().values()
    if not instruments:
        raise ConfigurationError(
            "no universe was found beside the code; submit the job with the project's folder on PYTHONPATH, not in a zip"
        )
    without_volume = frozenset(item.symbol for item in instruments if not item.trades_volume)
    without_vote = frozenset(item.symbol for item in instruments if item.kind in (Kind.INDEX, Kind.CURRENCY))
    feature_set, buckets, splits = feature_set_id(), bucket_count(rows), read_splits(lake)
    dividends = read_dividends(lake) if adjust_dividends else {}
    if adjust_dividends:
        feature_set += "-dividends"
    common = [feature_set, buckets, sorted(without_volume), sorted(without_vote)]
    common.append({symbol: [asdict(split) for split in splits[symbol]] for symbol in sorted(splits)})
    if dividends:
        common.append({symbol: [asdict(dividend) for dividend in dividends[symbol]] for symbol in sorted(dividends)})
    inputs = _chain(json.dumps(common), contents)
    features = lake.features(timeframe, feature_set)
    built = {month: read_manifest(lake, features, month) for month in inputs}
    missing = [month for month, manifest in built.items() if manifest is None or manifest.inputs != inputs[month]]
    return FeaturePlan(
        timeframe=timeframe,
        feature_set=feature_set,
        buckets=buckets,
        rows=rows,
        without_volume=without_volume,
        without_vote=without_vote,
        splits=splits,
        dividends=dividends,
        adjust_dividends=adjust_dividends,
        inputs=inputs,
        months_to_build=tuple(missing),
        is_current=_current_id(lake, timeframe) == feature_set,
    )


def bucket_count(rows: int) -> int:
    """How many parts a month has: a power of two that keeps a bucket's whole history small enough for one worker."""
    buckets = _FEWEST_BUCKETS
    while rows > buckets * _ROWS_A_BUCKET:
        buckets *= 2
    return buckets


def _chain(start: str, contents: Mapping[str, str]) -> dict[str, str]:
    link = hashlib.sha256(start.encode()).hexdigest()
    chain = {}
    for month, content in contents.items():
        link = hashlib.sha256(f"{link}{month}{content}".encode()).hexdigest()
        chain[month] = link
    return chain


def _current_id(lake: Lake, timeframe: str) -> str | None:
    try:
        return read_current(lake, timeframe).id
    except LakeError:
        return None
