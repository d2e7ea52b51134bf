"""What is asked of the ledger, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from marketmill.quota.errors import QuotaError

_LONGEST_NAME = 500
_LONGEST_INTERVAL = 3600


@dataclass(frozen=True)
class Request:
    """One request that a vendor counts.

    Parameters
    ----------
    weight
        What the vendor counts it for: Binance's weight; with IBKR 2 for BID_ASK and 1 for all else.
    key
        The same for requests that the vendor takes for identical; empty: for none.
    contract
        The same for requests of one contract, exchange and tick type; empty: for none.
    interval
        Least seconds since the vendor's last grant to anybody.
    id
        The request's place in the queue hangs on it; made up unless a deferred request comes back.

    Raises
    ------
    QuotaError
        If a value cannot be counted.
    """

    weight: int = 1
    key: str = ""
    contract: str = ""
    interval: float = 0.0
    id: str = field(default_factory=lambda: uuid4().hex)

    def __post_init__(self) -> None:
        """Refuse what would break the count."""
        if not 1 <= self.weight <= 1_000_000:
            raise QuotaError(f"a request of weight {self.weight} cannot be counted; the weight is a whole number from 1")
        if not 0 <= self.interval <= _LONGEST_INTERVAL:
            raise QuotaError(f"an interval of {self.interval} seconds between requests is not possible; use 0 to {_LONGEST_INTERVAL}")
        for name, text in (("key", self.key), ("contract", self.contract), ("id", self.id)):
            if len(text) > _LONGEST_NAME or "\0" in text:
                raise QuotaError(f"the {name} of a request must be text of at most {_LONGEST_NAME} characters")


@dataclass(frozen=True)
class Job:
    """A run with a request quota of its own.

    Parameters
    ----------
    name
        The same for all tasks of the run, such as ``backfill_market manual__2026-01-01``.
    max_snapshots
        Most requests that the run may be granted within a day.

    Raises
    ------
    QuotaError
        If the quota is less than one request.
    """

    name: str
    max_snapshots: int

    def __post_init__(self) -> None:
        """Refuse a quota that grants nothing."""
        if self.max_snapshots < 1:
            raise QuotaError(f"max_snapshots is {self.max_snapshots}; a run that asks for anything needs at least 1")
        if not 0 < len(self.name) <= _LONGEST_NAME or "\0" in self.name:
            raise QuotaError(f"the name of a job must be text of 1 to {_LONGEST_NAME} characters")


@dataclass(frozen=True)
class Granted:
    """The request may be sent at once; ``token`` settles it."""

    vendor: str
    token: int
    at: datetime


@dataclass(frozen=True)
class Wait:
    """The request may not be sent before ``until`` (UTC) by the rule ``reason``; ``seconds`` are left, by the ledger's clock."""

    until: datetime
    seconds: float
    reason: str
