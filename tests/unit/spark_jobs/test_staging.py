"""A job that is killed leaves nothing that anybody reads, and the next one removes what it left."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from include.errors import LakeError
from include.feature_sets import read_current
from include.lake import Lake
from include.publish import list_months
from spark_jobs import build_features as job
from spark_jobs.staging import clean_staging, scratch_folder
from tests.unit.spark_jobs.made_bars import publish_bars, small_universe
from tests.unit.spark_jobs.test_buckets import build, contents, serially

ARGUMENTS = ["--timeframe", "1d", "--summary", "reports/features.json"]


def staged(lake: Lake) -> list[Path]:
    return [path for path in Path(lake.root, "staging").rglob("*") if path.is_file()]


def dying_after(tasks: int) -> Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]:
    """Workers that die with their job, as it dies with a machine, after so many tasks."""
    left = [tasks]

    def work_until(work: Callable[[Any], Any], asked: Sequence[Any]) -> list[Any]:
        answers = []
        for task in asked:
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            answers.append(work(task))
        return answers

    return work_until


def test_a_killed_job_leaves_nothing_to_be_read_and_nothing_for_ever(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    universe = pa.concat_tables(small_universe(330).values())
    publish_bars(lake, universe)
    # Facts of the set, four gatherings, two counts, then one of two buckets
    monkeypatch.setattr(job, "spark_workers", lambda: nullcontext(dying_after(8)))
    killed = multiprocessing.get_context("fork").Process(target=job.main, args=(["--lake", lake.url, *ARGUMENTS],))
    killed.start()
    killed.join(120)
    assert killed.exitcode == -signal.SIGKILL
    assert {path.suffix for path in staged(lake)} == {".arrow", ".parquet"}
    assert not lake.exists("features")
    with pytest.raises(LakeError, match="no 1d features were built yet"):
        read_current(lake, "1d")

    monkeypatch.setattr(job, "spark_workers", lambda: nullcontext(serially))
    assert job.main(["--lake", lake.url, *ARGUMENTS]) == 0
    assert staged(lake) == []
    alone = Lake(str(tmp_path / "alone"))
    publish_bars(alone, universe)
    build(alone)
    assert contents(lake) == contents(alone)
    assert len(list_months(lake, lake.features("1d", read_current(lake, "1d").id))) == 16


def test_only_what_belongs_to_the_timeframe_is_removed(lake: Lake) -> None:
    for path in ("features/timeframe=1d/set=a/month=2020-01/x", "history/timeframe=1d/b/0.arrow"):
        lake.write(f"staging/{path}", b"left")
    others = ["features/timeframe=1h/set=a/month=2020-01/x", "history/timeframe=1h/b/0.arrow", "checks/y"]
    for path in others:
        lake.write(f"staging/{path}", b"in use")
    with clean_staging(lake, "1d"), scratch_folder(lake, "1d") as folder:
        lake.write(f"{folder}/0.arrow", b"new")
        assert len(staged(lake)) == 1 + len(others)
    assert sorted(str(path.relative_to(Path(lake.root, "staging"))) for path in staged(lake)) == sorted(others)


def test_without_a_lock_only_what_is_old_is_removed(lake: Lake) -> None:
    """On an object store another job may be at work."""
    lake.is_local = False
    for name, days in (("old", 3), ("new", 1)):
        path = Path(lake.root, "staging/features/timeframe=1d/set=a/month=2020-01", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (time.time() - 86_400 * days,) * 2)
    with clean_staging(lake, "1d"):
        assert [path.name for path in staged(lake)] == ["new"]
