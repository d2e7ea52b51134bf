"""The documented limit: request weight per fixed minute, then 429, then a ban."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

_MINUTE = 60
_LONGEST_BAN = timedelta(days=3)


@dataclass(frozen=True)
class Verdict:
    """What the limit says to one request.

    Parameters
    ----------
    status
        200, 429 or 418.
    used
        Weight used in the current minute, this request included.
    retry_after
        Seconds to wait; 0 with status 200.
    banned_until
        End of the ban, or None.
    broken_rule
        Name of the rule that the request breaks, or empty.
    """

    status: int
    used: int
    retry_after: int = 0
    banned_until: datetime | None = None
    broken_rule: str = ""


class WeightLimit:
    """Counts the weight of all clients of one address together, refused requests too.

    Parameters
    ----------
    limit
        Weight per minute; minutes begin at :00.
    overruns
        So many requests over the limit (or before an announced time is over) are answered 429; the next one is a ban.
    first_ban
        Seconds; each further ban is twice as long, up to three days.
    """

    def __init__(self, limit: int, overruns: int, first_ban: float) -> None:
        self.limit = limit
        self._allowed_overruns = overruns
        self._ban = timedelta(seconds=first_ban)
        self._lock = threading.Lock()
        self._minute = 0
        self._used = 0
        self._overruns = 0
        self._wait_until: datetime | None = None
        self._banned_until: datetime | None = None

    def judge(self, weight: int, now: datetime) -> Verdict:
        """Count a request and say what becomes of it."""
        with self._lock:
            minute, second = divmod(now.timestamp(), _MINUTE)
            if int(minute) != self._minute:
                self._minute, self._used = int(minute), 0
            self._used += weight
            if self._banned_until and now < self._banned_until:
                return self._banned(self._banned_until, now, "request while banned")
            waiting = self._wait_until is not None and now < self._wait_until
            if self._used <= self.limit and not waiting:
                self._overruns = 0
                return Verdict(200, self._used)
            self._overruns += 1
            rule = "request before Retry-After is over" if waiting else f"weight over {self.limit} in a minute"
            if self._overruns > self._allowed_overruns:
                return self._banned(self._begin_ban(now, self._ban), now, rule)
            if not waiting or self._wait_until is None:
                self._wait_until = now + timedelta(seconds=_MINUTE - second)
            return Verdict(429, self._used, _seconds(self._wait_until - now), broken_rule=rule)

    def refuse(self, status: int, seconds: int | None, now: datetime) -> Verdict:
        """A 429 or 418 on demand, without fault of the client; it binds like a real one."""
        with self._lock:
            if status == 418:
                length = self._ban if seconds is None else timedelta(seconds=seconds)
                return self._banned(self._begin_ban(now, length), now, "")
            wait = _MINUTE - now.timestamp() % _MINUTE if seconds is None else seconds
            self._wait_until = now + timedelta(seconds=wait)
            return Verdict(429, self._used, _seconds(self._wait_until - now))

    def used(self) -> int:
        """Weight used in the minute of the last request."""
        return self._used

    def _begin_ban(self, now: datetime, length: timedelta) -> datetime:
        self._banned_until = now + length
        self._wait_until = None
        self._overruns = 0
        self._ban = min(self._ban * 2, _LONGEST_BAN)
        return self._banned_until

    def _banned(self, until: datetime, now: datetime, rule: str) -> Verdict:
        return Verdict(418, self._used, _seconds(until - now), until, rule)


def _seconds(wait: timedelta) -> int:
    return max(1, ceil(wait.total_seconds()))
