"""Everything that knows Airflow: hooks, operators, task groups and what a run is about."""
