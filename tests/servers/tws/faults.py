"""Faults on demand: what goes wrong, for which requests, how often."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from typing import Any

from tests.servers.tws.refusals import LOCALISED, PACING

#: kind -> what the client meets.
KINDS = {
    "error": "an error message with any code and text instead of the answer",
    "silent": "no answer at all; the request stays open until it is cancelled",
    "slow": "the answer after so many seconds",
    "drop": "half of the answer, then the connection breaks",
    "truncated": "a well-formed frame with fewer fields than it announces",
    "garbage": "a frame whose numbers are no numbers",
    "client_id_in_use": "error 326 on connecting, then the connection closes",
}


@dataclass(frozen=True)
class Fault:
    """One fault.

    Parameters
    ----------
    kind
        One of :data:`KINDS`.
    request
        Kind of request that it hits (``history``, ``head_timestamp``, ``contract_details``, ``option_parameters``,
        ``market_data``, ``connect``), or ``*``.
    symbol
        Only for this symbol (IBKR's name); empty for all.
    after
        So many matching requests pass first, not counting those that an earlier fault strikes.
    times
        So many are hit; None hits all that follow.
    code, text
        Of an ``error``.
    seconds
        Of ``slow``.
    """

    kind: str
    request: str = "history"
    symbol: str = ""
    after: int = 0
    times: int | None = 1
    code: int = 0
    text: str = ""
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"fault kind {self.kind!r} is not one of {', '.join(KINDS)}")
        if self.kind == "error" and not self.code:
            raise ValueError("an error fault needs a code")

    @classmethod
    def pacing(cls, *, symbol: str = "", after: int = 0, times: int | None = 1) -> Fault:
        """The pacing violation as the vendor words it."""
        return cls("error", symbol=symbol, after=after, times=times, code=162, text=PACING)

    @classmethod
    def localised(cls, language: str = "es", *, symbol: str = "", after: int = 0, times: int | None = 1) -> Fault:
        """Error 162 in another language (``es`` or ``zh``)."""
        return cls("error", symbol=symbol, after=after, times=times, code=162, text=LOCALISED[language])


class FaultPlan:
    """The faults that wait; safe to change while the stand-in runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[list[Any]] = []

    def add(self, *faults: Fault) -> None:
        """Queue faults; where several match, the one added first strikes."""
        with self._lock:
            self._waiting += [[fault, 0] for fault in faults]

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._waiting.clear()

    def take(self, kind: str, symbol: str) -> Fault | None:
        """The fault that strikes this request, counted as used."""
        with self._lock:
            for entry in self._waiting:
                fault: Fault = entry[0]
                if fault.request not in {"*", kind} or fault.symbol not in {"", symbol}:
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
