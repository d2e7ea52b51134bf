"""Sockets: HTTP/1.1 with keep-alive, and TLS behind CONNECT, on one port of 127.0.0.1."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import TYPE_CHECKING, Any, ClassVar, cast

from tests.servers.http.messages import Answer, Request

if TYPE_CHECKING:
    from tests.servers.http.stand_in import StandIn

HOST = "127.0.0.1"
_TLS_HANDSHAKE = b"\x16"  # first byte of a TLS handshake record


class Listener(ThreadingHTTPServer):
    """A server whose stop also ends the connections that are still open."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.port = int(self.server_address[1])
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def start(self, name: str) -> None:
        """Serve in an own thread."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, name=name, daemon=True).start()

    def stop(self) -> None:
        """Stop listening and break what is connected."""
        self.shutdown()
        self.server_close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def opened(self, connection: socket.socket) -> None:
        """Remember a connection for :meth:`stop`."""
        with self._lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._lock:
            self._open.discard(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no event; anything else is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class StandInHandler(BaseHTTPRequestHandler):
    """Turns sockets' bytes into :class:`Request` and :class:`Answer`; subclassed with its stand-in."""

    stand_in: ClassVar[StandIn]
    server: Listener
    connection: socket.socket
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16  # an answer leaves in one piece

    def setup(self) -> None:
        """Begin TLS where the client begins with it."""
        super().setup()
        self.server.opened(self.connection)
        self._begin_tls()

    def finish(self) -> None:
        """Send what is left and close."""
        with contextlib.suppress(OSError, ValueError):
            super().finish()
        self.server.closed(self.connection)
        self.connection.close()

    def handle(self) -> None:
        """Serve the connection until either side ends it."""
        with contextlib.suppress(OSError):
            super().handle()

    def do_CONNECT(self) -> None:
        """Open a tunnel to one of the vendor's hosts; refuse every other."""
        host = self.path.partition(":")[0]
        if self.stand_in.tls is None or not self.stand_in.allows(host):
            self.stand_in.record.violation(self.stand_in.clock.now(), "foreign host", f"CONNECT {self.path}")
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.wfile.flush()
        self._begin_tls()
        self.close_connection = False

    def _begin_tls(self) -> None:
        tls = self.stand_in.tls
        if tls is None or self.connection.recv(1, socket.MSG_PEEK) != _TLS_HANDSHAKE:
            return
        plain = self.connection
        self.connection = tls.wrap_socket(plain, server_side=True)
        self.server.closed(plain)
        self.server.opened(self.connection)
        self.rfile = cast("BufferedIOBase", self.connection.makefile("rb", self.rbufsize))
        self.wfile = cast("BufferedIOBase", self.connection.makefile("wb", self.wbufsize))

    def _serve(self) -> None:
        request = Request(
            method=self.command,
            host=self.headers.get("Host", "").partition(":")[0],
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )
        answer, fault = self.stand_in.respond(request)
        if answer is None:
            self.close_connection = True
        else:
            self._send(answer, cut=fault is not None and fault.kind == "truncated")

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve

    def _send(self, answer: Answer, *, cut: bool) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: len(answer.body) // 2] if cut else answer.body)
        self.close_connection = self.close_connection or cut

    def version_string(self) -> str:
        """Name in the ``Server`` header."""
        return "nginx"

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The stand-in's clock in the ``Date`` header."""
        return format_datetime(self.stand_in.clock.now(), usegmt=True)

    def log_message(self, *_: object) -> None:
        """Nothing: the record says it all."""
