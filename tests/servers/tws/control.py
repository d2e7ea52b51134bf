"""Control of a running stand-in over HTTP, for tests in other processes: ``/_control/...`` on a second port."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.servers.tws.faults import Fault
from tests.servers.tws.record import as_json
from tests.servers.tws.server import HOST, TwsServer

_PREFIX = "/_control/"


class Control:
    """A context manager around a small HTTP server on 127.0.0.1.

    ``GET requests``, ``GET violations``, ``GET faults`` give JSON lists. ``POST faults`` takes the fields of one
    :class:`Fault`, ``POST broadcast`` takes ``{"code": 1100}``, ``POST clock`` takes ``{"seconds": 60}``,
    ``POST bars`` takes ``{"symbol", "timeframe", "rows": [[epoch seconds, open, high, low, close, volume], ...]}``,
    ``POST drop`` breaks all connections, ``POST forget`` empties the record, ``POST clear-faults`` the faults.
    A wrong call is answered 400 with the reason.
    """

    def __init__(self, server: TwsServer, port: int = 0) -> None:
        self._http = ThreadingHTTPServer((HOST, port), _handler(server))
        self.port = int(self._http.server_address[1])
        self._thread = threading.Thread(target=self._http.serve_forever, name="tws control", daemon=True)

    @property
    def url(self) -> str:
        """Address that the names of the calls are appended to."""
        return f"http://{HOST}:{self.port}{_PREFIX}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(timeout=10)


def _handler(server: TwsServer) -> type[BaseHTTPRequestHandler]:
    reads: dict[str, Callable[[], list[Any]]] = {
        "requests": lambda: [as_json(entry) for entry in server.requests()],
        "violations": lambda: [as_json(entry) for entry in server.violations()],
        "faults": server.faults.waiting,
    }
    acts: dict[str, Callable[[dict[str, Any]], object]] = {
        "faults": lambda body: server.faults.add(Fault(**body)),
        "clear-faults": lambda body: server.faults.clear(**body),
        "bars": lambda body: _replace(server, **body),
        "broadcast": lambda body: server.broadcast(**body),
        "clock": lambda body: server.advance(**body),
        "drop": lambda body: server.drop_connections(**body),
        "forget": lambda body: server.forget(**body),
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
                length = int(self.headers.get("Content-Length") or 0)
                act(json.loads(self.rfile.read(length) or b"{}"))
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

        def log_message(self, *args: object) -> None:
            """Nothing: the record says it all."""

    return Handler


def _replace(server: TwsServer, *, symbol: str, timeframe: str, rows: list[list[float]]) -> None:
    server.replace(symbol, timeframe, [(datetime.fromtimestamp(row[0], UTC), *row[1:]) for row in rows])
