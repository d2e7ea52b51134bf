"""The ledger: one book of all requests to a vendor, kept by every process that sends any."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from sqlalchemy import Engine

from include.results.engine import results_engine, writing
from marketmill.quota.client_ids import lease_client_id
from marketmill.quota.clock import Clock, DatabaseClock, to_datetime, to_microseconds
from marketmill.quota.errors import QuotaError, SnapshotLimitError
from marketmill.quota.requests import Granted, Job, Request, Wait
from marketmill.quota.rules import MINUTE, SECOND, first_moment
from marketmill.quota.store import Store, ahead_of
from marketmill.quota.vendors import LIMITS, Limits

_JOB = timedelta(days=1)
# Nobody bans for longer; an answer that says so is garbage.
_LONGEST_BLOCK = timedelta(days=4)
_GREATEST_WEIGHT = 1_000_000_000


class Ledger:
    """Grants requests so that no rule of any vendor is broken, first come first served.

    Each call is one short transaction. On SQLite all processes must be on one machine; use PostgreSQL for several.

    Parameters
    ----------
    engine
        A migrated results database.
    clock
        What the time is; by default the database says it.
    limits
        Rules per vendor.
    """

    def __init__(self, engine: Engine, clock: Clock | None = None, limits: dict[str, Limits] | None = None) -> None:
        self._engine = engine
        self.clock = clock or DatabaseClock()
        self._limits = LIMITS if limits is None else limits

    def reserve(self, vendor: str, request: Request, job: Job | None = None) -> Granted | Wait:
        """Ask for a request to be sent now.

        A request that must wait is queued: ask again with the same ``request.id`` at ``until``. A granted one must be settled.

        Raises
        ------
        QuotaError
            If the vendor is unknown or the request can never be granted.
        SnapshotLimitError
            If the job's quota is used up.
        ResultsError
            If the database fails.
        """
        limits = self._of(vendor)
        for rule in limits.rules:
            if (most := rule.most()) is not None and request.weight > most:
                raise QuotaError(f"a request of weight {request.weight} to {vendor} can never be granted ({rule.name}: at most {most})")
        lease = _microseconds(limits.lease)
        with writing(self._engine) as connection:
            store = Store(connection, vendor)
            now = self.clock.now(connection)
            store.turn_back(now, lease)
            began_at, used = _count(store, vendor, job, now)
            history = store.history(limits.rules, now)
            start = max(now, store.state.blocked_until)
            ahead, is_new = ahead_of(request, store.waiters(now), now)
            for other in ahead:
                history.plan(other, first_moment(limits.rules, other, history, start)[0])
            moment, reason = first_moment(limits.rules, request, history, start)
            if moment > now:
                store.queue(request, moment, is_new=is_new)
                return Wait(to_datetime(moment), (moment - now) / SECOND, reason or store.state.reason)
            token = store.grant(request, now, lease, is_new=is_new)
            if job:
                store.set_job(job.name, began_at, used + 1)
            return Granted(vendor, token, to_datetime(now))

    def settle(self, granted: Granted, used_weight: int | None = None) -> None:
        """Say that the answer is there, or that nobody waits for it any more; a second time changes nothing.

        Parameters
        ----------
        granted
            What :meth:`reserve` answered.
        used_weight
            What the vendor says to have counted in the present minute, this request included.
        """
        with writing(self._engine) as connection:
            store = Store(connection, granted.vendor)
            store.settle(granted.token, self.clock.now(connection))
            if used_weight is not None:
                store.observe(min(used_weight, _GREATEST_WEIGHT), to_microseconds(granted.at) // MINUTE)

    def block(self, vendor: str, until: datetime | timedelta | None, reason: str) -> datetime:
        """Let nobody ask the vendor for a while.

        Parameters
        ----------
        vendor
            Who complained.
        until
            A time (a ban until then), a length from now (``Retry-After``), or None: the vendor did not say, and the back-off of its
            limits grows with each complaint. A block that is there already is never made shorter.
        reason
            What the vendor said, in a few words.

        Returns
        -------
        datetime
            End of the block (UTC).
        """
        back_off = self._of(vendor).back_off
        with writing(self._engine) as connection:
            store = Store(connection, vendor)
            now = self.clock.now(connection)
            state = store.state
            strikes = state.strikes
            if isinstance(until, datetime):
                wanted = to_microseconds(until)
            elif until is not None:
                wanted = now + _microseconds(until)
            elif state.blocked_until > now:
                # Answers to requests that were on their way when the first complaint came.
                wanted = state.blocked_until
            else:
                longest = _microseconds(back_off.longest)
                strikes = min(strikes + 1, 32) if now - state.blocked_until < longest else 1
                wanted = now + min(_microseconds(back_off.first) << (strikes - 1), longest)
            wanted = max(now, min(wanted, now + _microseconds(_LONGEST_BLOCK)))
            if wanted > state.blocked_until:
                store.set_state(blocked_at=now, blocked_until=wanted, reason=reason[:200].replace("\0", ""), strikes=strikes)
            return to_datetime(max(wanted, state.blocked_until))

    def lease_client_id(self, preferred: int, *, gateway: str = "", without: Collection[int] = ()) -> AbstractContextManager[int]:
        """See :func:`marketmill.quota.client_ids.lease_client_id`."""
        return lease_client_id(self._engine, self.clock, preferred, gateway=gateway, without=without)

    def _of(self, vendor: str) -> Limits:
        if vendor not in self._limits:
            raise QuotaError(f"the vendor {vendor} has no quota; there are {', '.join(sorted(self._limits))}")
        return self._limits[vendor]


def open_ledger() -> Ledger:
    """The ledger of the settings.

    Raises
    ------
    ConfigurationError
        If the address of the results database is wrong.
    ResultsError
        If it cannot be reached or is not migrated.
    """
    # Alembic takes its time to import.
    from include.results.migrate import require_current

    engine = results_engine()
    require_current(engine)
    return Ledger(engine)


def _count(store: Store, vendor: str, job: Job | None, now: int) -> tuple[int, int]:
    """When the count of the job began, and the requests it was granted since."""
    if job is None:
        return now, 0
    began_at, used = store.job(job.name)
    if now - began_at >= _microseconds(_JOB):
        return now, 0
    if used >= job.max_snapshots:
        renewed_at = to_datetime(began_at) + _JOB
        raise SnapshotLimitError(job.name, vendor, used, job.max_snapshots, renewed_at)
    return began_at, used


def _microseconds(length: timedelta) -> int:
    return length // timedelta(microseconds=1)
