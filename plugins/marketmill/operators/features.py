"""Bring the features up to date with the bars, through Spark, and check them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from include.assets import FEATURES
from include.check_environment import java_problem
from include.errors import ConfigurationError, LakeError
from marketmill.events import chosen
from marketmill.links import DataDocsLink, FeaturesLink, SparkLink
from marketmill.operators.base import MillOperator, run_name

if TYPE_CHECKING:
    from include.lake import Lake


class BuildFeaturesOperator(MillOperator):
    """Submit ``spark_jobs/build_features.py`` to the connection's Spark; skipped, without a JVM, where all months are up to date.

    Returns ``universe`` and ``source`` of the run, ``timeframe``, ``feature_set``, ``months`` (those that changed), ``rows`` (their
    sum) and ``content`` (hash by month).
    """

    template_fields: Sequence[str] = ("timeframe",)
    operator_extra_links = (SparkLink(), FeaturesLink())

    def __init__(self, *, timeframe: str, spark_conn_id: str = "spark_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.timeframe = timeframe
        self.spark_conn_id = spark_conn_id

    def work(self, context: Context) -> dict[str, Any]:
        """Plan, submit, read the job's summary."""
        from include.settings import open_lake, settings
        from spark_jobs.plan import plan_features

        lake, adjust_dividends = open_lake(), settings().adjust_dividends
        plan = plan_features(lake, self.timeframe, adjust_dividends=adjust_dividends)
        if plan.up_to_date:
            self.skip(f"all {len(plan.months)} months of {self.timeframe} features are up to date")
        self.log.info("%d of %d months of %s features are to be built", len(plan.months_to_build), len(plan.months), self.timeframe)
        summary = self._submit(lake, run_name(context), ["--adjust-dividends"] if adjust_dividends else [])
        if not summary["months"]:
            self.skip(f"{len(summary['built'])} months were built again and none of them changed")
        built = {
            "universe": chosen(context, "universe"),
            "source": chosen(context, "source"),
            "timeframe": summary["timeframe"],
            "feature_set": summary["feature_set"],
            "months": summary["months"],
            "rows": sum(summary["rows"][month] for month in summary["months"]),
            "content": {month: summary["content"][month] for month in summary["months"]},
        }
        self.log.info(
            "%d features, %d months changed, %s to %s: %d rows",
            summary["features"], len(built["months"]), min(built["months"]), max(built["months"]), built["rows"],
        )  # fmt: skip
        return built

    def _submit(self, lake: Lake, run: str, more: Sequence[str]) -> dict[str, Any]:
        if problem := java_problem(os.environ):
            raise ConfigurationError(problem)
        from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook

        from include.settings import PROJECT

        path = f"staging/features/{run}.json"
        hook = SparkSubmitHook(
            conf=self._configuration(),
            conn_id=self.spark_conn_id,
            name=f"marketmill build_features {self.timeframe}",
            application_args=["--lake", lake.url, "--timeframe", self.timeframe, "--summary", path, *more],
        )
        hook.submit(str(PROJECT / "spark_jobs" / "build_features.py"))
        try:
            summary: dict[str, Any] = json.loads(lake.read(path))
        except FileNotFoundError:
            raise LakeError(f"Spark ended well, but {lake.url}/{path} is not there; do its workers see the same lake?") from None
        lake.delete(path)
        return summary

    def _configuration(self) -> dict[str, str]:
        from airflow.sdk import BaseHook
        from airflow.sdk.exceptions import AirflowNotFoundException

        from spark_jobs.local_java import local_java_options

        try:
            master = str(BaseHook.get_connection(self.spark_conn_id).host or "")
        except AirflowNotFoundException:
            # Left alone, the hook would go to a YARN cluster that nobody has.
            example = f'AIRFLOW_CONN_{self.spark_conn_id.upper()}={{"conn_type": "spark", "host": "local[2]"}}'
            raise ConfigurationError(f"Airflow has no connection {self.spark_conn_id}; make one, for example {example}") from None
        if not master.startswith("local"):
            return {"spark.log.level": "WARN"}
        return {"spark.driver.extraJavaOptions": local_java_options()}


class CheckFeaturesOperator(MillOperator):
    """Run the feature suite over the months that were built; only months that pass are told of, so that nothing starts on others.

    The event's ``extra``: what :class:`BuildFeaturesOperator` returns.
    """

    template_fields: Sequence[str] = ("built",)
    operator_extra_links = (DataDocsLink(), FeaturesLink())

    def __init__(self, *, built: Any, **kwargs: Any) -> None:
        super().__init__(outlets=[FEATURES], **kwargs)
        self.built = built

    def work(self, context: Context) -> dict[str, Any]:
        """Check, with the formulas at hand to compute some months again."""
        if not self.built:
            self.skip("no features were built")
        from expectations.feature_check import check_features
        from include.settings import open_lake, settings
        from spark_jobs.plan import plan_features
        from spark_jobs.recompute import features_as_known

        lake, timeframe, dividends = open_lake(), self.built["timeframe"], settings().adjust_dividends
        recompute = partial(features_as_known, lake, timeframe, adjust_dividends=dividends)

        def outdated() -> tuple[str, ...]:
            return plan_features(lake, timeframe, adjust_dividends=dividends).months_to_build

        summary = check_features(lake, timeframe, self.built["months"], recompute, outdated, universe=self.built["universe"])
        for rule, months_of in summary.months_of.items():
            first = next(told for told in summary.told if told["rule"] == rule)
            counts = ", ".join(f"{symbol} {months}" for symbol, months in sorted(months_of.items()))
            self.log.warning(
                "%s: %d months of %d symbols (%s); the first, %s in %s: %s",
                rule, summary.rules[rule], len(months_of), counts, first["symbol"], first["month"], first["reason"],
            )  # fmt: skip
        if summary.changed:
            self.log.info("another run changed %s meanwhile, and is the one to check that", ", ".join(summary.changed))
        if summary.sampled:
            self.log.info("computed again, from the past only, for %s: the same", ", ".join(summary.sampled))
        self.log.info("data docs: %s/%s", lake.url, summary.docs)
        extra: dict[str, Any] = self.built
        context["outlet_events"][FEATURES].extra = extra
        return extra


class StoreSnapshotsOperator(MillOperator):
    """Store each intraday bar with its features and its market regime in ``features_snapshots``; the number of rows written.

    Skipped for daily bars, of which the lake is all that anybody reads, and where the table is up to date.
    """

    template_fields: Sequence[str] = ("timeframe",)

    def __init__(self, *, timeframe: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.timeframe = timeframe

    def work(self, context: Context) -> int:  # noqa: ARG002
        """Store the months that the table does not hold as they are."""
        if self.timeframe == "1d":
            self.skip("snapshots are taken of bars shorter than a day")
        from include.publish import list_months
        from include.results.engine import results_engine
        from include.results.migrate import require_current
        from include.settings import open_lake
        from ml.snapshots import store_snapshots

        lake, engine = open_lake(), results_engine()
        if not list_months(lake, lake.bars(self.timeframe)):
            self.skip(f"there are no {self.timeframe} bars")
        require_current(engine)
        stored = store_snapshots(lake, engine, self.timeframe)
        if not stored.months:
            self.skip("every month of features_snapshots is up to date")
        self.log.info("features_snapshots: %d rows of %s", stored.rows, ", ".join(stored.months))
        return stored.rows
