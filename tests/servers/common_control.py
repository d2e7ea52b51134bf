"""Control of a running stand-in over HTTP, for tests in other processes: ``/_control/...`` on a second port."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

_HOST = "127.0.0.1"
_PREFIX = "/_control/"
Reads = Mapping[str, Callable[[], list[Any]]]
Acts = Mapping[str, Callable[[dict[str, Any]], object]]


class ControlServer:
    """A context manager around a small HTTP server on 127.0.0.1.

    Parameters
    ----------
    name
        Of its thread.
    reads
        What ``GET`` answers, by the name of the call.
    acts
        What ``POST`` does with a JSON object, by the name of the call; a wrong one is answered 400 with the reason.
    port
        0: a free one.
    """

    def __init__(self, name: str, reads: Reads, acts: Acts, port: int = 0) -> None:
        self._http = ThreadingHTTPServer((_HOST, port), _handler(reads, acts))
        self.port = int(self._http.server_address[1])
        self._thread = threading.Thread(target=self._http.serve_forever, name=name, daemon=True)

    @property
    def url(self) -> str:
        """Address that the names of the calls are appended to."""
        return f"http://{_HOST}:{self.port}{_PREFIX}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(timeout=10)


def _handler(reads: Reads, acts: Acts) -> type[BaseHTTPRequestHandler]:
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
