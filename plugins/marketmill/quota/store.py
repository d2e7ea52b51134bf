"""What the ledger reads and writes within one transaction that holds a vendor's lock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, case, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from include.results.quota_tables import JOBS, REQUESTS, VENDORS, WAITERS
from marketmill.quota.requests import Request
from marketmill.quota.rules import CLOCKS, MINUTE, SECOND, Entry, History, Minute, Open, Rule, Window

# Longer than any rule looks back.
_KEPT = 3600 * SECOND
# A waiter that comes so late lets others pass, but keeps its place; later it is forgotten.
_PUNCTUAL = 2 * SECOND
_FORGOTTEN = 600 * SECOND

# Made once: SQLAlchemy needs longer to make one of these than SQLite to answer it.
_MINE: BindParameter[str] = bindparam("mine")
_LOCK = select(VENDORS).where(VENDORS.c.vendor == _MINE).with_for_update()
_SET_STATE = update(VENDORS).where(VENDORS.c.vendor == _MINE).returning(VENDORS)
_SINCE = select(REQUESTS).where(REQUESTS.c.vendor == _MINE, REQUESTS.c.arrived_by > bindparam("since"))
_QUEUE = select(WAITERS).where(WAITERS.c.vendor == _MINE, WAITERS.c.until > bindparam("since")).order_by(WAITERS.c.place)
_GRANT = insert(REQUESTS).returning(REQUESTS.c.token)
_SETTLE = update(REQUESTS).where(REQUESTS.c.token == bindparam("granted"), REQUESTS.c.vendor == _MINE, ~REQUESTS.c.settled)
_WEIGHT = select(func.coalesce(func.sum(REQUESTS.c.weight), 0)).where(REQUESTS.c.vendor == _MINE)
_WEIGHT_AROUND = _WEIGHT.where(REQUESTS.c.arrived_by >= bindparam("begin"), REQUESTS.c.granted_at < bindparam("end"))
# The second bound of arrived_by follows from the first of granted_at, and is there for the index: an hour of requests is kept.
_WEIGHT_WITHIN = _WEIGHT.where(
    REQUESTS.c.settled,
    REQUESTS.c.granted_at >= bindparam("begin"),
    REQUESTS.c.arrived_by < bindparam("end"),
    REQUESTS.c.arrived_by >= bindparam("begin"),
)


@dataclass(frozen=True)
class Waiter:
    """A request that waits for its turn."""

    place: int
    request: Request
    until: int


class Store:
    """Rows of one vendor, locked until the transaction ends.

    Parameters
    ----------
    connection
        Of :func:`include.results.engine.writing`.
    vendor
        Whose rows.
    """

    def __init__(self, connection: Connection, vendor: str) -> None:
        self._connection = connection
        self._vendor = vendor
        self.state = self._lock()

    def _lock(self) -> Row[Any]:
        mine = {"mine": self._vendor}
        if (row := self._connection.execute(_LOCK, mine).one_or_none()) is None:
            dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
            self._connection.execute(dialect.insert(VENDORS).values(vendor=self._vendor).on_conflict_do_nothing())
            row = self._connection.execute(_LOCK, mine).one()
        return row

    def set_state(self, **values: int | str) -> None:
        """Write columns of the vendor's row."""
        self.state = self._connection.execute(_SET_STATE, {"mine": self._vendor, **values}).one()

    def turn_back(self, now: int, lease: int) -> None:
        """The clock was turned back: what it says to come has just happened."""
        if self.state.blocked_at > now:
            self.set_state(blocked_at=now, blocked_until=self.state.blocked_until - self.state.blocked_at + now)
        if self.state.granted_at > now:
            self._connection.execute(
                update(REQUESTS)
                .where(REQUESTS.c.vendor == self._vendor, REQUESTS.c.granted_at > now)
                .values(granted_at=now, arrived_by=case((REQUESTS.c.settled, now), else_=now + lease))
            )
            self.set_state(granted_at=now)

    def history(self, rules: tuple[Rule, ...], now: int) -> History:
        """What the rules look at."""
        history = History(now, self.state.granted_at)
        if any(isinstance(rule, Minute) for rule in rules):
            for number in range((now - CLOCKS) // MINUTE, now // MINUTE + 1):
                own = self._weight(_WEIGHT_AROUND, number)
                foreign = self.state.foreign_weight if self.state.observed_minute == number else 0
                history.minutes[number] = own + foreign
        if any(isinstance(rule, Window | Open) for rule in rules):
            reach = max(rule.reach for rule in rules)
            for row in self._connection.execute(_SINCE, {"mine": self._vendor, "since": now - reach}):
                is_open = not row.settled and row.arrived_by > now
                history.entries.append(Entry(row.granted_at, min(row.arrived_by, now), row.weight, row.key, row.contract, is_open=is_open))
        return history

    def observe(self, used_weight: int, minute: int) -> None:
        """Take the vendor's own count of a minute: what is not ours is others'."""
        foreign = max(0, used_weight - self._weight(_WEIGHT_WITHIN, minute))
        if minute > self.state.observed_minute or (minute == self.state.observed_minute and foreign > self.state.foreign_weight):
            self.set_state(observed_minute=minute, foreign_weight=foreign)

    def waiters(self, now: int) -> list[Waiter]:
        """The queue, in its order, without those who seem dead."""
        alive = {"mine": self._vendor, "since": now - _FORGOTTEN}
        return [
            Waiter(row.place, Request(row.weight, row.key, row.contract, row.interval / SECOND, row.request_id), row.until)
            for row in self._connection.execute(_QUEUE, alive)
        ]

    def grant(self, request: Request, now: int, lease: int, *, is_new: bool) -> int:
        """Note that a request may be sent; its token."""
        if not is_new:
            self._connection.execute(delete(WAITERS).where(WAITERS.c.request_id == request.id))
        values = {
            "vendor": self._vendor,
            "granted_at": now,
            "arrived_by": now + lease,
            "settled": False,
            "weight": request.weight,
            "key": request.key,
            "contract": request.contract,
        }
        token = int(self._connection.execute(_GRANT, values).scalar_one())
        if now // MINUTE != self.state.granted_at // MINUTE:
            self._prune(now)
        self.set_state(granted_at=now)
        return token

    def settle(self, token: int, now: int) -> None:
        """Note that a request was answered, or given up; once is enough."""
        self._connection.execute(_SETTLE, {"mine": self._vendor, "granted": token, "settled": True, "arrived_by": now})

    def queue(self, request: Request, until: int, *, is_new: bool) -> None:
        """Let a request wait; it keeps the place it has."""
        if not is_new:
            self._connection.execute(update(WAITERS).where(WAITERS.c.request_id == request.id).values(until=until))
            return
        interval = round(request.interval * SECOND)
        values = {"vendor": self._vendor, "until": until, "weight": request.weight, "key": request.key, "contract": request.contract}
        self._connection.execute(delete(WAITERS).where(WAITERS.c.request_id == request.id))
        self._connection.execute(insert(WAITERS).values(request_id=request.id, interval=interval, **values))

    def job(self, name: str) -> tuple[int, int]:
        """When the count of a job began, and what it is; zeros for an unknown job."""
        query = select(JOBS.c.began_at, JOBS.c.used).where(JOBS.c.job == name, JOBS.c.vendor == self._vendor)
        row = self._connection.execute(query).one_or_none()
        return (row.began_at, row.used) if row else (0, 0)

    def set_job(self, name: str, began_at: int, used: int) -> None:
        """Write the count of a job."""
        dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        values = {"began_at": began_at, "used": used}
        statement = dialect.insert(JOBS).values(job=name, vendor=self._vendor, **values)
        self._connection.execute(statement.on_conflict_do_update(index_elements=["job", "vendor"], set_=values))

    def _prune(self, now: int) -> None:
        self._connection.execute(delete(REQUESTS).where(REQUESTS.c.vendor == self._vendor, REQUESTS.c.arrived_by < now - _KEPT))
        self._connection.execute(delete(WAITERS).where(WAITERS.c.vendor == self._vendor, WAITERS.c.until < now - _FORGOTTEN))

    def _weight(self, query: Select[Any], minute: int) -> int:
        span = {"begin": minute * MINUTE, "end": (minute + 1) * MINUTE}
        return int(self._connection.execute(query, {"mine": self._vendor, **span}).scalar_one())


def ahead_of(request: Request, waiters: list[Waiter], now: int) -> tuple[list[Request], bool]:
    """Those whose turn comes before a request's, and whether the request is new in the queue."""
    ahead: list[Request] = []
    for waiter in waiters:
        if waiter.request.id == request.id:
            return ahead, False
        if waiter.until >= now - _PUNCTUAL:
            ahead.append(waiter.request)
    return ahead, True
