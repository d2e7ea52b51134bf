"""Features: the catalogue."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from include.errors import LakeError
from include.timeframes import TIMEFRAMES
from marketmill.api.access import may
from marketmill.api.problems import documented, refuse

router = APIRouter(prefix="/features", tags=["features"])


class FeatureSummary(BaseModel):
    """One feature of the current set."""

    name: str
    category: str
    description: str
    formula_source: str
    window: int = Field(description="Bars that it looks back on.")
    warm_up: int = Field(description="Leading bars without a value.")
    recursive: bool = Field(description="Remembers all bars since its start.")
    unit: str
    inputs: list[str]
    null_share: float | None = Field(description="In the newest months, 0 to 1.")
    importance: dict[str, float] = Field(description="By model, the share in what it states, where it can tell.")


class FeatureCatalogue(BaseModel):
    """The current feature set; ``certificate`` says how it was proved that no feature sees the future."""

    timeframe: str
    feature_set: str
    months: list[str] = Field(description="Months that `null_share` is about.")
    certificate: dict[str, Any] | None
    features: list[FeatureSummary]


@router.get("", dependencies=[may("GET", "backfill_market")], responses=documented(404), summary="Read the feature catalogue")
def read_features(timeframe: Annotated[str, Query(max_length=10, examples=["1d"])] = "1d") -> FeatureCatalogue:
    """Read the features of a timeframe. `404` where none were built yet."""
    from include.settings import open_lake
    from ml.report.catalogue import read_catalogue

    if timeframe not in TIMEFRAMES:
        raise refuse(422, f"timeframe {timeframe!r} is unknown; use one of {', '.join(TIMEFRAMES)}")
    try:
        found = read_catalogue(open_lake(), timeframe)
    except LakeError as error:
        raise refuse(404, str(error)) from None
    return FeatureCatalogue(
        timeframe=timeframe,
        feature_set=found.feature_set.id,
        months=found.months,
        certificate=asdict(found.certificate) if found.certificate and found.certified else None,
        features=[
            FeatureSummary(
                name=one.facts.name,
                category=one.facts.category,
                description=one.facts.description,
                formula_source=one.facts.source,
                window=one.facts.window,
                warm_up=one.facts.warm_up,
                recursive=one.facts.recursive,
                unit=one.facts.unit,
                inputs=list(one.facts.inputs),
                null_share=one.null_share,
                importance=one.importance,
            )
            for one in found.features
        ],
    )
