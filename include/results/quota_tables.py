"""The tables of the quota ledger. Times are microseconds since 1970 UTC, by the clock of the database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text

from include.results.columns import METADATA

# Only a column of type INTEGER counts up by itself in SQLite; it holds 64 bits there.
_COUNTER = BigInteger().with_variant(Integer, "sqlite")

VENDORS = Table(
    "quota_vendors",
    METADATA,
    Column("vendor", Text, primary_key=True),
    Column("granted_at", BigInteger, nullable=False, server_default="0"),
    Column("blocked_at", BigInteger, nullable=False, server_default="0"),
    Column("blocked_until", BigInteger, nullable=False, server_default="0"),
    Column("reason", Text, nullable=False, server_default=""),
    Column("strikes", Integer, nullable=False, server_default="0"),
    Column("observed_minute", BigInteger, nullable=False, server_default="0"),
    Column("foreign_weight", BigInteger, nullable=False, server_default="0"),
    comment="One row per vendor: its lock, its last grant, its present block, and the weight that others used in a minute",
)

REQUESTS = Table(
    "quota_requests",
    METADATA,
    Column("token", _COUNTER, primary_key=True, autoincrement=True),
    Column("vendor", Text, nullable=False),
    Column("granted_at", BigInteger, nullable=False),
    Column("arrived_by", BigInteger, nullable=False),
    Column("settled", Boolean, nullable=False),
    Column("weight", Integer, nullable=False),
    Column("key", Text, nullable=False),
    Column("contract", Text, nullable=False),
    Index(None, "vendor", "arrived_by"),
    comment="Granted requests; arrived_by is the end of the lease until the request is settled",
)

WAITERS = Table(
    "quota_waiters",
    METADATA,
    Column("place", _COUNTER, primary_key=True, autoincrement=True),
    Column("request_id", Text, nullable=False, unique=True),
    Column("vendor", Text, nullable=False, index=True),
    Column("until", BigInteger, nullable=False),
    Column("weight", Integer, nullable=False),
    Column("key", Text, nullable=False),
    Column("contract", Text, nullable=False),
    Column("interval", BigInteger, nullable=False),
    comment="The queue of each vendor, first come first served",
)

JOBS = Table(
    "quota_jobs",
    METADATA,
    Column("job", Text, primary_key=True),
    Column("vendor", Text, primary_key=True),
    Column("began_at", BigInteger, nullable=False),
    Column("used", Integer, nullable=False),
    comment="Requests granted to each job",
)

CLIENT_IDS = Table(
    "quota_client_ids",
    METADATA,
    Column("gateway", Text, primary_key=True),
    Column("client_id", Integer, primary_key=True, autoincrement=False),
    Column("holder", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    comment="IBKR client ids in use",
)
