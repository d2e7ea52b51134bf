"""The one file that Airflow's plugin loader executes (see plugins/.airflowignore)."""

from airflow.plugins_manager import AirflowPlugin


class MarketmillPlugin(AirflowPlugin):
    """Registers Marketmill with Airflow."""

    name = "marketmill"
