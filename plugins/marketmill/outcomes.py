"""What can come of asking a source for the bars of one symbol in one interval: exactly one of five outcomes.

Only :class:`Data` and :class:`ConfirmedEmpty` may land; the others leave the interval missing, so that the next run asks again.
An empty answer without a positive reason is :class:`Transient`, never :class:`ConfirmedEmpty`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from include.landing import Adjustment


@dataclass(frozen=True)
class Data:
    """Bars arrived.

    ``rows`` has the columns of :data:`include.schemas.LANDING`, at least one row, in the source's order. ``adjustment`` says on
    which scale its prices are and ``as_of`` up to when (UTC); None: up to now. ``covers_until`` is where the answer ends if it
    does so before the end that was asked for, because later bars were not finished yet (UTC); None: it covers all that was asked for.
    """

    rows: pa.Table
    adjustment: Adjustment
    as_of: datetime | None = None
    covers_until: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse an empty answer: nothing tells here that it is the truth."""
        if not self.rows.num_rows:
            raise ValueError("Data without a row; an answer that is surely empty is ConfirmedEmpty, any other is Transient")


@dataclass(frozen=True)
class ConfirmedEmpty:
    """The source answered in full, there is no bar, and ``reason`` is the second fact that agrees."""

    reason: str


@dataclass(frozen=True)
class RateLimited:
    """The source wants to be left alone until then (UTC)."""

    until: datetime
    reason: str


@dataclass(frozen=True)
class Transient:
    """It failed in a way that may pass: asking again is right."""

    reason: str


@dataclass(frozen=True)
class Permanent:
    """It failed in a way that asking again does not cure: somebody has to change something."""

    reason: str


Outcome = Data | ConfirmedEmpty | RateLimited | Transient | Permanent
