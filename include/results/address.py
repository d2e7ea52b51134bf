"""Read the address of the results database without ever showing its password."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL, make_url

from include.errors import ConfigurationError

_HELP = "set RESULTS_URL (or DB_URL, DATABASE_URL) to sqlite:///folder/results.db or postgresql://user:password@host:5432/database"
_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg2")
_SQLITE = ("sqlite", "sqlite+pysqlite")


@dataclass(frozen=True)
class Address:
    """Where the results database is.

    Parameters
    ----------
    url
        What the engine is made of; SQLAlchemy masks its password wherever it is printed.
    options
        Options of the driver. They are kept out of ``url``, since one of them may be a secret (``sslpassword``).
    shown
        The address as people and logs may see it.
    """

    url: URL
    options: dict[str, str] = field(repr=False)
    shown: str


def parse_address(text: str, project: Path) -> Address:
    """Read a database URL; a relative SQLite file lies below ``project``, whatever the current folder is.

    Raises
    ------
    ConfigurationError
        If it is no URL of a database that can be used. The message holds nothing of the text but the name of its scheme.
    """
    try:
        url = make_url(text.strip())
    except Exception:  # noqa: BLE001 - the parser's own errors quote the text, password and all
        raise ConfigurationError(f"the address of the results database is no database URL; {_HELP}") from None
    if url.drivername in _SQLITE:
        return _sqlite(url, project)
    if url.drivername in _POSTGRESQL:
        return _postgresql(url)
    raise ConfigurationError(f"a results database of the kind {url.drivername} cannot be used; {_HELP}")


def _sqlite(url: URL, project: Path) -> Address:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:") or url.query or url.host:
        raise ConfigurationError(f"the results database must be one file that all processes share; {_HELP}")
    file = (project / Path(url.database).expanduser()).resolve()
    return Address(URL.create("sqlite+pysqlite", database=str(file)), {}, f"sqlite:///{file}")


def _postgresql(url: URL) -> Address:
    if any("@" in (part or "") for part in (url.username, url.host, url.database)):
        # What stands there may be the end of the password.
        raise ConfigurationError(f"an @ in the password of the results database must be written %40; {_HELP}")
    options = {name: value if isinstance(value, str) else value[-1] for name, value in url.query.items()}
    # A service file or a socket may stand for the host, but never for the database.
    if not url.database and "dbname" not in options and "service" not in options:
        raise ConfigurationError(f"the address of the results database names no database; {_HELP}")
    password = options.pop("password", None) or url.password
    plain = URL.create("postgresql+psycopg2", url.username, password, url.host, url.port, url.database)
    shown = plain.set(drivername="postgresql").render_as_string(hide_password=True)
    return Address(plain, options, shown)
