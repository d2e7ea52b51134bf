"""A stand-in as a process of its own, for tests whose clients are processes too."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
_LINE = re.compile(r"\w+ stand-in listening on (?P<address>\S+), control at (?P<control>http://127\.0\.0\.1:\d+/_control/)\n")
_PATIENCE = 30


@dataclass(frozen=True)
class Running:
    """A started process.

    Parameters
    ----------
    address
        Where it listens, as its line says.
    control
        Address that the names of the control's calls are appended to.
    """

    address: str
    control: str

    def call(self, name: str, body: dict[str, Any] | None = None) -> Any:
        """One call of the control: GET, or POST with a body; its answer.

        Raises
        ------
        urllib.error.HTTPError
            400 for a wrong call, 404 for an unknown one.
        """
        data = None if body is None else json.dumps(body).encode()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.control + name, data, timeout=_PATIENCE) as answer:
            return json.load(answer)


@contextmanager
def started(module: str, *arguments: str) -> Iterator[Running]:
    """Run ``python -m <module> <arguments>`` until the block is left.

    Raises
    ------
    RuntimeError
        If it does not begin to listen, or does not end as told.
    """
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            found = _LINE.fullmatch(line)
            if found is None:
                raise RuntimeError(f"{module} does not listen: {line!r}")
            yield Running(found["address"], found["control"])
        finally:
            process.terminate()
            code = process.wait(_PATIENCE)
    if code != 0:
        raise RuntimeError(f"{module} ended with exit code {code}")
