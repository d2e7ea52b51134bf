"""The results database: quotas today, trades and studies beside them; SQLite by default, PostgreSQL by connection."""
