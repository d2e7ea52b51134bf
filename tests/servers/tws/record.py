"""What happened at the stand-in: every request, every broken rule."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

from tests.servers.tws.requests import ContractQuery, Request


@dataclass
class Recorded:
    """One request.

    ``outcome`` is ``open`` until it was answered, then ``answered``, ``error <code>``, ``cancelled``, ``dropped``,
    ``garbled`` or ``disconnected``.
    """

    moment: datetime
    client_id: int
    kind: str
    request_id: int
    symbol: str
    details: dict[str, Any] = field(default_factory=dict)
    outcome: str = "open"


@dataclass(frozen=True)
class Violation:
    """One broken rule."""

    moment: datetime
    client_id: int
    rule: str
    detail: str


class Recorder:
    """Grows while the stand-in runs; readable from every thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[Recorded] = []
        self._violations: list[Violation] = []

    def request(self, moment: datetime, client_id: int, request: Request) -> Recorded:
        """Note a request and give its entry, whose outcome the answer sets."""
        entry = Recorded(moment, client_id, request.kind, request.request_id, request.symbol, _details(request))
        with self._lock:
            self._requests.append(entry)
        return entry

    def violation(self, moment: datetime, client_id: int, rule: str, detail: str) -> None:
        """Note a broken rule."""
        with self._lock:
            self._violations.append(Violation(moment, client_id, rule, detail))

    def requests(self, kind: str = "") -> list[Recorded]:
        """Requests so far, of one kind where one is named."""
        with self._lock:
            return [entry for entry in self._requests if kind in {"", entry.kind}]

    def violations(self) -> list[Violation]:
        """Broken rules so far."""
        with self._lock:
            return list(self._violations)

    def clear(self) -> None:
        """Forget everything noted."""
        with self._lock:
            self._requests.clear()
            self._violations.clear()


def as_json(entry: Recorded | Violation) -> dict[str, Any]:
    """An entry as JSON-safe values."""
    return {**asdict(entry), "moment": entry.moment.isoformat()}


def _details(request: Request) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for item in fields(request):
        value = getattr(request, item.name)
        if isinstance(value, ContractQuery):
            shown.update({name: part for name, part in asdict(value).items() if part})
        elif item.name not in {"kind", "request_id"}:
            shown[item.name] = value
    return shown
