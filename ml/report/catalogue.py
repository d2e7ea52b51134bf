"""The feature catalogue: what each feature is, how much of it is missing, what it counts for in which model, and the leak certificate."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow.parquet as pq

from include.errors import ModelError
from include.feature_sets import FeatureFacts, FeatureSet, read_current
from include.lake import Lake
from include.leak_certificate import LeakCertificate, read_certificate
from include.publish import list_months, month_folder, read_manifest
from ml import registry

#: Null shares are those of the newest months: they tell what a model would meet now, and cost little to read.
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
        CatalogueFeature(facts, nulls.get(facts.name, 0) / rows if rows else None, importance.get(facts.name, {}))
        for facts in current.features
    ]
    return Catalogue(timeframe, current, months, rows, read_certificate(lake, timeframe), features, problems)


def _nulls(lake: Lake, dataset: str, months: list[str]) -> tuple[int, dict[str, int]]:
    """Count rows and nulls from what the files say of themselves, without reading their values."""
    rows, nulls = 0, dict[str, int]()
    for month in months:
        manifest = read_manifest(lake, dataset, month)
        for part in manifest.parts if manifest else ():
            path = lake.full(f"{month_folder(dataset, month)}/{part.name}")
            with lake.filesystem.open_input_file(path) as stream:
                facts = pq.ParquetFile(stream).metadata
            rows += facts.num_rows
            for place in range(facts.num_row_groups):
                group = facts.row_group(place)
                for number in range(group.num_columns):
                    column = group.column(number)
                    count = column.statistics.null_count if column.statistics else 0
                    nulls[column.path_in_schema] = nulls.get(column.path_in_schema, 0) + count
    return rows, nulls


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
