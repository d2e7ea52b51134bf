"""A month that goes on from what the run before left has the bytes of a month made of all bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from include.errors import LakeError
from include.feature_sets import read_features
from include.lake import Lake
from include.publish import list_months
from spark_jobs.building import compute_months, publish_months
from spark_jobs.carrying import Reach
from spark_jobs.features.catalog import FEATURES
from spark_jobs.memories import REACH
from spark_jobs.plan import plan_features
from tests.unit.spark_jobs.made_bars import bars_table, cut, ordinary, publish_bars, weekdays
from tests.unit.spark_jobs.test_buckets import build, contents, serially
from tests.unit.spark_jobs.test_splits import actions

SIZE = 640
STAMPS = weekdays(SIZE)


def universe() -> dict[str, pa.Table]:
    """Symbols that are there all the time, begin late, begin in the last month, are absent for months, end early, have holes."""
    holes = ordinary(SIZE, 5)
    for number, values in enumerate(holes.values()):
        values[np.random.default_rng(number).random(SIZE) < 0.01] = np.nan
    absent = np.r_[0:300, 420:SIZE]
    tables = {name: bars_table(name, ordinary(SIZE, seed), STAMPS) for seed, name in enumerate(["AAA", "BBB", "CCC"])}
    tables["HOLES"] = bars_table("HOLES", holes, STAMPS)
    tables["LATE"] = bars_table("LATE", cut(ordinary(SIZE, 6), 560), STAMPS[560:])
    tables["LAST"] = bars_table("LAST", cut(ordinary(SIZE, 7), SIZE - 3), STAMPS[-3:])
    tables["ABSENT"] = bars_table("ABSENT", {name: values[absent] for name, values in ordinary(SIZE, 8).items()}, STAMPS[absent])
    tables["ENDED"] = bars_table("ENDED", cut(ordinary(SIZE, 9), 0, 480), STAMPS[:480])
    return tables


ALL = pa.concat_tables(universe().values())
MONTHS = sorted(set(np.datetime_as_string(STAMPS.astype("datetime64[us]"), unit="M")))


def publish_splits(lake: Lake) -> None:
    lake.write(f"{lake.actions('BBB')}/a.parquet", actions([("2016-11-15", "split", 4.0, "2024-06-01")], "BBB"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    lake = Lake(str(tmp_path_factory.mktemp("whole")))
    publish_splits(lake)
    publish_bars(lake, ALL)
    build(lake)
    return everything(lake)


def everything(lake: Lake) -> dict[str, dict[str, bytes]]:
    return {dataset: contents(lake, dataset) for dataset in ("features", "carried")}


class Read:
    """Workers that note how many months each task reads."""

    def __init__(self) -> None:
        self.months: list[int] = []

    def __call__(self, work: Callable[[Any], Any], tasks: Sequence[Any]) -> list[Any]:
        self.months += [len(task.months) for task in tasks if hasattr(task, "path")]
        return serially(work, tasks)


def build_noting(lake: Lake) -> list[int]:
    plan, workers = plan_features(lake, "1d"), Read()
    parts = compute_months(lake, plan, plan.months_to_build, workers)
    publish_months(lake, plan, plan.months_to_build, parts)
    return workers.months


def test_month_by_month_is_the_same_as_all_at_once(whole: dict[str, dict[str, bytes]], lake: Lake) -> None:
    """For every feature of the registry, and whatever the symbols do; three months at once and one after the other."""
    publish_splits(lake)
    publish_bars(lake, ALL, months=MONTHS[:10])
    build(lake)
    for first, end in ((10, 13), (13, 14), *((number, number + 1) for number in range(14, len(MONTHS)))):
        publish_bars(lake, ALL, months=MONTHS[first:end])
        assert sum(build_noting(lake)) == end - first + 1, "the month before, and what is new"
    build(lake)
    assert everything(lake) == whole
    assert len(whole["carried"]) == 2
    known = read_features(lake, "1d", start=np.datetime64(MONTHS[-1]).astype(object), symbols=["AAA"])
    assert known[[feature.name for feature in FEATURES]].notna().all().all()


def test_the_newest_month_is_built_again_from_what_was_left(whole: dict[str, dict[str, bytes]], lake: Lake) -> None:
    publish_splits(lake)
    publish_bars(lake, ALL)
    build(lake)
    dataset = lake.features("1d", plan_features(lake, "1d").feature_set)
    lake.delete_folder(f"{dataset}/month={MONTHS[-1]}")
    assert sum(build_noting(lake)) == 1
    assert everything(lake) == whole


@pytest.mark.parametrize("what", ["a revised bar", "a new split", "a bucket that is missing"])
def test_what_no_longer_fits_is_not_taken_along(what: str, lake: Lake, tmp_path: Path) -> None:
    publish_bars(lake, ALL, months=MONTHS[:-1])
    build(lake)
    if what == "a revised bar":
        revised = ALL.set_column(6, ALL.schema.field("close"), pa.compute.multiply(ALL["close"], 1.01))
        publish_bars(lake, revised, months=MONTHS[3:4])
    elif what == "a new split":
        publish_splits(lake)
    else:
        next(Path(lake.root).rglob("bucket-001*.arrow")).unlink()
    publish_bars(lake, ALL, months=MONTHS[-1:])
    assert sum(build_noting(lake)) == len(MONTHS)
    build(lake)
    alone = Lake(str(tmp_path / "alone"))
    Path(alone.root).mkdir()
    for folder in ("bars", "actions"):
        if lake.exists(folder):
            Path(alone.root, folder).symlink_to(Path(lake.root, folder))
    build(alone)
    assert everything(lake) == everything(alone)


def test_a_damaged_file_is_one_sentence(lake: Lake) -> None:
    publish_bars(lake, ALL, months=MONTHS[:-1])
    build(lake)
    damaged = next(Path(lake.root).rglob("bucket-001*.arrow"))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x00")
    publish_bars(lake, ALL, months=MONTHS[-1:])
    with pytest.raises(LakeError, match=r"bucket-001.*is damaged; delete the folder .*carried/.*/[0-9a-f]{64} and build again"):
        build(lake)
    lake.delete_folder(str(damaged.parent.relative_to(lake.root)))
    build(lake)
    assert list_months(lake, lake.features("1d", plan_features(lake, "1d").feature_set)) == MONTHS


def test_what_is_left_for_the_next_run_is_of_this_run_only(lake: Lake) -> None:
    for end in (5, 6, 7):
        publish_bars(lake, ALL, months=MONTHS[:end])
        build(lake)
        plan = plan_features(lake, "1d")
        assert lake.folders(f"carried/timeframe=1d/set={plan.feature_set}") == [plan.inputs[MONTHS[end - 2]]]


def test_where_features_begin_to_remember_all_that_they_are_made_of_is_known() -> None:
    assert Reach(10, 6).split(9) == (0, 0)
    assert Reach(10, 6).split(25) == (15, 21)
    for feature in FEATURES:
        reach = feature.facts.warm_up
        assert reach <= min(REACH.start, REACH.kept - REACH.start) if feature.facts.recursive else reach < REACH.kept
