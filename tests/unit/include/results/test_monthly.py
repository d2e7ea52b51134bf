"""Months of rows: upserts, replacement in one transaction, partitions, and many writers at once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier

import pytest
from sqlalchemy import Engine, func, inspect, select, text

from include.results.columns import METADATA
from include.results.engine import writing
from include.results.migrate import migrate
from include.results.monthly import replace_month, stored_content, take_month, upsert, within
from include.results.reading import read_rows, spread
from include.results.tables import FEATURES_SNAPSHOTS, ML_FEATURES, MONTHLY, TRADES_SANDBOX
from tests.results_database import engine_of, fresh_processes

SCOPE = {"timeframe": "5m"}


@pytest.fixture
def engine(database_url: str) -> Engine:
    engine = engine_of(database_url)
    migrate(engine)
    return engine


def snapshot(minute: int, value: float, month: int = 6) -> dict[str, object]:
    at = datetime(2024, month, 1, tzinfo=UTC) + timedelta(minutes=5 * minute)
    return {
        "symbol": "BTC/USDT", "timeframe": "5m", "timestamp": at, "closed_at": at + timedelta(minutes=5), "feature_set": "f",
        "features": {"rsi_14": value, "volume": 1}, "label": None, "label_known_at": None,
    }  # fmt: skip


def store(engine: Engine, rows: object, content: str = "c", month: str = "2024-06") -> int:
    return replace_month(engine, FEATURES_SNAPSHOTS, month, rows, scope=SCOPE, dataset="d", content=content)


def test_the_same_rows_twice_are_there_once(engine):
    for value in (1.0, 2.0):
        with writing(engine) as connection:
            take_month(connection, FEATURES_SNAPSHOTS, "2024-06")
            assert upsert(connection, FEATURES_SNAPSHOTS, (snapshot(minute, value) for minute in range(4321))) == 4321
    frame = spread(read_rows(engine, FEATURES_SNAPSHOTS))
    assert (len(frame), set(frame["rsi_14"]), set(frame["volume"])) == (4321, {2.0}, {1.0})
    assert str(frame["timestamp"].dtype) == "datetime64[us, UTC]"
    assert frame["timestamp"].iloc[-1] == datetime(2024, 6, 16, tzinfo=UTC)
    assert frame["label"].isna().all()


def test_a_month_is_replaced_whole_and_no_other_is_touched(engine):
    store(engine, [snapshot(minute, 1.0) for minute in range(10)])
    store(engine, [snapshot(minute, 1.0, month=7) for minute in range(3)], month="2024-07")
    assert store(engine, [snapshot(minute, 2.0) for minute in range(7)], content="new") == 7
    frame = read_rows(engine, FEATURES_SNAPSHOTS)
    assert [features["rsi_14"] for features in frame["features"]] == [2.0] * 7 + [1.0] * 3
    assert (stored_content(engine, "d", "2024-06"), stored_content(engine, "d", "2024-07")) == ("new", "c")
    assert stored_content(engine, "d", "2024-08") is None
    assert len(read_rows(engine, FEATURES_SNAPSHOTS, within(FEATURES_SNAPSHOTS, "2024-07"))) == 3


def test_a_failure_on_the_way_leaves_the_month_as_it_was(engine):
    store(engine, [snapshot(minute, 1.0) for minute in range(10)])

    def interrupted() -> Iterator[dict[str, object]]:
        yield from (snapshot(minute, 2.0) for minute in range(3000))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store(engine, interrupted(), content="never")
    assert len(read_rows(engine, FEATURES_SNAPSHOTS)) == 10
    assert stored_content(engine, "d", "2024-06") == "c"


def test_postgresql_keeps_each_month_in_a_partition_of_its_own(engine):
    store(engine, [snapshot(minute, 1.0) for minute in range(10)])
    store(engine, [snapshot(minute, 1.0, month=7) for minute in range(3)], month="2024-07")
    if engine.dialect.name == "sqlite":
        assert set(MONTHLY) <= set(inspect(engine).get_table_names())
        return
    with engine.connect() as connection:
        parts = connection.execute(
            text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'features_snapshots'::regclass ORDER BY 1")
        )
        assert parts.scalars().all() == ["features_snapshots_2024_06", "features_snapshots_2024_07"]
        assert connection.execute(text("SELECT count(*) FROM features_snapshots_2024_07")).scalar_one() == 3
        plan = "\n".join(
            connection.execute(text("EXPLAIN SELECT * FROM features_snapshots WHERE timestamp >= '2024-07-01Z'")).scalars().all()
        )
    assert "2024_07" in plan
    assert "2024_06" not in plan


def _store_together(url: str, barrier: Barrier, value: float) -> None:
    barrier.wait(30)
    for _ in range(3):
        store(engine_of(url), [snapshot(minute, value) for minute in range(int(100 * value))], content=str(value))


def test_writers_of_one_month_wait_for_each_other(database_url, engine):
    context = fresh_processes()
    barrier = context.Barrier(3)
    processes = [context.Process(target=_store_together, args=(database_url, barrier, value)) for value in (1.0, 2.0, 3.0)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    frame = read_rows(engine, FEATURES_SNAPSHOTS)
    last = float(stored_content(engine, "d", "2024-06"))
    assert [features["rsi_14"] for features in frame["features"]] == [last] * int(100 * last)


def test_a_time_without_a_zone_is_refused(engine):
    with pytest.raises(Exception, match="has no time zone"):
        store(engine, [snapshot(0, 1.0) | {"closed_at": datetime(2024, 6, 1)}])


def test_timescale_makes_hypertables(postgresql_server):
    """With what stands for the extension: a row of its name and its function, since the extension itself is seldom installed."""
    from tests.postgresql import new_database

    engine = engine_of(new_database(postgresql_server))
    with writing(engine) as connection:
        for statement in (
            "CREATE TABLE made (name text, time_column text, every interval)",
            "CREATE FUNCTION create_hypertable(name text, time_column text, chunk_time_interval interval) RETURNS void LANGUAGE sql AS 'INSERT INTO made VALUES (name, time_column, chunk_time_interval)'",
            "INSERT INTO pg_extension SELECT 999999, 'timescaledb', extowner, extnamespace, false, '2', NULL, NULL FROM pg_extension LIMIT 1",
        ):
            connection.execute(text(statement))
    migrate(engine)
    store(engine, [snapshot(minute, 1.0) for minute in range(10)])
    with engine.connect() as connection:
        made = {name: (column, str(every)) for name, column, every in connection.execute(text("SELECT * FROM made")).all()}
        assert connection.execute(select(func.count()).select_from(FEATURES_SNAPSHOTS)).scalar_one() == 10
        assert (
            connection.execute(
                text("SELECT count(*) FROM pg_inherits JOIN pg_class ON oid = inhparent WHERE relname = 'features_snapshots'")
            ).scalar_one()
            == 0
        )
    assert made == {name: (column, "30 days, 0:00:00") for name, column in MONTHLY.items()}


def test_the_time_that_divides_a_table_is_part_of_its_key():
    for name, column in MONTHLY.items():
        assert METADATA.tables[name].c[column].primary_key, name
    assert TRADES_SANDBOX.c.trade_id.primary_key
    assert ML_FEATURES.c.known_at.primary_key
