#!/bin/sh
# PostgreSQL's image runs this when its volume is empty.
set -eu
for database in airflow mlflow; do
    createdb --username "$POSTGRES_USER" "$database"
done
