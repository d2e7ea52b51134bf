"""All features; importing this compiles the kernels (once a machine) or loads them."""

from __future__ import annotations

from include.feature_sets import FeatureSet
from spark_jobs.features import breadth, momentum, pattern, statistical, trend, volatility, volume  # noqa: F401 (they declare)
from spark_jobs.features.registry import REGISTRY, Category, Feature

#: In the order of their columns: by family, then as declared.
FEATURES: tuple[Feature, ...] = tuple(
    feature for category in Category for feature in REGISTRY.values() if feature.facts.category == category
)


#: Leading bars without a value, of the feature that has most of them; of those that remember all bars, and of the others.
LONGEST_MEMORY_WARM_UP, LONGEST_WINDOW = (
    max(feature.facts.warm_up for feature in FEATURES if feature.facts.recursive == recursive) for recursive in (True, False)
)


def make_feature_set(identity: str, *, adjust_dividends: bool = False) -> FeatureSet:
    """The feature set of that identity, which begins with :func:`spark_jobs.identity.feature_set_id` of this source code."""
    return FeatureSet(identity, tuple(feature.facts for feature in FEATURES), adjust_dividends)
