"""A real PostgreSQL server of the tests' own, from the packages of the system."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

PASSWORD = "p%40ss/word"
_ATTEMPTS = 3


@contextmanager
def postgresql() -> Iterator[str]:
    """Start a server on a free port; its URL, with a password that needs escaping. Skips where there is no PostgreSQL."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = binaries[-1] if binaries else shutil.which("initdb")
    if found is None:
        pytest.skip("no PostgreSQL server on this machine (Debian: apt install postgresql)")
    programs = Path(found).parent
    folder = Path(tempfile.mkdtemp(prefix="marketmill-postgresql-"))
    try:
        as_user = _user(folder)
        secret = folder / "password"
        secret.write_text("p@ss/word\n", encoding="utf-8")
        secret.chmod(0o644)
        data = folder / "data"
        initdb = [*as_user, str(programs / "initdb"), "-D", str(data), "-U", "mill", "-A", "scram-sha-256", f"--pwfile={secret}"]
        _run([*initdb, "-E", "UTF8", "--no-locale", "--no-sync"])
        control = [*as_user, str(programs / "pg_ctl"), "-D", str(data), "-w"]
        for attempt in range(_ATTEMPTS):
            port = _free_port()
            options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
            try:
                _run([*control, "-l", str(folder / "log"), "-o", options, "start"])
                break
            except AssertionError:
                # Somebody else took the port.
                if attempt == _ATTEMPTS - 1:
                    raise
        try:
            yield f"postgresql://mill:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_database(server: str) -> str:
    """Make an empty database on a server; its URL."""
    name = f"test_{secrets.token_hex(6)}"
    admin = create_engine(make_url(server).set(drivername="postgresql+psycopg2"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return server.removesuffix("postgres") + name


def restart(server: str) -> None:
    """Restart a server of :func:`postgresql` as an administrator does: every session is cut off."""
    admin = create_engine(make_url(server).set(drivername="postgresql+psycopg2"))
    with admin.connect() as connection:
        data = Path(connection.execute(text("SHOW data_directory")).scalar_one())
        program = Path(connection.execute(text("SELECT setting FROM pg_config WHERE name = 'BINDIR'")).scalar_one()) / "pg_ctl"
    admin.dispose()
    _run([*_user(data), str(program), "-D", str(data), "-w", "-m", "fast", "-l", str(data.parent / "log"), "restart"])


def _user(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root; the packages bring a user for it."""
    if os.geteuid():
        return []
    shutil.chown(folder, "postgres")
    return ["runuser", "-u", "postgres", "--"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 0, f"{command}: {done.stderr}"
