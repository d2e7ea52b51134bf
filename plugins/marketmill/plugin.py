"""The one file that Airflow's plugin loader executes (see plugins/.airflowignore)."""

from airflow.plugins_manager import AirflowPlugin

from marketmill.api.lazy import LazyApplication
from marketmill.pages.views import VIEWS

_APPLICATIONS = [
    {"name": "Marketmill", "app": LazyApplication("marketmill.api.application:make_application"), "url_prefix": "/marketmill"},
]


class MarketmillPlugin(AirflowPlugin):
    """Registers Marketmill with Airflow."""

    name = "marketmill"
    fastapi_apps = _APPLICATIONS
    external_views = VIEWS
