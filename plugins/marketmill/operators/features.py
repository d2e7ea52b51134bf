"""Bring the features up to date with the bars, through Spark."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from include.assets import FEATURES
from include.check_environment import java_problem
from include.errors import ConfigurationError, LakeError
from marketmill.operators.base import MillOperator, run_name

if TYPE_CHECKING:
    from include.lake import Lake


class BuildFeaturesOperator(MillOperator):
    """Submit ``spark_jobs/build_features.py`` to the connection's Spark; skipped, without a JVM, where all months are up to date.

    The event's ``extra``: ``timeframe``, ``feature_set``, ``months`` (those that changed), ``rows`` (their sum) and ``content``
    (hash by month).
    """

    template_fields: Sequence[str] = ("timeframe",)

    def __init__(self, *, timeframe: str, spark_conn_id: str = "spark_default", **kwargs: Any) -> None:
        super().__init__(outlets=[FEATURES], **kwargs)
        self.timeframe = timeframe
        self.spark_conn_id = spark_conn_id

    def work(self, context: Context) -> dict[str, Any]:
        """Plan, submit, read the job's summary."""
        from include.settings import open_lake
        from spark_jobs.plan import plan_features

        lake = open_lake()
        plan = plan_features(lake, self.timeframe)
        if plan.up_to_date:
            self.skip(f"all {len(plan.months)} months of {self.timeframe} features are up to date")
        self.log.info("%d of %d months of %s features are to be built", len(plan.months_to_build), len(plan.months), self.timeframe)
        summary = self._submit(lake, run_name(context))
        if not summary["months"]:
            self.skip(f"{len(summary['built'])} months were built again and none of them changed")
        extra = {
            "timeframe": summary["timeframe"],
            "feature_set": summary["feature_set"],
            "months": summary["months"],
            "rows": sum(summary["rows"][month] for month in summary["months"]),
            "content": {month: summary["content"][month] for month in summary["months"]},
        }
        context["outlet_events"][FEATURES].extra = extra
        self.log.info(
            "%d features, %d months changed, %s to %s: %d rows",
            summary["features"], len(extra["months"]), min(extra["months"]), max(extra["months"]), extra["rows"],
        )  # fmt: skip
        return extra

    def _submit(self, lake: Lake, run: str) -> dict[str, Any]:
        if problem := java_problem(os.environ):
            raise ConfigurationError(problem)
        from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook

        from include.settings import PROJECT

        path = f"staging/features/{run}.json"
        hook = SparkSubmitHook(
            conf={"spark.log.level": "WARN"},
            conn_id=self.spark_conn_id,
            name=f"marketmill build_features {self.timeframe}",
            application_args=["--lake", lake.url, "--timeframe", self.timeframe, "--summary", path],
        )
        hook.submit(str(PROJECT / "spark_jobs" / "build_features.py"))
        try:
            summary: dict[str, Any] = json.loads(lake.read(path))
        except FileNotFoundError:
            raise LakeError(f"Spark ended well, but {lake.url}/{path} is not there; do its workers see the same lake?") from None
        lake.delete(path)
        return summary
