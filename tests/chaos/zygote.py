"""A process that has Airflow and the tasks' libraries loaded, and forks one child for each command: a run costs no start-up.

``python zygote.py``: each line of standard input is ``{"arguments": [...], "environment": {...}, "log": path, "kill_after": seconds or
null, "ahead": seconds}``, of which ``ahead`` is how far its clock is wrong; the answer is a line ``{"code": ..., "seconds": ...}``, with a negative code where the child was killed. A child has a session
of its own, and whatever it started (a JVM, workers) is killed with it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine


def main() -> None:
    """Obey standard input until it ends."""
    import airflow.__main__  # noqa: F401
    import exchange_calendars  # noqa: F401
    import great_expectations  # noqa: F401
    import mlflow  # noqa: F401
    import numba  # noqa: F401

    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            _run(asked)
        code = _wait(child, asked["kill_after"])
        print(json.dumps({"code": code, "seconds": time.monotonic() - began}), flush=True)


def _run(asked: dict) -> None:
    os.setsid()
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(asked["environment"])
    if asked["ahead"]:
        time_machine.travel(datetime.now(UTC) + timedelta(seconds=asked["ahead"]), tick=True).start()
    code = 1
    try:
        from airflow.__main__ import main as airflow

        sys.argv = ["airflow", *asked["arguments"]]
        airflow()
        code = 0
    except SystemExit as exited:
        code = exited.code if isinstance(exited.code, int) else int(bool(exited.code))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)


def _wait(child: int, kill_after: float | None) -> int:
    deadline = None if kill_after is None else time.monotonic() + kill_after
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            _kill_session(child)
            return os.waitstatus_to_exitcode(status)
        if deadline is not None and time.monotonic() >= deadline:
            _kill_session(child)
            os.kill(child, signal.SIGKILL)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        time.sleep(0.002)


def _kill_session(session: int) -> None:
    """Kill every process of a session but its leader, also those that left its process group."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and int(folder.name) != session:
            try:
                os.kill(int(folder.name), signal.SIGKILL)
            except ProcessLookupError:
                continue


if __name__ == "__main__":
    main()
