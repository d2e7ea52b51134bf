"""Bring the results database up to date: ``python -m include.results.migrate``, as often and from as many processes as you like."""

from __future__ import annotations

import logging
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from include.errors import MarketmillError
from include.results.engine import results_engine, shown, writing
from include.results.errors import ResultsError

FOLDER = Path(__file__).resolve().parent / "migrations"
VERSION_TABLE = "marketmill_alembic_version"
# Each look at the revision would be two lines in the log of each task, about which dialect it is.
logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)
# Any number that is no other program's; it spells "mill".
_LOCK = 0x6D696C6C
_WAIT_SECONDS = 120


def migrate(engine: Engine) -> None:
    """Run the steps that are missing, all in one transaction: they are all there afterwards, or none.

    Raises
    ------
    ResultsError
        If the database cannot be reached or written, or is ahead of this version.
    """
    try:
        with _alone(engine), writing(engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SET LOCAL lock_timeout = '{_WAIT_SECONDS}s'"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            command.upgrade(_config(connection), "head")
    except CommandError as error:
        raise ResultsError(f"the results database {shown(engine)} cannot be migrated: {error}; is it of a newer Marketmill?") from error
    except Timeout as error:
        raise ResultsError(f"another process has been migrating {shown(engine)} for {_WAIT_SECONDS} seconds; look after it") from error
    except (OSError, sqlite3.Error, DBAPIError) as error:
        why = error.orig if isinstance(error, DBAPIError) else error
        raise ResultsError(f"the results database {shown(engine)} cannot be written ({why}); set RESULTS_URL") from error


def require_current(engine: Engine) -> None:
    """Refuse a database whose tables are not those of this version.

    Raises
    ------
    ResultsError
        If it is not up to date, or cannot be reached.
    """
    head = ScriptDirectory(str(FOLDER)).get_current_head()
    try:
        with engine.connect() as connection:
            found = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
    except DBAPIError as error:
        raise ResultsError(f"the results database {shown(engine)} cannot be read ({str(error.orig).strip()})") from error
    if found != head:
        raise ResultsError(f"the results database {shown(engine)} is at revision {found or 'none'}, not {head}; run make migrate")


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Keep other processes of this machine out while a SQLite file changes to its write-ahead log, which knows no waiting."""
    if engine.dialect.name != "sqlite":
        yield
        return
    with FileLock(f"{engine.url.database}.lock", timeout=_WAIT_SECONDS):
        # Kept in the file for good. Not within a transaction, so past SQLAlchemy.
        with engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA journal_mode = WAL")
        yield


def main() -> int:
    """Migrate the database of the settings; the exit code."""
    try:
        migrate(results_engine())
    except MarketmillError as error:
        print(f"migrate: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
