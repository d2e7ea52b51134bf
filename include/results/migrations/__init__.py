"""Alembic's folder: how the results database became what it is."""
