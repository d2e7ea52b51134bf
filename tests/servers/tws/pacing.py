"""The documented quotas: historical requests, open requests, messages per second."""

from __future__ import annotations

from collections import deque

from tests.servers.tws.history_rules import SMALL, Span
from tests.servers.tws.requests import HistoryRequest

WINDOW, QUOTA = 600.0, 60
BURST_WINDOW, BURST = 2.0, 6
IDENTICAL_WINDOW = 15.0
MESSAGES_PER_SECOND = 50


class HistoryPacer:
    """Counts historical requests of all clients together, refused ones too.

    Parameters
    ----------
    every_size
        Apply the rules to every bar size, as IBKR did in the past, not only to bars of 30 seconds or less.
    """

    def __init__(self, *, every_size: bool) -> None:
        self._every_size = every_size
        self._weights: deque[tuple[float, int]] = deque()
        self._bursts: dict[object, deque[float]] = {}
        self._asked: dict[object, float] = {}

    def broken_rule(self, request: HistoryRequest, span: Span, con_id: int, now: float) -> str:
        """Note the request and name the rule that it breaks, or nothing.

        Parameters
        ----------
        request, span
            The request and what it means.
        con_id
            Its contract.
        now
            Epoch seconds.
        """
        if span.bar_seconds > SMALL and not self._every_size:
            return ""
        weight = 2 if request.what == "BID_ASK" else 1
        while self._weights and now - self._weights[0][0] >= WINDOW:
            self._weights.popleft()
        self._weights.append((now, weight))

        line = (con_id, request.contract.exchange, request.what)
        burst = self._bursts.setdefault(line, deque(maxlen=BURST))
        burst.append(now)

        same = (line, request.end, request.duration, request.bar_size, request.regular_hours)
        before = self._asked.get(same)
        self._asked[same] = now

        if before is not None and now - before < IDENTICAL_WINDOW:
            return "identical request within 15 s"
        if len(burst) == BURST and now - burst[0] < BURST_WINDOW:
            return "6 requests for one contract within 2 s"
        if sum(weight for _, weight in self._weights) > QUOTA:
            return "60 requests in 10 min"
        return ""


class MessageRate:
    """50 messages per second of one client, as a bucket that holds two seconds' worth.

    The allowance covers a busy machine, on which messages that were sent evenly are seen in bunches.
    """

    def __init__(self) -> None:
        self._level = 0.0
        self._last = 0.0

    def exceeded(self, now: float) -> bool:
        """Note one message at ``now`` (seconds of any steady clock); whether it was one too many."""
        self._level = max(0.0, self._level - (now - self._last) * MESSAGES_PER_SECOND) + 1
        self._last = now
        return self._level > 2 * MESSAGES_PER_SECOND
