#!/bin/sh
# PostgreSQL's image runs this when its volume is empty.
set -eu
for database in airflow mlflow results; do
    createdb --username "$POSTGRES_USER" "$database"
done
# Only where the image brings it.
psql --username "$POSTGRES_USER" --dbname results --quiet --command "
DO \$\$ BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') THEN CREATE EXTENSION IF NOT EXISTS timescaledb; END IF;
END \$\$"
