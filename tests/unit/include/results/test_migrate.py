"""Migration: twice, from many processes at once, and against databases that are not as they should be."""

import os
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from include.results.columns import METADATA
from include.results.engine import results_engine, writing
from include.results.errors import ResultsError
from include.results.migrate import VERSION_TABLE, main, migrate, require_current
from include.results.migrations.versions import v0001_quota
from include.settings import settings
from tests.results_database import engine_of, fresh_processes

PROJECT = Path(__file__).resolve().parents[4]


@pytest.fixture
def fresh_settings() -> Iterator[None]:
    for cached in (settings, results_engine):
        cached.cache_clear()
    yield
    for cached in (settings, results_engine):
        cached.cache_clear()


def test_the_steps_lead_to_the_tables_of_the_code(database_url: str) -> None:
    engine = engine_of(database_url)
    with pytest.raises(ResultsError, match=r"is at revision none, not 0002; run make migrate"):
        require_current(engine)
    migrate(engine)
    require_current(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}), METADATA) == []


def test_again_changes_nothing_and_loses_nothing(database_url: str) -> None:
    engine = engine_of(database_url)
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO quota_vendors (vendor) VALUES ('ibkr')"))
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT vendor FROM quota_vendors")).scalars().all() == ["ibkr"]


def test_the_command(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'results.db'}"
    command = [sys.executable, "-m", "include.results.migrate"]
    done = subprocess.run(command, cwd=PROJECT, env={**os.environ, "RESULTS_URL": url}, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    require_current(engine_of(url))


def _migrate_together(url: str, barrier: Barrier) -> None:
    barrier.wait(30)
    migrate(engine_of(url))


def test_several_processes_at_once(database_url: str) -> None:
    context = fresh_processes()
    barrier = context.Barrier(4)
    processes = [context.Process(target=_migrate_together, args=(database_url, barrier)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    require_current(engine_of(database_url))


def test_a_step_that_fails_leaves_nothing_behind(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_of(database_url)
    monkeypatch.setattr("alembic.op.create_index", _fail)
    with pytest.raises(ZeroDivisionError):
        migrate(engine)
    assert inspect(engine).get_table_names() == []
    monkeypatch.undo()
    migrate(engine)
    require_current(engine)


def _fail(*_args: object, **_kwargs: object) -> None:
    raise ZeroDivisionError


def test_tables_of_others_are_left_alone(database_url: str) -> None:
    engine = engine_of(database_url)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('of another program')"))
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == ["of another program"]


def test_a_newer_database_is_refused(database_url: str) -> None:
    engine = engine_of(database_url)
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(ResultsError, match=r"9999.*is it of a newer Marketmill\?"):
        migrate(engine)
    with pytest.raises(ResultsError, match=r"at revision 9999, not 0002"):
        require_current(engine)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://user:SECRET@127.0.0.1:1/db", "the results database postgresql://user:***@127.0.0.1:1/db"),
        ("sqlite:////proc/nowhere/results.db", "the folder /proc/nowhere of the results database cannot be made"),
        ("oracle://user:SECRET@host/db", "a results database of the kind oracle cannot be used"),
    ],
)
@pytest.mark.usefixtures("fresh_settings")
def test_what_cannot_be_reached_is_one_sentence(
    url: str, expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RESULTS_URL", url)
    assert main() == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"migrate: {expected}")
    assert err.count("\n") == 1
    assert "SECRET" not in err


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "results.db").write_text("not a database, but long enough to be looked at " * 40, encoding="utf-8")
    with pytest.raises(ResultsError, match=r"cannot be written \(file is not a database\); set RESULTS_URL"):
        migrate(engine_of(f"sqlite:///{tmp_path / 'results.db'}"))


def test_a_wrong_password_is_not_repeated(postgresql_server: str) -> None:
    engine = engine_of(postgresql_server.replace("p%40ss", "SECRET"))
    with pytest.raises(ResultsError, match=r"password authentication failed") as caught:
        migrate(engine)
    assert "SECRET" not in str(caught.value)


def test_downgrade_and_up_again(database_url: str) -> None:
    from alembic import command

    from include.results.migrate import _config

    engine = engine_of(database_url)
    migrate(engine)
    with writing(engine) as connection:
        command.downgrade(_config(connection), "base")
    assert v0001_quota.down_revision is None
    assert inspect(engine).get_table_names() == [VERSION_TABLE]
    migrate(engine)
    require_current(engine)
