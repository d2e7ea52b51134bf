"""What happened at the stand-in: every request, every broken rule."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Recorded:
    """One request with what became of it.

    Parameters
    ----------
    moment
        When it came, on the stand-in's clock.
    method, host, path, query
        What was asked.
    status
        Of the answer; 0 for none.
    fault
        Kind of the fault that struck, or empty.
    seconds
        Real seconds that the stand-in itself needed.
    size
        Bytes of the answer's body.
    """

    moment: datetime
    method: str
    host: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    status: int = 0
    fault: str = ""
    seconds: float = 0.0
    size: int = 0


@dataclass(frozen=True)
class Violation:
    """One broken rule."""

    moment: datetime
    rule: str
    detail: str


class Recorder:
    """Grows while the stand-in runs; readable from every thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[Recorded] = []
        self._violations: list[Violation] = []

    def request(self, entry: Recorded) -> None:
        """Note a request."""
        with self._lock:
            self._requests.append(entry)

    def violation(self, moment: datetime, rule: str, detail: str) -> None:
        """Note a broken rule."""
        with self._lock:
            self._violations.append(Violation(moment, rule, detail))

    def requests(self, path: str = "") -> list[Recorded]:
        """Requests so far whose path contains ``path``."""
        with self._lock:
            return [entry for entry in self._requests if path in entry.path]

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
