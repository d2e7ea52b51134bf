"""Why a request may not be sent now."""

from __future__ import annotations

from datetime import datetime

from include.errors import MarketmillError


class QuotaError(MarketmillError):
    """A request that no quota can ever grant."""


class QuotaWait(MarketmillError):  # noqa: N818 - nothing went wrong
    """A request may be sent later: leave the worker to others until then.

    Parameters
    ----------
    vendor, reason
        Who is to be waited for, and by which rule.
    until
        When to ask again (UTC).
    request_id
        ``id`` of the request; asked again with it, the request keeps its place in the queue.
    """

    def __init__(self, vendor: str, until: datetime, reason: str, request_id: str = "") -> None:
        super().__init__(f"{vendor}: wait until {until:%Y-%m-%d %H:%M:%S} UTC ({reason})")
        self.vendor = vendor
        self.until = until
        self.reason = reason
        self.request_id = request_id


class SnapshotLimitError(MarketmillError):
    """A job has used up its own quota of requests.

    Parameters
    ----------
    job, vendor
        Whose quota, and for whom.
    used, limit
        Requests granted so far, and at most.
    renewed_at
        When the count begins anew (UTC).
    """

    def __init__(self, job: str, vendor: str, used: int, limit: int, renewed_at: datetime) -> None:
        self.used = used
        self.limit = limit
        self.remaining = max(0, limit - used)
        self.renewed_at = renewed_at
        super().__init__(
            f"{job} used {used} of its {limit} requests to {vendor}, {self.remaining} remaining: raise max_snapshots or wait until "
            f"{renewed_at:%Y-%m-%d %H:%M} UTC, or start the same again: a new run counts anew and goes on, what landed is kept and costs "
            "nothing"
        )
