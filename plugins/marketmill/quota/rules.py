"""The kinds of rules that vendors have, as pure functions of what was granted; all times are microseconds since 1970 UTC."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from marketmill.quota.requests import Request

SECOND = 1_000_000
MINUTE = 60 * SECOND
# The vendor's clock and the database's may be this far apart.
CLOCKS = SECOND


@dataclass(frozen=True)
class Entry:
    """A granted or planned request as the rules count it.

    The vendor saw it somewhere between ``granted_at`` and ``counted_at``: the later one is when it was settled, or now.
    """

    granted_at: int
    counted_at: int
    weight: int = 1
    key: str = ""
    contract: str = ""
    is_open: bool = False
    interval: int = 0


@dataclass
class History:
    """What was granted up to ``now``, and what is planned for those ahead in the queue.

    ``granted_at`` is the time of the last grant (0: none); ``minutes`` the weight used per fixed minute (number since 1970).
    """

    now: int
    granted_at: int = 0
    entries: list[Entry] = field(default_factory=list)
    planned: list[Entry] = field(default_factory=list)
    minutes: dict[int, int] = field(default_factory=dict)

    def plan(self, request: Request, moment: int) -> None:
        """Count a request as sent at ``moment``, for those who come after it."""
        interval = round(request.interval * SECOND)
        entry = Entry(moment, moment, request.weight, request.key, request.contract, is_open=True, interval=interval)
        self.entries.append(entry)
        self.planned.append(entry)
        minute = moment // MINUTE
        self.minutes[minute] = self.minutes.get(minute, 0) + request.weight


class Rule(ABC):
    """One thing that a vendor does not want."""

    name: str

    @property
    def reach(self) -> int:
        """How far back the rule looks at single requests, in microseconds."""
        return 0

    @abstractmethod
    def earliest(self, request: Request, history: History, moment: int) -> int:
        """First moment, not before ``moment``, at which the rule may allow the request."""

    def most(self) -> int | None:
        """Greatest weight that the rule can ever allow; None: any."""
        return None


@dataclass(frozen=True)
class Window(Rule):
    """At most ``limit`` in any ``seconds``, over all requests or over those of the same contract or key."""

    name: str
    limit: int
    seconds: float
    per: Literal["vendor", "contract", "key"] = "vendor"
    by_weight: bool = True

    @property
    def reach(self) -> int:
        """The window and what clocks may be apart."""
        return round(self.seconds * SECOND) + CLOCKS

    def earliest(self, request: Request, history: History, moment: int) -> int:
        """Wait until enough of the oldest requests have left the window."""
        if self.per != "vendor" and not getattr(request, self.per):
            return moment
        inside = sorted(
            (entry.counted_at, entry.weight if self.by_weight else 1)
            for entry in history.entries
            if entry.counted_at > moment - self.reach and (self.per == "vendor" or getattr(entry, self.per) == getattr(request, self.per))
        )
        excess = sum(weight for _, weight in inside) + (request.weight if self.by_weight else 1) - self.limit
        for counted_at, weight in inside:
            if excess <= 0:
                break
            moment = counted_at + self.reach
            excess -= weight
        return moment

    def most(self) -> int | None:
        """The limit, where weight is what counts."""
        return self.limit if self.by_weight else None


@dataclass(frozen=True)
class Minute(Rule):
    """At most ``limit`` weight in each minute by the clock, of which ``share`` is planned with."""

    name: str
    limit: int
    share: float

    def earliest(self, request: Request, history: History, moment: int) -> int:
        """Wait for the next minute; its first second counts for the one before as well, since the vendor may still be there."""
        while True:
            minute = moment // MINUTE
            if self._is_full(minute, request, history):
                moment = (minute + 1) * MINUTE + CLOCKS
            elif moment - CLOCKS < minute * MINUTE and self._is_full(minute - 1, request, history):
                moment = minute * MINUTE + CLOCKS
            else:
                return moment

    def most(self) -> int:
        """The planned share."""
        return int(self.limit * self.share)

    def _is_full(self, minute: int, request: Request, history: History) -> bool:
        return history.minutes.get(minute, 0) + request.weight > self.most()


@dataclass(frozen=True)
class Interval(Rule):
    """At least ``seconds`` between two grants, or what the request itself asks for where that is more."""

    name: str
    seconds: float = 0.0

    def earliest(self, request: Request, history: History, moment: int) -> int:
        """Keep the distance to what was granted and to what is planned."""
        own = round(max(self.seconds, request.interval) * SECOND)
        moment = max(moment, history.granted_at + own)
        for entry in sorted(history.planned, key=lambda entry: entry.granted_at):
            ahead = entry.granted_at - moment
            # Who was planned to go later keeps the distance that it asked for.
            if -own < ahead < max(own, entry.interval):
                moment = entry.granted_at + own
        return moment


@dataclass(frozen=True)
class Open(Rule):
    """At most ``limit`` requests without an answer."""

    name: str
    limit: int

    def earliest(self, request: Request, history: History, moment: int) -> int:  # noqa: ARG002
        """Look again in a second: nobody knows when an answer comes."""
        is_full = sum(entry.is_open for entry in history.entries) >= self.limit
        return max(moment, history.now + SECOND) if is_full else moment


def first_moment(rules: Sequence[Rule], request: Request, history: History, start: int) -> tuple[int, str]:
    """First moment, not before ``start``, that all rules allow, and the name of the last rule that stood against an earlier one."""
    moment, reason = start, ""
    while True:
        wanted, name = max((rule.earliest(request, history, moment), rule.name) for rule in rules)
        if wanted <= moment:
            return moment, reason
        moment, reason = wanted, name
