"""Transactions and the clock of the database."""

import os
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from include.errors import ConfigurationError
from include.results.engine import database_now, results_engine, writing
from include.results.errors import ResultsError
from include.results.migrate import migrate
from include.settings import settings
from tests.results_database import engine_of


def test_the_clock_of_the_database(database_url: str) -> None:
    with writing(engine_of(database_url)) as connection:
        first, second = database_now(connection), database_now(connection)
    assert abs(first - time.time_ns() // 1000) < 2_000_000
    assert second >= first


def test_the_clock_moves_within_a_transaction(database_url: str) -> None:
    with writing(engine_of(database_url)) as connection:
        before = database_now(connection)
        time.sleep(0.05)
        assert database_now(connection) - before >= 40_000


def test_on_sqlite_a_writer_sees_what_the_one_before_it_wrote(tmp_path: Path) -> None:
    """With SQLite's own beginning both threads would read 0 and one would fail or lose its count."""
    engine = engine_of(f"sqlite:///{tmp_path / 'results.db'}")
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO quota_vendors (vendor) VALUES ('ibkr')"))

    def _count() -> None:
        for _ in range(50):
            with writing(engine) as connection:
                strikes = connection.execute(text("SELECT strikes FROM quota_vendors")).scalar_one()
                connection.execute(text("UPDATE quota_vendors SET strikes = :strikes"), {"strikes": strikes + 1})

    threads = [threading.Thread(target=_count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT strikes FROM quota_vendors")).scalar_one() == 200
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"


def test_what_fails_is_undone_and_named(database_url: str) -> None:
    engine = engine_of(database_url)
    migrate(engine)

    def _insert_twice() -> None:
        with writing(engine) as connection:
            connection.execute(text("INSERT INTO quota_vendors (vendor) VALUES ('ibkr')"))
            connection.execute(text("INSERT INTO quota_vendors (vendor) VALUES ('ibkr')"))

    with pytest.raises(ResultsError, match=r"^the results database (sqlite|postgresql)://"):
        _insert_twice()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM quota_vendors")).scalar_one() == 0


def test_a_forked_process_uses_connections_of_its_own(database_url: str) -> None:
    engine = engine_of(database_url)
    migrate(engine)
    with writing(engine) as connection:
        database_now(connection)
    assert engine.pool.checkedin() == 1
    if (child := os.fork()) == 0:
        # Whatever happens, the child must not go on with the tests.
        code = 1
        try:
            assert engine.pool.checkedin() == 0
            with writing(engine) as connection:
                connection.execute(text("INSERT INTO quota_vendors (vendor) VALUES ('ibkr')"))
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    with engine.connect() as connection:
        assert connection.execute(text("SELECT vendor FROM quota_vendors")).scalars().all() == ["ibkr"]


@pytest.mark.parametrize("name", ["RESULTS_URL", "DB_URL", "DATABASE_URL"])
def test_the_address_comes_from_the_settings_and_stays_hidden(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for other in ("RESULTS_URL", "DB_URL", "DATABASE_URL"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "postgresql://user:SECRET@host/db")
    settings.cache_clear()
    results_engine.cache_clear()
    try:
        engine = results_engine()
        assert engine.url.password == "SECRET"
        assert "SECRET" not in f"{settings()!r} {settings()} {engine!r} {engine.url}"
        monkeypatch.setenv("UNIVERSE", "[")
        monkeypatch.setenv("SEED", "seven")
        settings.cache_clear()
        with pytest.raises(ConfigurationError, match=r"seed: ") as caught:
            settings()
        assert "SECRET" not in str(caught.value)
    finally:
        settings.cache_clear()
        results_engine.cache_clear()
