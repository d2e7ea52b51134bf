"""Alembic calls this for each command; the connection comes from :mod:`include.results.migrate`."""

from __future__ import annotations

from alembic import context

from include.results import quota_tables, tables  # noqa: F401 (they fill the catalogue)
from include.results.columns import METADATA

VERSION_TABLE = "marketmill_alembic_version"

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # Its own table: the database may hold the tables of others who use Alembic too.
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
