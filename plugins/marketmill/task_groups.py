"""Chains of tasks that several DAGs share."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import TriggerRule

from marketmill.notifications import notify_failure
from marketmill.operators.actions import FetchActionsOperator
from marketmill.operators.bars import CheckBarsOperator, PublishBarsOperator
from marketmill.operators.features import BuildFeaturesOperator, CheckFeaturesOperator, StoreSnapshotsOperator
from marketmill.operators.fetch import ConfirmCompleteOperator, FetchBarsOperator, PlanFetchOperator, ReviewFetchOperator

#: Errors on purpose fail at once; what is left, such as a lost worker or a source that hiccups, is tried again.
DEFAULT_ARGUMENTS: dict[str, Any] = {
    "owner": "marketmill",
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
    "on_failure_callback": notify_failure,
}


def mill_bars(plan: PlanFetchOperator | None = None, timeframe: str = "{{ params.timeframe }}") -> ConfirmCompleteOperator:
    """Fetch bars, splits and dividends, check, publish, features: what the form or the data interval of the surrounding DAG asks for.

    A symbol that fails does not hold back the others; the last task, which is returned, then fails the run with the list.
    """
    plan = plan or PlanFetchOperator(task_id="plan_fetch")
    fetch = FetchBarsOperator.partial(task_id="fetch_bars", map_index_template="{{ task.batch['title'] }}").expand(batch=plan.output)
    review = ReviewFetchOperator(task_id="review_fetch", batches=plan.output, fetched=fetch.output)
    # Before the check, which marks the days of splits: after it, the next run would mark what this one could not.
    actions = FetchActionsOperator(task_id="fetch_actions", reviewed=review.output)
    check = CheckBarsOperator(task_id="check_bars", reviewed=actions.output)
    publish = PublishBarsOperator(task_id="publish_bars", checked=check.output)
    features = BuildFeaturesOperator(task_id="build_features", timeframe=timeframe, trigger_rule=TriggerRule.NONE_FAILED)
    sound = CheckFeaturesOperator(task_id="check_features", built=features.output)
    # Also where no features were built: the run before may have ended in between.
    snapshots = StoreSnapshotsOperator(task_id="store_snapshots", timeframe=timeframe, trigger_rule=TriggerRule.NONE_FAILED)
    confirm = ConfirmCompleteOperator(
        task_id="confirm_complete", reviewed=actions.output, checked=check.output, trigger_rule=TriggerRule.NONE_FAILED
    )
    publish >> features >> sound >> snapshots >> confirm
    return confirm
