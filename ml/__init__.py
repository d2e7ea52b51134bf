"""Labels, datasets, models, their validation and registry; knows neither Airflow nor Spark."""
