"""IBKR client ids: a gateway takes each id once, so parallel tasks lease them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import Engine, and_, delete, insert, select, update

from include.results.engine import writing
from include.results.errors import ResultsError
from include.results.quota_tables import CLIENT_IDS
from marketmill.quota.clock import Clock, to_datetime
from marketmill.quota.errors import QuotaWait
from marketmill.quota.store import Store

# A gateway takes at most so many clients.
_MOST = 32
_LEASE = timedelta(seconds=90)
_log = logging.getLogger(__name__)


@contextmanager
def lease_client_id(
    engine: Engine,
    clock: Clock,
    preferred: int,
    *,
    gateway: str = "",
    without: Collection[int] = (),
    lease: timedelta = _LEASE,
) -> Iterator[int]:
    """Hold a client id that no other task has: the preferred one if it is free, else the next after it.

    The lease is renewed for as long as the process lives, and over soon after its death.

    Parameters
    ----------
    engine, clock
        Of the ledger.
    preferred
        Such as the setting ``training_client_id``.
    gateway
        Host and port of the gateway; each has ids of its own.
    without
        Ids that the gateway refused (error 326): other programs have them.
    lease
        How long an id stays taken after the death of its holder.

    Raises
    ------
    QuotaWait
        If all 32 ids are taken; ``until`` is when the first may be free.
    ResultsError
        If the database fails.
    """
    holder = uuid4().hex
    length = lease // timedelta(microseconds=1)
    client_id = _take(
        engine, clock, holder, length, gateway, [preferred + step for step in range(_MOST) if preferred + step not in without]
    )
    over = threading.Event()

    def _renew() -> None:
        while not over.wait(lease.total_seconds() / 3):
            try:
                with writing(engine) as connection:
                    mine = and_(CLIENT_IDS.c.gateway == gateway, CLIENT_IDS.c.holder == holder)
                    until = clock.now(connection) + length
                    if not connection.execute(update(CLIENT_IDS).where(mine).values(expires_at=until)).rowcount:
                        _log.warning(
                            "the lease of client id %s ran out while this process stood still; another task may have it", client_id
                        )
                        return
            except ResultsError as error:
                _log.warning("the lease of client id %s could not be renewed now: %s", client_id, error)

    renewer = threading.Thread(target=_renew, name=f"lease-{client_id}", daemon=True)
    renewer.start()
    try:
        yield client_id
    finally:
        over.set()
        renewer.join()
        with writing(engine) as connection:
            connection.execute(delete(CLIENT_IDS).where(CLIENT_IDS.c.gateway == gateway, CLIENT_IDS.c.holder == holder))


def _take(engine: Engine, clock: Clock, holder: str, length: int, gateway: str, wanted: list[int]) -> int:
    with writing(engine) as connection:
        # The lock of the vendor keeps two tasks from taking the same id.
        Store(connection, "ibkr")
        now = clock.now(connection)
        connection.execute(delete(CLIENT_IDS).where(CLIENT_IDS.c.expires_at <= now))
        rows = connection.execute(select(CLIENT_IDS.c.client_id, CLIENT_IDS.c.expires_at).where(CLIENT_IDS.c.gateway == gateway))
        taken = {row.client_id: row.expires_at for row in rows}
        free = next((client_id for client_id in wanted if client_id not in taken), None)
        if free is None:
            until = to_datetime(min(taken.values(), default=now + length))
            raise QuotaWait("ibkr", until, f"all {_MOST} client ids are taken")
        connection.execute(insert(CLIENT_IDS).values(gateway=gateway, client_id=free, holder=holder, expires_at=now + length))
        return free
