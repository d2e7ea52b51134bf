"""Processes that hammer one ledger, on a clock that jumps ahead whenever all of them sleep."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from marketmill.quota.client_ids import lease_client_id
from marketmill.quota.clock import to_microseconds
from marketmill.quota.ledger import Ledger
from marketmill.quota.requests import Granted, Request
from marketmill.quota.vendors import Limits
from tests.results_database import engine_of, fresh_processes

SECOND = 1_000_000
BEGIN = 1_717_405_200 * SECOND
_NEVER = 2**62


class ManualClock:
    """A clock that a test sets; sleeping moves it."""

    def __init__(self, now: int = BEGIN) -> None:
        self.time = now

    def now(self, _connection: Connection) -> int:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += round(seconds * SECOND)


class SharedClock:
    """One time for several processes: it stands while any of them works, and moves in leaps, so that several wake at once and race."""

    def __init__(self, context: ForkServerContext, processes: int, begin: int = BEGIN, leap: int = SECOND) -> None:
        self._changed = context.Condition()
        self._now = context.Value("q", begin, lock=False)
        self._wakes = context.Array("q", [0] * processes, lock=False)
        self._leap = leap
        self.mine = 0

    def now(self, _connection: Connection | None) -> int:
        return self._now.value

    def sleep(self, seconds: float) -> None:
        with self._changed:
            wake = self._now.value + max(1, round(seconds * SECOND))
            self._set(wake)
            while self._now.value < wake:
                self._changed.wait()
            self._wakes[self.mine] = 0

    def leave(self) -> None:
        with self._changed:
            self._set(_NEVER)

    def _set(self, wake: int) -> None:
        self._wakes[self.mine] = wake
        if all(self._wakes) and min(self._wakes) < _NEVER:
            self._now.value = max(self._now.value, -(-min(self._wakes) // self._leap) * self._leap)
            self._changed.notify_all()


@dataclass(frozen=True)
class Sent:
    """A request as the vendor saw it: it came at ``arrived``, somewhere between its grant and its answer."""

    process: int
    granted: int
    arrived: int
    answered: int
    request: Request


Make = Callable[[random.Random], Request]


def ibkr_request(chance: random.Random) -> Request:
    contract = f"c{chance.randrange(4)}"
    weight = 2 if chance.random() < 0.2 else 1
    return Request(weight, f"{contract} {chance.randrange(20)}", f"{contract} {weight}", interval=1.0)


def plain_request(_chance: random.Random) -> Request:
    return Request(interval=1.0)


def binance_request(chance: random.Random) -> Request:
    # Heavy ones, so that a minute is full after some dozens.
    return Request(chance.choice([40, 100, 400]))


@dataclass(frozen=True)
class Plan:
    """For how long to hammer, how long a request and its answer travel at most, and how late the first process always is."""

    seconds: float
    latency: float
    late: float = 0.0


def _work(url: str, vendor: str, number: int, clock: SharedClock, make: Make, plan: Plan, results: Any) -> None:
    clock.mine = number
    chance = random.Random(number)
    ledger = Ledger(engine_of(url), clock)
    sent: list[Sent] = []
    try:
        while clock.now(None) < BEGIN + plan.seconds * SECOND:
            request = make(chance)
            while not isinstance(answer := ledger.reserve(vendor, request), Granted):
                clock.sleep(answer.seconds + (0 if number else plan.late))
            clock.sleep(chance.uniform(0, plan.latency))
            arrived = clock.now(None)
            clock.sleep(chance.uniform(0, plan.latency))
            ledger.settle(answer)
            sent.append(Sent(number, to_microseconds(answer.at), arrived, clock.now(None), request))
    finally:
        clock.leave()
        results.put(sent)


def hammer(url: str, vendor: str, make: Make, plan: Plan, processes: int = 4) -> list[Sent]:
    """What ``processes`` sent together, in the order of arrival."""
    context = fresh_processes()
    clock, results = SharedClock(context, processes), context.Queue()
    workers = [context.Process(target=_work, args=(url, vendor, number, clock, make, plan, results)) for number in range(processes)]
    for worker in workers:
        worker.start()
    sent = [row for _ in workers for row in results.get(timeout=120)]
    for worker in workers:
        worker.join(timeout=30)
        assert worker.exitcode == 0
    return sorted(sent, key=lambda row: row.arrived)


def most_in_any_window(moments: Iterable[tuple[int, int]], seconds: float) -> int:
    """Greatest weight in any half-open window, tried out for the window of each request; ``moments`` are (time, weight)."""
    rows = sorted(moments)
    return max(
        (sum(weight for moment, weight in rows if begin <= moment < begin + round(seconds * SECOND)) for begin, _ in rows), default=0
    )


def most_open(sent: list[Sent]) -> int:
    """Most requests that were open at any time."""
    return max(sum(other.granted <= row.granted < other.answered for other in sent) for row in sent)


def hold_and_hang(url: str, limits: dict[str, Limits], requests: int, lease: timedelta, ready: Path) -> None:
    """Take so many grants of ``vendor`` and a client id, and hang: to be killed."""
    ledger = Ledger(engine_of(url), limits=limits)
    for _ in range(requests):
        assert isinstance(ledger.reserve("vendor", Request()), Granted)
    with lease_client_id(ledger._engine, ledger.clock, 190, lease=lease) as client_id:
        ready.write_text(str(client_id), encoding="utf-8")
        time.sleep(600)
