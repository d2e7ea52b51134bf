"""Run a program and measure it from outside: seconds, processor seconds, the peak memory of all its processes."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: A program says when it is set up and starts to work: a line that begins with one of these.
_READY = ("ready", "build_features: ready")
#: And at its end how many features it made.
_COLUMNS = "columns "
_EVERY = 0.25
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Run:
    """One run: ``wall`` seconds in all, ``work`` of them after the program was ready, ``processor`` seconds of all its processes.

    ``peak`` is the largest sum of the processes' proportional set sizes (memory that several share is shared out between them), in
    bytes. Both are looked at four times a second. ``columns`` is the number of features, where the program tells it.
    """

    wall: float
    work: float
    processor: float
    peak: int
    columns: int


class BenchError(Exception):
    """A program of the bench failed; the message holds the end of what it said."""


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Run:
    """Run ``command`` to its end.

    Raises
    ------
    BenchError
        If it fails.
    """
    said: list[str] = []
    columns = 0
    started = ready = time.monotonic()
    with subprocess.Popen(  # noqa: S603
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        watch = _Watch(process.pid)
        watch.start()
        for line in process.stdout or ():
            said.append(line)
            if line.startswith(_READY):
                ready = time.monotonic()
            elif line.startswith(_COLUMNS):
                columns = int(line.removeprefix(_COLUMNS))
        code = process.wait()
        ended = time.monotonic()
        watch.stop()
    if code:
        raise BenchError(f"{' '.join(command)} ended with {code}:\n{''.join(said[-20:])}")
    return Run(ended - started, ended - ready, sum(watch.processor.values()), watch.peak, columns)


class _Watch(threading.Thread):
    """Looks at a process and all its descendants until it is stopped."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self._root, self._over = root, threading.Event()
        self.peak = 0
        self.processor: dict[int, float] = {}

    def run(self) -> None:
        while not self._over.wait(_EVERY):
            processes = _family(self._root)
            self.processor |= processes
            self.peak = max(self.peak, sum(map(_proportional, processes)))

    def stop(self) -> None:
        self._over.set()
        self.join()


def _family(root: int) -> dict[int, float]:
    """Processor seconds of a process and each of its descendants."""
    children: dict[int, list[int]] = {}
    seconds: dict[int, float] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # ended meanwhile
        process = int(stat.parent.name)
        children.setdefault(int(fields[1]), []).append(process)
        seconds[process] = (int(fields[11]) + int(fields[12])) / _TICK
    waiting, found = [root], {}
    while waiting:
        process = waiting.pop()
        waiting += children.get(process, [])
        found[process] = seconds.get(process, 0.0)
    return found


def _proportional(process: int) -> int:
    """Proportional set size in bytes; 0 for a process that has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
