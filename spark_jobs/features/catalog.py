"""All features; importing this compiles the kernels (once a machine) or loads them."""

from __future__ import annotations

from include.feature_sets import FeatureSet
from spark_jobs.features import breadth, momentum, pattern, statistical, trend, volatility, volume  # noqa: F401 (they declare)
from spark_jobs.features.registry import REGISTRY, Category, Feature
from spark_jobs.identity import feature_set_id

#: In the order of their columns: by family, then as declared.
FEATURES: tuple[Feature, ...] = tuple(
    feature for category in Category for feature in REGISTRY.values() if feature.facts.category == category
)


def current_feature_set() -> FeatureSet:
    """The feature set that this source code makes."""
    return FeatureSet(feature_set_id(), tuple(feature.facts for feature in FEATURES))
