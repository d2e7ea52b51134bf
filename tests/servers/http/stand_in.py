"""What all HTTP stand-ins share: clock, bars, faults, record, and the life of their two servers."""

from __future__ import annotations

import os
import ssl
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import ClassVar, Self

from tests.servers.common import BarStore, Row
from tests.servers.common_clock import AdjustableClock, Clock, SystemClock
from tests.servers.http.faults import GARBAGE, Fault, FaultPlan
from tests.servers.http.listener import HOST, Listener, StandInHandler
from tests.servers.http.messages import TEXT, Answer, Request
from tests.servers.http.record import Recorded, Recorder, Violation


class StandIn(ABC):
    """A context manager; listens on 127.0.0.1 while it is entered.

    Parameters
    ----------
    bars
        What it serves.
    clock
        Its time of day; the machine's if left out.
    port
        0 for a free one.
    """

    #: Word for the process's listening line.
    name: ClassVar[str]
    #: Kinds of faults besides the common ones.
    own_faults: ClassVar[Mapping[str, str]] = {}
    #: Certificates of TLS behind CONNECT; None without.
    tls: ssl.SSLContext | None = None

    def __init__(self, bars: BarStore, *, clock: Clock | None = None, port: int = 0) -> None:
        self.bars = bars
        self.clock = clock or SystemClock()
        self.faults = FaultPlan(self.own_faults)
        self.record = Recorder()
        self.stopping = threading.Event()
        self._listener = Listener((HOST, port), type("Handler", (StandInHandler,), {"stand_in": self}))
        self.port = self._listener.port

    @abstractmethod
    def answer(self, request: Request, fault: Fault | None) -> Answer:
        """The answer without faults, or with the stand-in's own fault."""

    @abstractmethod
    def refusal(self, request: Request, fault: Fault) -> Answer:
        """A fault's status in the vendor's words."""

    @abstractmethod
    def empty(self, request: Request) -> Answer:
        """A well-formed answer without any content."""

    def allows(self, host: str) -> bool:
        """Whether a tunnel to ``host`` may be opened."""
        return False

    @property
    def address(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://{HOST}:{self.port}"

    def requests(self, path: str = "") -> list[Recorded]:
        """Requests so far whose path contains ``path``."""
        return self.record.requests(path)

    def violations(self) -> list[Violation]:
        """Broken rules so far."""
        return self.record.violations()

    def replace(self, symbol: str, timeframe: str, rows: Iterable[Row]) -> None:
        """Put a table in place of the one held: restated history, a revised file."""
        self.bars.replace(symbol, timeframe, rows)

    def advance(self, seconds: float) -> None:
        """Move the clock on.

        Raises
        ------
        TypeError
            If the stand-in runs on the machine's clock.
        """
        if not isinstance(self.clock, AdjustableClock):
            raise TypeError("the stand-in runs on the machine's clock; start it with an adjustable one")
        self.clock.advance(seconds)

    def respond(self, request: Request) -> tuple[Answer | None, Fault | None]:
        """The answer, with the fault that strikes it; None for no answer. Everything is noted."""
        began, moment = time.perf_counter(), self.clock.now()
        fault = self.faults.take(request)
        answer = self._faulty(request, fault)
        entry = Recorded(
            moment=moment,
            method=request.method,
            host=request.host,
            path=request.path,
            query=request.query,
            status=answer.status if answer else 0,
            fault=fault.kind if fault else "",
            seconds=time.perf_counter() - began,
            size=len(answer.body) if answer else 0,
        )
        self.record.request(entry)
        if entry.fault == "silent":
            self.stopping.wait()
        return answer, fault

    def _faulty(self, request: Request, fault: Fault | None) -> Answer | None:
        match fault.kind if fault else "":
            case "silent" | "drop":
                return None
            case "garbage":
                return Answer(200, GARBAGE, TEXT)
            case "empty":
                return self.empty(request)
            case "status" if fault:
                return self.refusal(request, fault)
            case "slow" if fault:
                self.stopping.wait(fault.seconds)
        return self.answer(request, fault)

    def __enter__(self) -> Self:
        self._listener.start(self.name)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stopping.set()
        self._listener.stop()


def without_proxy() -> dict[str, str]:
    """Environment in which calls to 127.0.0.1 pass by every proxy."""
    known = os.environ.get("NO_PROXY", "")
    hosts = ",".join(filter(None, [known, "127.0.0.1", "localhost"]))
    return {"NO_PROXY": hosts, "no_proxy": hosts}
