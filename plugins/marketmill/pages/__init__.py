"""Pages of the mill inside Airflow's UI."""
