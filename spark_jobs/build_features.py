"""Bring the months of features up to date with the bars; the entry for ``spark-submit``.

Spark hands out buckets of symbols and watches over the tasks; every task reads, computes and writes for itself, so that no row
passes through the JVM. Beside the summary nothing is left to do for the caller: the months are published when this ends.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from pyspark import SparkConf, SparkContext

from include.errors import MarketmillError
from include.feature_sets import write_current
from include.lake import Lake
from include.months import parse_month
from include.publish import Part, Published, commit_month
from include.settings import PROJECT
from include.timeframes import TIMEFRAMES
from spark_jobs.plan import FeaturePlan, plan_features
from spark_jobs.task import BucketTask
from spark_jobs.workers import DAEMON, on_workers

_ROWS_A_TASK = 3_000_000


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
    published = _publish(lake, plan, months, _compute(lake, plan, months)) if months else []
    from spark_jobs.features.catalog import make_feature_set

    feature_set = make_feature_set(plan.feature_set, adjust_dividends=plan.adjust_dividends)
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


def make_tasks(plan: FeaturePlan, lake: str, months: tuple[str, ...], workers: int) -> list[BucketTask]:
    """Deal the buckets into tasks: one a worker, more where a worker would have to hold too many rows; the result is the same."""
    count = min(plan.buckets, max(workers, -(-plan.rows // _ROWS_A_TASK)))
    return [
        BucketTask(
            lake=lake,
            timeframe=plan.timeframe,
            feature_set=plan.feature_set,
            buckets=tuple(range(first, plan.buckets, count)),
            of=plan.buckets,
            history=tuple(month for month in plan.months if month <= months[-1]),
            months=months,
            splits=plan.splits,
            dividends=plan.dividends,
            without_volume=plan.without_volume,
            without_vote=plan.without_vote,
        )
        for first in range(count)
    ]


def _compute(lake: Lake, plan: FeaturePlan, months: tuple[str, ...]) -> list[tuple[str, Part]]:
    context = SparkContext(conf=_configuration())
    try:
        # Compiled here first, once; the workers find the kernels on disk.
        from spark_jobs.buckets import build_buckets
        from spark_jobs.votes import add_votes, count_votes

        tasks = make_tasks(plan, lake.url, months, context.defaultParallelism)
        _say(f"Spark {context.version} on {context.master}: {plan.buckets} buckets of symbols in {len(tasks)} tasks")
        if context.uiWebUrl:
            _say(f"Spark UI while it runs: {context.uiWebUrl}")
        votes = add_votes(on_workers(context, count_votes, tasks))
        _say(f"votes are counted at {votes.closed_at.size} moments")
        parts = on_workers(context, partial(build_buckets, votes=votes), tasks)
        _say(f"{len(parts)} tasks made {sum(map(len, parts))} parts")
        return [part for staged in parts for part in staged]
    finally:
        context.stop()


def _publish(lake: Lake, plan: FeaturePlan, months: Sequence[str], parts: list[tuple[str, Part]]) -> list[Published]:
    dataset = lake.features(plan.timeframe, plan.feature_set)
    by_month: dict[str, list[Part]] = {month: [] for month in months}
    for month, part in parts:
        by_month[month].append(part)
    published = [commit_month(lake, dataset, month, by_month[month], inputs=plan.inputs[month]) for month in months]
    _say(f"{len(published)} months are published, {sum(month.changed for month in published)} of them changed")
    return published


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
