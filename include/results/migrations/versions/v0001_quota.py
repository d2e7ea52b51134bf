"""Tables of the quota ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_COUNTER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the five tables."""
    op.create_table(
        "quota_vendors",
        sa.Column("vendor", sa.Text, nullable=False),
        sa.Column("granted_at", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("blocked_at", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("blocked_until", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("strikes", sa.Integer, nullable=False, server_default="0"),
        sa.Column("observed_minute", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("foreign_weight", sa.BigInteger, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("vendor", name="pk_quota_vendors"),
        comment="One row per vendor: its lock, its last grant, its present block, and the weight that others used in a minute",
    )
    op.create_table(
        "quota_requests",
        sa.Column("token", _COUNTER, nullable=False, autoincrement=True),
        sa.Column("vendor", sa.Text, nullable=False),
        sa.Column("granted_at", sa.BigInteger, nullable=False),
        sa.Column("arrived_by", sa.BigInteger, nullable=False),
        sa.Column("settled", sa.Boolean, nullable=False),
        sa.Column("weight", sa.Integer, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("contract", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_quota_requests"),
        comment="Granted requests; arrived_by is the end of the lease until the request is settled",
    )
    op.create_index("ix_quota_requests_vendor", "quota_requests", ["vendor", "arrived_by"])
    op.create_table(
        "quota_waiters",
        sa.Column("place", _COUNTER, nullable=False, autoincrement=True),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("vendor", sa.Text, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("weight", sa.Integer, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("contract", sa.Text, nullable=False),
        sa.Column("interval", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("place", name="pk_quota_waiters"),
        sa.UniqueConstraint("request_id", name="uq_quota_waiters_request_id"),
        comment="The queue of each vendor, first come first served",
    )
    op.create_index("ix_quota_waiters_vendor", "quota_waiters", ["vendor"])
    op.create_table(
        "quota_jobs",
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("vendor", sa.Text, nullable=False),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("used", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("job", "vendor", name="pk_quota_jobs"),
        comment="Requests granted to each job",
    )
    op.create_table(
        "quota_client_ids",
        sa.Column("gateway", sa.Text, nullable=False),
        sa.Column("client_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("gateway", "client_id", name="pk_quota_client_ids"),
        comment="IBKR client ids in use",
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("quota_client_ids", "quota_jobs", "quota_waiters", "quota_requests", "quota_vendors"):
        op.drop_table(table)
