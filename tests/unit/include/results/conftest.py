"""Databases for the tests of this folder."""

from tests.results_database import database_url, postgresql_server

__all__ = ["database_url", "postgresql_server"]
