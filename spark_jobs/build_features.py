"""Bring the months of features up to date with the bars; the entry for ``spark-submit``.

Spark hands out buckets of symbols and watches over the tasks; every task reads, computes and writes for itself, so that no row
passes through the JVM. Beside the summary nothing is left to do for the caller: the months are published when this ends.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from pyspark import SparkConf, SparkContext

from include.errors import MarketmillError
from include.feature_sets import write_current
from include.lake import Lake
from include.months import parse_month
from include.publish import Published
from include.settings import PROJECT
from include.timeframes import TIMEFRAMES
from spark_jobs.buckets import describe_set
from spark_jobs.building import Workers, compute_months, publish_months
from spark_jobs.plan import plan_features
from spark_jobs.staging import clean_staging
from spark_jobs.workers import DAEMON, on_workers


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job; 0 when the features are up to date, 1 with one sentence on standard error when they could not be made so."""
    options = _options().parse_args(arguments)
    try:
        lake = Lake(options.lake)
        only = None if options.months is None else frozenset(parse_month(month) for month in options.months.split(","))
        with lake.lock(f"features/timeframe={options.timeframe}"):
            summary = build_features(lake, options.timeframe, only, adjust_dividends=options.adjust_dividends)
        lake.write(options.summary, (json.dumps(summary, indent=1, sort_keys=True) + "\n").encode())
    except MarketmillError as error:
        print(f"build_features: error: {error}", file=sys.stderr)  # noqa: T201 (a program speaks so)
        return 1
    return 0


def build_features(lake: Lake, timeframe: str, only: frozenset[str] | None = None, *, adjust_dividends: bool = False) -> dict[str, Any]:
    """Build the months that the plan misses (or those of them in ``only``) and make the set current.

    Returns
    -------
    dict
        JSON-safe: ``timeframe``, ``feature_set``, ``features`` (their number), ``built`` (months computed), ``months`` (those of
        them whose content changed), ``rows`` and ``content`` by built month.
    """
    plan = plan_features(lake, timeframe, adjust_dividends=adjust_dividends)
    months = tuple(month for month in plan.months_to_build if only is None or month in only)
    _say(f"{len(months)} of {len(plan.months)} months to build, {plan.rows} rows of bars, feature set {plan.feature_set}")
    published: list[Published] = []
    if months:
        with spark_workers() as workers, clean_staging(lake, timeframe):
            # A worker loads the kernels, and compiles those that are new; the driver does without them.
            (feature_set,) = workers(partial(describe_set, adjust_dividends=adjust_dividends), [plan.feature_set])
            _say(f"ready to make {len(feature_set.features)} features of {plan.buckets} buckets of symbols")
            parts = compute_months(lake, plan, months, workers)
            _say(f"{len(parts)} parts are made")
            published = publish_months(lake, plan, months, parts)
            _say(f"{len(published)} months are published, {sum(month.changed for month in published)} of them changed")
    else:
        feature_set = describe_set(plan.feature_set, adjust_dividends=adjust_dividends)
    if plan.is_current or months == plan.months_to_build:  # readers never change over to a set that lacks months
        write_current(lake, timeframe, feature_set)
    return {
        "timeframe": timeframe,
        "feature_set": feature_set.id,
        "features": len(feature_set.features),
        "built": list(months),
        "months": [month.month for month in published if month.changed],
        "rows": {month.month: month.rows for month in published},
        "content": {month.month: month.content for month in published},
    }


@contextmanager
def spark_workers() -> Iterator[Workers]:
    """Spark's workers, as a function that gives each of some tasks to one of them."""
    context = SparkContext(conf=_configuration())
    try:
        _say(f"Spark {context.version} on {context.master}")
        if context.uiWebUrl:
            _say(f"Spark UI while it runs: {context.uiWebUrl}")
        yield partial(on_workers, context)
    finally:
        context.stop()


def _configuration() -> SparkConf:
    """Defaults of the job; what ``spark-submit`` or the connection sets wins."""
    # Without its JVM a SparkConf does not know what spark-submit was told, and everything would look missing.
    SparkContext._ensure_initialized()  # noqa: SLF001 (as pyspark.sql does it)
    conf = SparkConf()
    for key, value in {
        "spark.app.name": "marketmill build_features",
        "spark.master": "local[*]",
        "spark.ui.showConsoleProgress": "false",
        # The project lies at the same place on all machines, or the caller says where.
        "spark.executorEnv.PYTHONPATH": str(PROJECT),
    }.items():
        conf.setIfMissing(key, value)
    if str(conf.get("spark.master")).startswith("local"):
        conf.setIfMissing("spark.ui.enabled", "false")  # gone before anybody could look
        conf.setIfMissing("spark.driver.host", "127.0.0.1")
        conf.setIfMissing("spark.driver.bindAddress", "127.0.0.1")
        # Elsewhere the workers' machines may not have this module before the first task brings it.
        conf.setIfMissing("spark.python.daemon.module", DAEMON)
    return conf


def _say(sentence: str) -> None:
    """A line of our own in the log, at once."""
    print(f"build_features: {sentence}", flush=True)  # noqa: T201 (a program speaks so)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="build_features", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--lake", required=True, help="folder or s3:// URL")
    parser.add_argument("--timeframe", required=True, choices=list(TIMEFRAMES))
    parser.add_argument("--adjust-dividends", action="store_true", help="make prices whole for dividends too")
    parser.add_argument("--months", help="only these, for example 2018-05,2018-06; default: all that are out of date")
    parser.add_argument("--summary", required=True, help="path below the lake of the JSON summary to write")
    return parser


if __name__ == "__main__":
    sys.exit(main())
