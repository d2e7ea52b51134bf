"""Buttons of a task in Airflow's UI: to the report, the Data Docs, the model's card and run, the Spark UI.

Airflow asks for each link when the task ends, in the task's process, and keeps the answer.
"""

from __future__ import annotations

from typing import Any

import attrs
from airflow.configuration import conf
from airflow.sdk import BaseOperator, BaseOperatorLink


def page_url(path: str) -> str:
    """Address of a page of the plugin, below the address under which people see Airflow."""
    return f"{str(conf.get('api', 'base_url', fallback='') or '').rstrip('/')}/marketmill/pages/{path}"


@attrs.define()
class ReportLink(BaseOperatorLink):
    """To the report of this run."""

    name: str = "Report"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002
        """Go by the name of the run."""
        from marketmill.operators.base import name_run

        return page_url(f"reports/{name_run(ti_key.dag_id, ti_key.run_id)}/index.html")


@attrs.define()
class DataDocsLink(BaseOperatorLink):
    """To what Great Expectations found."""

    name: str = "Data Docs"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002
        """There is one set of pages for all checks."""
        return page_url("data-docs")


@attrs.define()
class FeaturesLink(BaseOperatorLink):
    """To the feature catalogue."""

    name: str = "Feature catalogue"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002
        """Show the timeframe that the task is about."""
        built = getattr(operator, "built", None)
        timeframe = getattr(operator, "timeframe", None) or (built["timeframe"] if built else "1d")
        return page_url(f"features?timeframe={timeframe}")


@attrs.define()
class ModelLink(BaseOperatorLink):
    """To the model on the model board."""

    name: str = "Model board"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002
        """Show the model that the task is about."""
        return page_url(f"models#{_model_id(operator)}")


@attrs.define()
class MlflowLink(BaseOperatorLink):
    """To the version in MLflow, and from there to its run, where there is a server with pages; a SQLite file has none."""

    name: str = "MLflow"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002
        """Show the version that the task made; before it made one, the model."""
        from include.settings import settings

        server, version = settings().mlflow_tracking_uri, getattr(operator, "version", None)
        if not server.startswith(("http://", "https://")):
            return ""
        return f"{server.rstrip('/')}/#/models/{_model_id(operator)}" + (f"/versions/{version}" if version else "")


@attrs.define()
class SparkLink(BaseOperatorLink):
    """To the Spark UI: the ``web_ui`` of the connection's extra, since a master does not say where people see it."""

    name: str = "Spark UI"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002
        """A local master lives as long as the task, and has no page that is left."""
        from airflow.sdk import BaseHook

        connection = BaseHook.get_connection(operator.spark_conn_id)  # type: ignore[attr-defined]
        return str(connection.extra_dejson.get("web_ui") or "")


def _model_id(operator: BaseOperator) -> str:
    decision = getattr(operator, "decision", None) or getattr(operator, "asked", None) or {}
    return str(getattr(operator, "model_id", None) or decision.get("model_id", ""))
