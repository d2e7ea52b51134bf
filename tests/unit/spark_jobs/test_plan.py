"""The plan finds exactly the months that are not what their inputs make of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from include.errors import ConfigurationError
from include.feature_sets import FeatureSet, write_current
from include.lake import Lake
from include.publish import commit_month
from include.settings import PROJECT
from spark_jobs.identity import feature_set_id, hash_sources
from spark_jobs.plan import FeaturePlan, bucket_count, plan_features
from tests.unit.spark_jobs.made_bars import bars_table, ordinary, publish_bars, weekdays
from tests.unit.spark_jobs.test_splits import actions

SIZE = 100
MONTHS = ("2015-01", "2015-02", "2015-03", "2015-04", "2015-05")


def rows(seed: int = 1, symbol: str = "AAA") -> pa.Table:
    return bars_table(symbol, ordinary(SIZE, seed), weekdays(SIZE))


def pretend_built(lake: Lake, plan: FeaturePlan) -> None:
    for month in plan.months_to_build:
        commit_month(lake, lake.features("1d", plan.feature_set), month, [], inputs=plan.inputs[month])
    write_current(lake, "1d", FeatureSet(plan.feature_set, ()))


@pytest.fixture
def built(lake: Lake) -> Lake:
    publish_bars(lake, rows())
    pretend_built(lake, plan_features(lake, "1d"))
    return lake


def test_at_first_all_months_are_missing(lake: Lake) -> None:
    assert plan_features(lake, "1d").months == ()
    publish_bars(lake, rows())
    plan = plan_features(lake, "1d")
    assert plan.months_to_build == plan.months == MONTHS
    assert (plan.rows, plan.buckets, plan.up_to_date) == (SIZE, 2, False)
    assert "^VIX" in plan.without_volume
    assert {"^VIX", "^GSPC"} <= plan.without_vote


def test_then_nothing_is(built: Lake) -> None:
    assert plan_features(built, "1d").up_to_date
    assert plan_features(built, "1h").months == ()


def test_equal_bars_again_change_nothing(built: Lake) -> None:
    publish_bars(built, rows())
    assert plan_features(built, "1d").up_to_date


def test_a_revised_month_makes_it_and_the_later_ones_candidates(built: Lake) -> None:
    publish_bars(built, rows(2), months=["2015-03"])
    assert plan_features(built, "1d").months_to_build == MONTHS[2:]


def test_a_new_month_is_the_only_candidate(lake: Lake) -> None:
    publish_bars(lake, rows(), months=list(MONTHS[:-1]))
    pretend_built(lake, plan_features(lake, "1d"))
    publish_bars(lake, rows(), months=[MONTHS[-1]])
    assert plan_features(lake, "1d").months_to_build == MONTHS[-1:]


def test_a_filled_hole_makes_the_later_months_candidates(lake: Lake) -> None:
    publish_bars(lake, rows(), months=["2015-01", "2015-03", "2015-04", "2015-05"])
    pretend_built(lake, plan_features(lake, "1d"))
    publish_bars(lake, rows(), months=["2015-02"])
    assert plan_features(lake, "1d").months_to_build == MONTHS[1:]


def test_a_split_makes_all_months_candidates(built: Lake) -> None:
    built.write(f"{built.actions('AAA')}/a.parquet", actions([("2015-02-01", "dividend", 1.0, "2024-01-01")], "AAA"))
    assert plan_features(built, "1d").up_to_date, "a dividend changes no feature"
    built.write(f"{built.actions('AAA')}/b.parquet", actions([("2016-02-01", "split", 2.0, "2024-01-01")], "AAA"))
    assert plan_features(built, "1d").months_to_build == MONTHS


def test_another_formula_is_another_set(built: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_jobs.plan.feature_set_id", lambda: "other")
    plan = plan_features(built, "1d")
    assert plan.months_to_build == MONTHS
    assert not plan.is_current


def test_a_set_that_readers_do_not_take_yet_is_not_up_to_date(built: Lake) -> None:
    built.delete("features/timeframe=1d/current.json")
    plan = plan_features(built, "1d")
    assert (plan.months_to_build, plan.up_to_date) == ((), False)


def test_identity_is_the_text_of_the_formulas(tmp_path: Path) -> None:
    found = []
    for name, text in (("a.py", "x = 1\n"), ("a.py", "x = 2\n"), ("b.py", ""), ("notes.txt", "no source")):
        (tmp_path / name).write_text(text, encoding="utf-8")
        found.append(hash_sources(tmp_path))
    assert len(set(found[:3])) == 3
    assert found[2] == found[3]
    assert feature_set_id() == hash_sources(PROJECT / "spark_jobs" / "features")


def test_without_sources_there_is_no_identity(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no Python source"):
        hash_sources(tmp_path)


def test_without_universes_nothing_is_planned(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_jobs.plan.known_instruments", dict)
    with pytest.raises(ConfigurationError, match="no universe was found beside the code"):
        plan_features(lake, "1d")


def test_buckets_grow_with_the_rows() -> None:
    assert [bucket_count(rows) for rows in (0, 1_000_000, 1_000_001, 12_600_000)] == [2, 2, 4, 32]


def test_planning_loads_neither_spark_nor_the_compiler() -> None:
    code = "import sys, spark_jobs.plan; print([name for name in ('pyspark', 'numba', 'llvmlite') if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
