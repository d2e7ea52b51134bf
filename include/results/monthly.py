"""Rows by month: upserts in chunks, a month replaced in one transaction, and PostgreSQL's partitions made as months come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import Column, Connection, Engine, Table, and_, select, text
from sqlalchemy.dialects import postgresql, sqlite

from include.months import month_end, month_start
from include.results.engine import writing
from include.results.tables import MONTHLY, STORED_MONTHS

_CHUNK = 2_000
# One form of words in both.
_INSERT: dict[str, Callable[[Table], postgresql.Insert | sqlite.Insert]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_KIND = text("SELECT relkind FROM pg_class WHERE oid = to_regclass(:name)")


def upsert(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows by primary key: what is there is replaced, what is not is added. Returns their number; all have the same keys."""
    count, left = 0, iter(rows)
    while chunk := list(islice(left, _CHUNK)):
        statement = _INSERT[connection.dialect.name](table)
        others = {name: statement.excluded[name] for name in chunk[0] if not table.c[name].primary_key}
        connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=others), chunk)
        count += len(chunk)
    return count


def stored_content(engine: Engine, dataset: str, month: str) -> str | None:
    """Which content of a month of a dataset the tables hold, or None."""
    found = select(STORED_MONTHS.c.content).where(STORED_MONTHS.c.dataset == dataset, STORED_MONTHS.c.month == month)
    with engine.connect() as connection:
        return connection.execute(found).scalar_one_or_none()


def replace_month(
    engine: Engine, table: Table, month: str, rows: Iterable[Mapping[str, Any]], *, scope: Mapping[str, str], dataset: str, content: str
) -> int:
    """Make ``rows`` all that ``table`` holds of a month within ``scope`` (column to value), and note their content: both, or neither.

    Raises
    ------
    ResultsError
        If the database cannot be reached, or does not answer.
    """
    with writing(engine) as connection:
        take_month(connection, table, month)
        connection.execute(table.delete().where(within(table, month), *(table.c[name] == value for name, value in scope.items())))
        count = upsert(connection, table, rows)
        upsert(connection, STORED_MONTHS, [{"dataset": dataset, "month": month, "content": content, "rows": count}])
    return count


def within(table: Table, month: str) -> Any:
    """Condition that a row of a table of :data:`MONTHLY` belongs to a month."""
    time: Column[Any] = table.c[MONTHLY[table.name]]
    return and_(time >= month_start(month), time < month_end(month))


def take_month(connection: Connection, table: Table, month: str) -> None:
    """Keep other writers of a month of a table out until the transaction ends, and make PostgreSQL's partition of it where there is none.

    SQLite has one writer at a time, and Timescale makes its partitions by itself.
    """
    if connection.dialect.name != "postgresql":
        return
    partition = f"{table.name}_{month.replace('-', '_')}"
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": partition})
    if connection.execute(_KIND, {"name": table.name}).scalar() == "p":
        bounds = f"FROM ('{month_start(month).isoformat()}') TO ('{month_end(month).isoformat()}')"
        connection.execute(text(f"CREATE TABLE IF NOT EXISTS {partition} PARTITION OF {table.name} FOR VALUES {bounds}"))
