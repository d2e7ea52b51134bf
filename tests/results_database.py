"""Empty results databases of both kinds, and processes to share them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from sqlalchemy import Engine

from include.results.address import parse_address
from include.results.engine import open_engine
from tests.postgresql import new_database, postgresql


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL of a PostgreSQL server."""
    with postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'results.db'}"
    return new_database(request.getfixturevalue("postgresql_server"))


def engine_of(url: str) -> Engine:
    """An engine as the settings would make it."""
    return open_engine(parse_address(url, Path("/nowhere")))


def fresh_processes() -> ForkServerContext:
    """Processes that share nothing with this one, started from a server that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "include.results.migrate", "marketmill.quota.ledger"])
    return context
