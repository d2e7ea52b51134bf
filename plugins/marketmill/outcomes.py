"""What can come of asking a source for the bars of one symbol in one interval: exactly one of five outcomes.

Only :class:`Data` and :class:`ConfirmedEmpty` may land; the others leave the interval missing, so that the next run asks again.
An empty answer without a positive reason is :class:`Transient`, never :class:`ConfirmedEmpty`. :class:`Unreachable` is the
:class:`Transient` one that spares the other symbols the question.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import pyarrow as pa

    from include.landing import Adjustment


@dataclass(frozen=True)
class Data:
    """Bars arrived.

    ``rows`` has the columns of :data:`include.schemas.LANDING`, at least one row, in the source's order. ``adjustment`` says on
    which scale its prices are and ``as_of`` up to when (UTC); None: up to now. ``covers_until`` is where the answer ends if it
    does so before the end that was asked for, because later bars were not finished yet (UTC); None: it covers all that was asked for.
    ``late`` is another reason to end there: bars that should be there lack at the end, and no later bar shows that they never come.
    ``history_from`` and ``history_until``: the source says that it has no bar that opens before the one, or from the other on (UTC),
    so that none is missed there; None: it does not say.
    """

    rows: pa.Table
    adjustment: Adjustment
    as_of: datetime | None = None
    covers_until: datetime | None = None
    history_from: datetime | None = None
    history_until: datetime | None = None
    late: str = ""

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
class Unreachable(Transient):
    """Nobody can be reached at the source's address: another symbol would fare no better, so none is asked for before a later try."""


@dataclass(frozen=True)
class Permanent:
    """It failed in a way that asking again does not cure: somebody has to change something."""

    reason: str


Failure = RateLimited | Transient | Permanent
Outcome = Data | ConfirmedEmpty | Failure


class Failed(TypedDict):
    """A failure as plain values: which one it is, why, and, of ``rate_limited`` alone, until when (ISO 8601, UTC)."""

    state: str
    reason: str
    until: str | None


_STATES: dict[type[Failure], str] = {
    RateLimited: "rate_limited",
    Transient: "transient",
    Unreachable: "unreachable",
    Permanent: "permanent",
}
#: States after which asking again later is right.
MAY_PASS = ("rate_limited", "transient", "unreachable")


def tell(symbol: str, failure: Failure) -> Failed:
    """Tell a failure of a symbol, beside which the reason will stand: it need not begin with it."""
    until = failure.until.isoformat() if isinstance(failure, RateLimited) else None
    return {"state": _STATES[type(failure)], "reason": failure.reason.removeprefix(f"{symbol}: "), "until": until}


def list_reasons(reasons: Mapping[str, str]) -> str:
    """Reasons by symbol as one text; symbols with the same reason share it."""
    symbols: dict[str, list[str]] = {}
    for symbol, reason in reasons.items():
        symbols.setdefault(reason, []).append(symbol)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in symbols.items())
