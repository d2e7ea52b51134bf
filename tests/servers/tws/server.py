"""The TWS stand-in: a server on 127.0.0.1 in its own thread and event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from tests.servers.common import BarStore, Row
from tests.servers.common_clock import AdjustableClock, Clock, SystemClock
from tests.servers.tws.connection import Connection
from tests.servers.tws.faults import FaultPlan
from tests.servers.tws.gateway import Gateway, TwsSettings
from tests.servers.tws.options import OptionQuote
from tests.servers.tws.record import Recorded, Violation
from tests.servers.tws.refusals import NOTICES

HOST = "127.0.0.1"


class TwsServer:
    """A context manager; listens while it is entered.

    Parameters
    ----------
    bars
        What it serves, by Marketmill symbol (``AAPL``, ``^VIX``); symbols that come later are not known.
    options
        Lines of option chains; their underlyings need no bars.
    clock
        Time of day of the stand-in.
    settings
        Limits and behaviour.
    port
        0 for any free one.
    """

    def __init__(
        self,
        bars: BarStore,
        *,
        options: Sequence[OptionQuote] = (),
        clock: Clock | None = None,
        settings: TwsSettings | None = None,
        port: int = 0,
    ) -> None:
        self.host = HOST
        self.port = port
        self._gateway = Gateway(bars, options, clock or SystemClock(), settings or TwsSettings())
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name="tws stand-in", daemon=True)
        self._thread.start()
        started.result(timeout=10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._loop and self._stop and self._thread:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(timeout=10)

    @property
    def faults(self) -> FaultPlan:
        """Faults to come; add to it at any time."""
        return self._gateway.faults

    @property
    def clock(self) -> Clock:
        """The stand-in's time of day."""
        return self._gateway.clock

    @property
    def client_ids(self) -> set[int]:
        """Ids of the clients that are connected now."""
        return set(self._gateway.client_ids)

    def requests(self, kind: str = "") -> list[Recorded]:
        """Every request so far, or those of one kind (``history``, ``contract_details``, ...)."""
        return self._gateway.record.requests(kind)

    def violations(self) -> list[Violation]:
        """Every documented rule that a client broke."""
        return self._gateway.record.violations()

    def forget(self) -> None:
        """Empty the record of requests and violations; quotas stay as used."""
        self._gateway.record.clear()

    def replace(self, symbol: str, timeframe: str, rows: Iterable[Row]) -> None:
        """Put a table in place of the one held: restated history."""
        if symbol not in self._gateway.store.symbols:
            raise ValueError(f"{symbol} is not held by the stand-in")
        self._gateway.store.replace(symbol, timeframe, rows)

    def advance(self, seconds: float) -> None:
        """Move the clock on.

        Raises
        ------
        ValueError
            If the stand-in runs on the machine's clock.
        """
        match self.clock:
            case AdjustableClock() as clock:
                clock.advance(seconds)
            case _:
                raise ValueError("the stand-in runs on the machine's clock; start it with an adjustable one")

    def broadcast(self, code: int) -> None:
        """Send a notice to all clients: 1100, 1101, 1102, 2104, 2106 or 2158."""
        if code not in NOTICES:
            raise ValueError(f"code {code} is not one of {', '.join(map(str, NOTICES))}")
        self._on_each(lambda connection: connection.notify(code))

    def drop_connections(self) -> None:
        """Break all connections without a word; new ones are taken."""
        self._on_each(lambda connection: connection.abort())

    def _on_each(self, action: Callable[[Connection], None]) -> None:
        if self._loop is None:
            raise RuntimeError("the stand-in is not running")
        done: Future[None] = Future()

        def act() -> None:
            for connection in list(self._connections):
                action(connection)
            done.set_result(None)

        self._loop.call_soon_threadsafe(act)
        done.result(timeout=10)

    def _run(self, started: Future[None]) -> None:
        asyncio.run(self._serve(started))

    async def _serve(self, started: Future[None]) -> None:
        try:
            server = await asyncio.start_server(self._accept, self.host, self.port)
        except OSError as error:
            started.set_exception(error)
            return
        self.port = server.sockets[0].getsockname()[1]
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        started.set_result(None)
        await self._stop.wait()
        server.close()
        for connection in self._connections:
            connection.abort()
        await asyncio.gather(*self._connections.values())

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self._gateway, reader, writer)
        self._connections[connection] = asyncio.ensure_future(connection.run())
        try:
            await self._connections[connection]
        finally:
            self._connections.pop(connection, None)
