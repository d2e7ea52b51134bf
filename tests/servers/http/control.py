"""What the control of a running stand-in can do; see :class:`tests.servers.common_control.ControlServer`."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.servers.common_control import Acts, ControlServer, Reads
from tests.servers.http.faults import Fault
from tests.servers.http.record import as_json
from tests.servers.http.stand_in import StandIn


class Control(ControlServer):
    """Control of one stand-in.

    ``GET requests``, ``GET violations``, ``GET faults`` give JSON lists. ``POST faults`` takes the fields of one
    :class:`Fault`, ``POST clear-faults`` forgets them, ``POST clock`` takes ``{"seconds": 60}``, ``POST bars`` takes
    ``{"symbol", "timeframe", "rows": [[epoch seconds, open, high, low, close, volume], ...]}``, ``POST forget`` empties
    the record. A wrong call is answered 400 with the reason.
    """

    def __init__(self, stand_in: StandIn, port: int = 0) -> None:
        reads: Reads = {
            "requests": lambda: [as_json(entry) for entry in stand_in.requests()],
            "violations": lambda: [as_json(entry) for entry in stand_in.violations()],
            "faults": stand_in.faults.waiting,
        }
        acts: Acts = {
            "faults": lambda body: stand_in.faults.add(Fault(**body)),
            "clear-faults": lambda body: stand_in.faults.clear(**body),
            "clock": lambda body: stand_in.advance(**body),
            "bars": lambda body: _replace(stand_in, **body),
            "forget": lambda body: stand_in.record.clear(**body),
        }
        super().__init__(f"{stand_in.name} control", reads, acts, port)


def _replace(stand_in: StandIn, *, symbol: str, timeframe: str, rows: list[list[float]]) -> None:
    stand_in.replace(symbol, timeframe, [(datetime.fromtimestamp(row[0], UTC), *row[1:]) for row in rows])
