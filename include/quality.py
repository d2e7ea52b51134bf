"""Thresholds of the checks: ``config/quality.yaml``, defaults for all and what differs by universe."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from include.universes import Kind, Symbol
from include.yaml_files import load_yaml

FILE = Path(__file__).parent / "config" / "quality.yaml"

#: Rules without which a row can be no bar, whoever says so.
NEVER_RELEASED = frozenset({"close_present", "row_not_repeated", "one_row_per_time"})

_Share = Annotated[float, Field(gt=0, le=1)]


class Thresholds(BaseModel):
    """Where a rule says that something is too much."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    missing_share: _Share = Field(default=0.05, description="share of missing bars from which a symbol is held back")
    fewest_missing: int = Field(default=2, ge=1, description="fewer missing bars than this never hold a symbol back")
    largest_move: dict[Kind, float | None] = Field(
        default={Kind.STOCK: 0.5, Kind.FUND: 0.5, Kind.INDEX: 0.5, Kind.CRYPTO: 0.5, Kind.CURRENCY: 0.1},
        description="largest change from close to close that needs no look, as a fraction; null: any",
    )
    any_move: tuple[str, ...] = Field(default=("^VIX",), description="symbols that really move by more than any bound")
    unit_jump: float = Field(default=50, gt=20, description="times the close before from which an open is in another unit")
    split_ratios: tuple[Annotated[float, Field(gt=1)], ...] = Field(
        default=(2, 3, 1.5, 4, 5, 7, 10, 20), min_length=1, description="new shares per old share; each also the other way round"
    )
    split_tolerance: _Share = Field(default=0.03, description="how near to a ratio open / previous close must be, as a fraction of it")
    split_volume: float = Field(default=5, gt=1, description="most times the usual volume on a day that may be a split")
    feature_nulls: _Share = Field(default=0.5, description="share of a symbol's month from which a feature without values needs a look")
    source_difference: _Share = Field(default=0.005, description="largest difference of the closes of two sources, as a fraction")

    def missing_allowed(self, expected: int) -> int:
        """The most of ``expected`` bars that may be missing before a symbol is held back."""
        below_share = math.ceil(expected * self.missing_share) - 1
        return max(below_share, self.fewest_missing - 1)


class Outage(BaseModel):
    """A time without trading on a market that never closes: its bars are named, not missed. Half-open."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    start: AwareDatetime
    end: AwareDatetime

    @model_validator(mode="after")
    def _is_an_interval(self) -> Outage:
        if self.start >= self.end:
            raise ValueError(f"start {self.start} is not before end {self.end}")
        return self

    @property
    def interval(self) -> tuple[datetime, datetime]:
        """``start`` and ``end``."""
        return self.start, self.end


class Release(BaseModel):
    """A row that rules refuse and a person has looked at and lets through; it becomes a bar that carries the warning ``released``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbol: Symbol
    timestamp: AwareDatetime
    rules: Annotated[tuple[str, ...], Field(min_length=1)]
    reason: str = Field(min_length=1, description="who looked, and why the row is right")

    @model_validator(mode="after")
    def _can_be_released(self) -> Release:
        if never := sorted(NEVER_RELEASED.intersection(self.rules)):
            raise ValueError(f"{', '.join(never)} cannot be released: there would be no close, or two bars of one time; correct the row")
        return self


class Quality(BaseModel):
    """The file: thresholds for all, those of some universes (what they leave out is as for all), outages of crypto markets, releases."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    thresholds: Thresholds = Thresholds()
    universes: dict[str, Thresholds] = {}
    crypto_outages: tuple[Outage, ...] = ()
    releases: tuple[Release, ...] = ()

    def of(self, universe: str | None) -> Thresholds:
        """Thresholds of a universe."""
        own = self.universes.get(universe or "")
        if own is None:
            return self.thresholds
        return self.thresholds.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})


def load_quality(file: Path = FILE) -> Quality:
    """Read the thresholds.

    Raises
    ------
    ConfigurationError
        If the file is wrong; the message names the key and what is allowed.
    """
    return load_yaml(file, Quality)
