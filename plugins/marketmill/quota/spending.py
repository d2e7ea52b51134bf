"""How a hook spends a vendor's quota: short waits are slept here, long ones are the operator's to defer."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta

from marketmill.quota.errors import QuotaWait
from marketmill.quota.ledger import Ledger
from marketmill.quota.requests import Granted, Job, Request, Wait

_log = logging.getLogger(__name__)
#: Seconds; the pace of each request is no news.
_WORTH_A_LINE = 2.0


@dataclass(frozen=True)
class Quota:
    """What one task may ask of one vendor.

    Parameters
    ----------
    ledger, vendor
        Where it is counted, and for whom.
    job
        The run's own quota, if it has one.
    interval
        Least seconds between two requests of anybody to the vendor, where that is more than its rules want.
    patience
        Longest time that one request may be waited for here.
    """

    ledger: Ledger
    vendor: str
    job: Job | None = None
    interval: float = 0.0
    patience: timedelta = timedelta(seconds=30)

    def acquire(self, request: Request) -> Granted:
        """Wait for a request's turn. Settle what you get, whatever becomes of the request.

        Raises
        ------
        QuotaWait
            If the turn comes later than ``patience`` allows.
        QuotaError, SnapshotLimitError, ResultsError
            See :meth:`Ledger.reserve`.
        """
        request = replace(request, interval=max(request.interval, self.interval))
        left = self.patience.total_seconds()
        while isinstance(answer := self.ledger.reserve(self.vendor, request, self.job), Wait):
            left -= answer.seconds
            if left < 0:
                raise QuotaWait(self.vendor, answer.until, answer.reason, request.id)
            if answer.seconds > _WORTH_A_LINE:
                _log.info("%s: waiting %.1f s (%s)", self.vendor, answer.seconds, answer.reason)
            self.ledger.clock.sleep(answer.seconds)
        return answer

    def settle(self, granted: Granted, used_weight: int | None = None) -> None:
        """See :meth:`Ledger.settle`."""
        self.ledger.settle(granted, used_weight)
