"""Control of a running stand-in over HTTP, for tests in other processes: ``/_control/...`` on a second port."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Self

from tests.servers.http.faults import Fault
from tests.servers.http.listener import HOST, Listener
from tests.servers.http.record import as_json
from tests.servers.http.stand_in import StandIn

_PREFIX = "/_control/"


class Control:
    """A context manager around a small HTTP server on 127.0.0.1.

    ``GET requests``, ``GET violations``, ``GET faults`` give JSON lists. ``POST faults`` takes the fields of one
    :class:`Fault`, ``POST clear-faults`` forgets them, ``POST clock`` takes ``{"seconds": 60}``, ``POST bars`` takes
    ``{"symbol", "timeframe", "rows": [[epoch seconds, open, high, low, close, volume], ...]}``, ``POST forget`` empties
    the record. A wrong call is answered 400 with the reason.
    """

    def __init__(self, stand_in: StandIn, port: int = 0) -> None:
        self._listener = Listener((HOST, port), _handler(stand_in))
        self.port = self._listener.port
        self._name = f"{stand_in.name} control"

    @property
    def url(self) -> str:
        """Address that the names of the calls are appended to."""
        return f"http://{HOST}:{self.port}{_PREFIX}"

    def __enter__(self) -> Self:
        self._listener.start(self._name)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._listener.stop()


def _handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    reads: dict[str, Callable[[], list[Any]]] = {
        "requests": lambda: [as_json(entry) for entry in stand_in.requests()],
        "violations": lambda: [as_json(entry) for entry in stand_in.violations()],
        "faults": stand_in.faults.waiting,
    }
    acts: dict[str, Callable[[dict[str, Any]], object]] = {
        "faults": lambda body: stand_in.faults.add(Fault(**body)),
        "clear-faults": lambda body: stand_in.faults.clear(**body),
        "clock": lambda body: stand_in.advance(**body),
        "bars": lambda body: _replace(stand_in, **body),
        "forget": lambda body: stand_in.record.clear(**body),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            read = reads.get(self.path.removeprefix(_PREFIX))
            self._answer(404, {"error": f"{self.path} is unknown"}) if read is None else self._answer(200, read())

        def do_POST(self) -> None:
            act = acts.get(self.path.removeprefix(_PREFIX))
            if act is None:
                self._answer(404, {"error": f"{self.path} is unknown"})
                return
            try:
                act(json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}"))
            except (TypeError, ValueError) as error:
                self._answer(400, {"error": str(error)})
                return
            self._answer(200, {})

        def _answer(self, status: int, content: object) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: the record says it all."""

    return Handler


def _replace(stand_in: StandIn, *, symbol: str, timeframe: str, rows: list[list[float]]) -> None:
    stand_in.replace(symbol, timeframe, [(datetime.fromtimestamp(row[0], UTC), *row[1:]) for row in rows])
