"""Tasks on Spark's workers; run as a program this is the process from which Spark forks them.

Forked workers share what their parent imported: the kernels are loaded once a machine, not once a worker.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from pyspark import SparkContext

from include.errors import MarketmillError

#: For Spark's setting ``spark.python.daemon.module``.
DAEMON = __name__

Task = TypeVar("Task")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Failed:
    """Why a task could not do its work, in the words of the error that it met."""

    reason: str


def on_workers(context: SparkContext, work: Callable[[Task], Answer], tasks: Sequence[Task]) -> list[Answer]:
    """Answers of all tasks, in their order.

    Raises
    ------
    MarketmillError
        The first that a task met, in its own words; other exceptions come as Spark reports them.
    """
    answers: list[Answer | Failed] = context.parallelize(tasks, len(tasks)).map(partial(_attempt, work)).collect()
    for answer in answers:
        if isinstance(answer, Failed):
            raise MarketmillError(answer.reason)
    return [answer for answer in answers if not isinstance(answer, Failed)]


def _attempt(work: Callable[[Task], Answer], task: Task) -> Answer | Failed:
    import pyarrow as pa

    pa.set_cpu_count(1)  # Spark has dealt the cores already
    try:
        return work(task)
    except MarketmillError as error:
        return Failed(str(error))
    finally:
        pa.default_memory_pool().release_unused()  # the next task may be of another kind


if __name__ == "__main__":
    import gc

    # All that a task would import, with what these import
    import pyarrow.dataset  # noqa: F401
    import pyspark.worker  # noqa: F401
    from pyspark.daemon import manager

    import spark_jobs.features.catalog  # noqa: F401
    import spark_jobs.features.storing  # noqa: F401
    import spark_jobs.gathering  # noqa: F401

    # It stays: the workers need neither look through it for garbage nor, for that, copy it.
    gc.freeze()
    manager()
