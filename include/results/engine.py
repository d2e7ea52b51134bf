"""The engine of the results database, its transactions and its clock."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from include.results.address import Address, parse_address
from include.results.errors import ResultsError
from include.settings import PROJECT, settings

_WAIT_SECONDS = 30
# Neither wait for ever for a lock, nor hold one in a process that was put to sleep.
_PATIENCE = f"-c lock_timeout={_WAIT_SECONDS}s -c idle_in_transaction_session_timeout={2 * _WAIT_SECONDS}s"
_WRITES = "marketmill_writes"
_NOW = {
    "sqlite": text("SELECT CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)"),
    # Not now(), which stands still since the transaction began and so before its locks were given.
    "postgresql": text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"),
}


def open_engine(address: Address) -> Engine:
    """Make an engine; nothing is connected yet.

    Raises
    ------
    ResultsError
        If the folder of a SQLite file cannot be made.
    """
    if address.url.get_backend_name() == "sqlite":
        engine = _sqlite_engine(address)
    else:
        engine = create_engine(
            address.url,
            connect_args={"connect_timeout": "10", "application_name": "marketmill", "options": _PATIENCE, **address.options},
            # Many rows at once, also where a row that is there is replaced: else each would wait for its own answer.
            executemany_mode="values_plus_batch",
            executemany_batch_page_size=500,
            pool_pre_ping=True,
            hide_parameters=True,
        )
    # A forked task must not talk over its parent's connection.
    reference = weakref.ref(engine)

    def _forget_connections() -> None:
        if (mine := reference()) is not None:
            mine.dispose(close=False)

    os.register_at_fork(after_in_child=_forget_connections)
    return engine


@lru_cache(maxsize=1)
def results_engine() -> Engine:
    """The engine of the settings.

    Raises
    ------
    ConfigurationError
        If the address is wrong.
    ResultsError
        If the folder of a SQLite file cannot be made.
    """
    return open_engine(results_address())


def results_address() -> Address:
    """The address of the settings.

    Raises
    ------
    ConfigurationError
        If it is wrong.
    """
    return parse_address(settings().results_url.get_secret_value(), PROJECT)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that will write: on SQLite it holds the one write lock from its first moment, so what it reads stays true.

    Raises
    ------
    ResultsError
        If the database cannot be reached, or does not answer, or lost the connection on the way.
    """
    try:
        with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
            yield connection
    except DBAPIError as error:
        raise ResultsError(f"the results database {shown(engine)}: {_first_line(error)}") from error


def database_now(connection: Connection) -> int:
    """Microseconds since 1970 UTC by the clock of the database, the one clock that all machines share."""
    return int(connection.execute(_NOW[connection.dialect.name]).scalar_one())


def shown(engine: Engine) -> str:
    """Tell where the database is, without a password."""
    return engine.url.set(drivername=engine.url.get_backend_name()).render_as_string(hide_password=True)


def _first_line(error: DBAPIError) -> str:
    lines = str(error.orig).strip().splitlines()
    return lines[0] if lines else type(error.orig).__name__


def _sqlite_engine(address: Address) -> Engine:
    folder = Path(str(address.url.database)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsError(f"the folder {folder} of the results database cannot be made ({error.strerror}); set RESULTS_URL") from error
    engine = create_engine(address.url, connect_args={"timeout": _WAIT_SECONDS}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # The driver would begin transactions by itself, and too late; _begin does it.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        # With the write-ahead log a crash of the machine may lose the last transactions, but harms no file.
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITES) else "BEGIN")

    return engine
