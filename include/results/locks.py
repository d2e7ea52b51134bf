"""Locks by name that all machines share: for a lake in an object store, which has none of its own."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from include.results.engine import results_engine, shown
from include.results.errors import ResultsError

_PAUSE_SECONDS = 0.1


@contextmanager
def named_lock(name: str, *, seconds: float) -> Iterator[None]:
    """Hold ``name`` alone, wherever else on this results database it is asked for; a process that dies lets go of it.

    PostgreSQL: an advisory lock of a session. SQLite: the lock of a file beside the database, so of this machine only, as a SQLite file
    itself is.

    Raises
    ------
    ResultsError
        If somebody else holds it for longer than ``seconds``, or the database cannot be reached.
    """
    engine = results_engine()
    digest = hashlib.sha256(name.encode()).digest()
    late = f"{name} has been locked by another process for {seconds:.0f} seconds; look after it"
    if engine.dialect.name == "sqlite":
        try:
            with FileLock(f"{engine.url.database}.{digest.hex()[:16]}.lock", timeout=seconds):
                yield
        except Timeout as error:
            raise ResultsError(late) from error
        return
    key = {"key": int.from_bytes(digest[:8], "big", signed=True)}
    deadline = time.monotonic() + seconds
    try:
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    except DBAPIError as error:
        raise ResultsError(f"the results database {shown(engine)} cannot be reached, and the lake's locks are there") from error
    with connection:
        while not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), key).scalar_one():
            if time.monotonic() > deadline:
                raise ResultsError(late)
            time.sleep(_PAUSE_SECONDS)
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)
