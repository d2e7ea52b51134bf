"""Databases of results for the tests of models."""

from tests.results_database import database_url, postgresql_server

__all__ = ["database_url", "postgresql_server"]
