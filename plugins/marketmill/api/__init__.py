"""The HTTP API that the plugin mounts on Airflow's API server, under ``/marketmill/api/v1``."""
