"""What the control of a running TWS stand-in can do; see :class:`tests.servers.common_control.ControlServer`."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.servers.common_control import Acts, ControlServer, Reads
from tests.servers.tws.faults import Fault
from tests.servers.tws.record import as_json
from tests.servers.tws.server import TwsServer


class Control(ControlServer):
    """Control of one stand-in.

    ``GET requests``, ``GET violations``, ``GET faults`` give JSON lists. ``POST faults`` takes the fields of one
    :class:`Fault`, ``POST broadcast`` takes ``{"code": 1100}``, ``POST clock`` takes ``{"seconds": 60}``,
    ``POST bars`` takes ``{"symbol", "timeframe", "rows": [[epoch seconds, open, high, low, close, volume], ...]}``,
    ``POST drop`` breaks all connections, ``POST forget`` empties the record, ``POST clear-faults`` the faults.
    A wrong call is answered 400 with the reason.
    """

    def __init__(self, server: TwsServer, port: int = 0) -> None:
        reads: Reads = {
            "requests": lambda: [as_json(entry) for entry in server.requests()],
            "violations": lambda: [as_json(entry) for entry in server.violations()],
            "faults": server.faults.waiting,
        }
        acts: Acts = {
            "faults": lambda body: server.faults.add(Fault(**body)),
            "clear-faults": lambda body: server.faults.clear(**body),
            "bars": lambda body: _replace(server, **body),
            "broadcast": lambda body: server.broadcast(**body),
            "clock": lambda body: server.advance(**body),
            "drop": lambda body: server.drop_connections(**body),
            "forget": lambda body: server.forget(**body),
        }
        super().__init__("tws control", reads, acts, port)


def _replace(server: TwsServer, *, symbol: str, timeframe: str, rows: list[list[float]]) -> None:
    server.replace(symbol, timeframe, [(datetime.fromtimestamp(row[0], UTC), *row[1:]) for row in rows])
