"""Faults on demand: what goes wrong, for which requests, how often."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tests.servers.http.messages import Request

#: kind -> what the client meets, at every HTTP stand-in; each has more of its own.
KINDS = {
    "status": "an answer with this status code, worded as the vendor words it",
    "slow": "the true answer after so many seconds",
    "silent": "no answer at all; the connection stays open",
    "drop": "the connection breaks without an answer (curl asks a second time on a connection that it has used before)",
    "truncated": "the headers of the true answer and half of its body, then the connection breaks",
    "garbage": "status 200 with a body that is none",
    "empty": "a well-formed answer without any content",
}

GARBAGE = b"\x00\xff{]garbage\xfe<"


@dataclass(frozen=True)
class Fault:
    """One fault.

    Parameters
    ----------
    kind
        One of the stand-in's kinds.
    matching
        Text that host, path and query must contain (percent signs decoded); empty for all requests.
    after
        So many matching requests pass first.
    times
        So many are hit; None hits all that follow.
    status, text
        Of a ``status``; the text replaces the vendor's.
    retry_after
        Seconds that a ``status`` 429 or 418 announces; None lets the stand-in choose.
    seconds
        Of ``slow``.
    """

    kind: str
    matching: str = ""
    after: int = 0
    times: int | None = 1
    status: int = 0
    text: str = ""
    retry_after: int | None = None
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.kind == "status" and not 400 <= self.status <= 599:
            raise ValueError(f"a status fault needs a status from 400 to 599, not {self.status}")


class FaultPlan:
    """The faults that wait; safe to change while the stand-in runs.

    Parameters
    ----------
    own_kinds
        Kinds of this stand-in besides :data:`KINDS`.
    """

    def __init__(self, own_kinds: Mapping[str, str]) -> None:
        self.kinds = {**KINDS, **own_kinds}
        self._lock = threading.Lock()
        self._waiting: list[list[Any]] = []

    def add(self, *faults: Fault) -> None:
        """Queue faults; where several match, the one added first strikes.

        Raises
        ------
        ValueError
            If the stand-in does not know a kind.
        """
        for fault in faults:
            if fault.kind not in self.kinds:
                raise ValueError(f"fault kind {fault.kind!r} is not one of {', '.join(self.kinds)}")
        with self._lock:
            self._waiting += [[fault, 0] for fault in faults]

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._waiting.clear()

    def take(self, request: Request) -> Fault | None:
        """The fault that strikes this request, counted as used."""
        with self._lock:
            for entry in self._waiting:
                fault: Fault = entry[0]
                if fault.matching not in request.decoded:
                    continue
                entry[1] += 1
                hits = entry[1] - fault.after
                if hits > 0 and (fault.times is None or hits <= fault.times):
                    return fault
            return None

    def waiting(self) -> list[dict[str, Any]]:
        """Faults with the number of requests that each has seen."""
        with self._lock:
            return [{**asdict(fault), "seen": seen} for fault, seen in self._waiting]
