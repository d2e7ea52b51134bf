"""From a plan to published months, whoever does the work: bars are gathered by bucket, breadth is counted, features are built."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Protocol, TypeVar

from include.lake import Lake
from include.publish import Part, Published, commit_month
from spark_jobs.buckets import build_buckets
from spark_jobs.carrying import drop_stale, find_carried, folder_to_carry
from spark_jobs.features.bars import COLUMNS
from spark_jobs.gathering import GatheredTask, GatherTask, gather
from spark_jobs.plan import FeaturePlan
from spark_jobs.staging import scratch_folder
from spark_jobs.task import BucketTask
from spark_jobs.votes import add_votes, count_votes

#: What a worker holds of the bars while it gathers them.
_ROWS_A_GATHERING = 250_000
#: Even few bars are read by several workers.
_FEWEST_GATHERINGS = 4
#: Writing waits for the disk or the network.
_WRITERS = 8

Task = TypeVar("Task")
Answer = TypeVar("Answer")


class Workers(Protocol):
    """Does a piece of work for each of some tasks, somewhere; answers in the order of the tasks."""

    def __call__(self, work: Callable[[Task], Answer], tasks: Sequence[Task], /) -> list[Answer]:
        """Do the work."""


def compute_months(lake: Lake, plan: FeaturePlan, months: tuple[str, ...], workers: Workers) -> list[tuple[str, Part]]:
    """Stage the parts of the wanted months."""
    tasks = make_tasks(plan, lake, months)
    with scratch_folder(lake, plan.timeframe) as folder:
        gathered = tuple(workers(gather, make_gather_tasks(tasks[0], plan.rows, folder)))
        found = [GatheredTask(**vars(task), gathered=gathered) for task in tasks]
        votes = add_votes(workers(count_votes, found))
        parts = workers(partial(build_buckets, votes=votes), found)
    return [part for staged in parts for part in staged]


def publish_months(lake: Lake, plan: FeaturePlan, months: Sequence[str], parts: Sequence[tuple[str, Part]]) -> list[Published]:
    """Make the staged parts the months."""
    dataset = lake.features(plan.timeframe, plan.feature_set)
    by_month: dict[str, list[Part]] = {month: [] for month in months}
    for month, part in parts:
        by_month[month].append(part)
    with ThreadPoolExecutor(_WRITERS) as writers:
        published = list(writers.map(lambda month: commit_month(lake, dataset, month, by_month[month], inputs=plan.inputs[month]), months))
    drop_stale(lake, plan)
    return published


def make_tasks(plan: FeaturePlan, lake: Lake, months: tuple[str, ...]) -> list[BucketTask]:
    """One for each bucket of symbols."""
    carried, carry = find_carried(lake, plan, months[0]), folder_to_carry(plan, months[-1])
    if carried is not None and carried.folder == carry:
        carry = None  # it is there already
    since = plan.months[0] if carried is None else carried.month
    return [
        BucketTask(
            lake=lake.url,
            timeframe=plan.timeframe,
            feature_set=plan.feature_set,
            buckets=(bucket,),
            of=plan.buckets,
            history=tuple(month for month in plan.months if since <= month <= months[-1]),
            months=months,
            splits=plan.splits,
            dividends=plan.dividends,
            without_volume=plan.without_volume,
            without_vote=plan.without_vote,
            carried=None if carried is None else carried.files,
            carry=carry,
        )
        for bucket in range(plan.buckets)
    ]


def make_gather_tasks(task: BucketTask, rows: int, folder: str) -> list[GatherTask]:
    """Deal the months of the history out, as many to a task as it may hold rows; each writes a file into ``folder``."""
    known = 0 if task.carried is None else 1
    size = len(task.history) - known
    count = min(size, max(_FEWEST_GATHERINGS, -(-rows // _ROWS_A_GATHERING)))
    bounds = [known + number * size // count for number in range(count + 1)]
    return [
        GatherTask(
            lake=task.lake,
            timeframe=task.timeframe,
            months=task.history[first:end],
            first=first,
            of=task.of,
            columns=("timestamp", "closed_at", *COLUMNS, *task.state),
            path=f"{folder}/{first:05d}.arrow",
        )
        for first, end in pairwise(bounds)
    ]
