"""The feature catalogue: what each feature is, how much of it is missing, what it counts for in which model, and the leak certificate."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from include.errors import ModelError
from include.feature_sets import FeatureFacts, FeatureSet, read_current
from include.lake import Lake
from include.leak_certificate import LeakCertificate, read_certificate
from include.publish import dataset_content, list_months, read_month
from ml import registry

#: Null shares are those of the newest months: they tell what a model would meet now.
_MONTHS = 12


@dataclass(frozen=True)
class CatalogueFeature:
    """One feature. ``importance``: by model, the largest share it has in what the model states of any label."""

    facts: FeatureFacts
    null_share: float | None
    importance: dict[str, float]


@dataclass(frozen=True)
class Catalogue:
    """The current feature set; ``months`` are those that the null shares are about."""

    timeframe: str
    feature_set: FeatureSet
    months: list[str]
    rows: int
    certificate: LeakCertificate | None
    features: list[CatalogueFeature]
    problems: list[str]

    @property
    def certified(self) -> bool:
        """Whether the certificate is about this very set."""
        return self.certificate is not None and self.certificate.feature_set == self.feature_set.id

    @property
    def categories(self) -> dict[str, list[CatalogueFeature]]:
        """Features by family, in the order of the set."""
        families: dict[str, list[CatalogueFeature]] = {}
        for feature in self.features:
            families.setdefault(feature.facts.category, []).append(feature)
        return families


def read_catalogue(lake: Lake, timeframe: str) -> Catalogue:
    """Read the current feature set with all that is known of it.

    Raises
    ------
    LakeError
        If no features were built yet, or something of them is damaged.
    """
    current = read_current(lake, timeframe)
    dataset = lake.features(timeframe, current.id)
    months = list_months(lake, dataset)[-_MONTHS:]
    rows, nulls = _nulls(lake, dataset, months)
    importance, problems = _importance()
    features = [
        CatalogueFeature(facts, nulls[facts.name] / rows if rows else None, importance.get(facts.name, {})) for facts in current.features
    ]
    return Catalogue(timeframe, current, months, rows, read_certificate(lake, timeframe), features, problems)


def _nulls(lake: Lake, dataset: str, months: list[str]) -> tuple[int, Counter[str]]:
    """Count rows and nulls of some months."""
    rows, nulls = 0, Counter[str]()
    for month, content in dataset_content(lake, dataset, months).items():
        more, found = _nulls_of_month(lake.url, dataset, month, content)
        rows += more
        nulls.update(found)
    return rows, nulls


@lru_cache(maxsize=100)
def _nulls_of_month(lake: str, dataset: str, month: str, content: str) -> tuple[int, dict[str, int]]:
    """Count them in what a month holds while it has this content."""
    del content  # tells one state of the month from the next
    table = read_month(Lake(lake), dataset, month)
    return (0, {}) if table is None else (table.num_rows, {name: table[name].null_count for name in table.column_names})


def _importance() -> tuple[dict[str, dict[str, float]], list[str]]:
    """By feature and model, from the cards of the champions, or of the challengers where there is no champion yet."""
    found: dict[str, dict[str, float]] = {}
    problems = []
    for model_id, aliases in sorted(registry.holders().items()):
        version = aliases.get(registry.CHAMPION) or aliases.get(registry.CHALLENGER)
        if version is None:
            continue
        try:
            card = registry.get(model_id, version).card
        except ModelError as error:
            problems.append(str(error))
            continue
        for shares in (card.get("importance") or {}).values():
            for name, share in shares.items():
                by_model = found.setdefault(name, {})
                by_model[model_id] = max(by_model.get(model_id, 0.0), float(share))
    return found, problems
