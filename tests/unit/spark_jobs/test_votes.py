"""Breadth counts the stocks and funds that closed at the very moment, and says nothing with fewer than three."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa

from include.lake import Lake
from spark_jobs.building import make_tasks
from spark_jobs.features.catalog import FEATURES
from spark_jobs.plan import plan_features
from spark_jobs.votes import add_votes, count_votes
from tests.unit.spark_jobs.made_bars import CLOSE, bars_table, ordinary, publish_bars, weekdays

SIZE = 70
STAMPS = weekdays(SIZE)
RISING = [feature.name for feature in FEATURES if feature.cross_sectional].index("breadth_rising_1")


def shares(lake: Lake, moments: np.ndarray) -> np.ndarray:
    plan = plan_features(lake, "1d")
    return add_votes(map(count_votes, make_tasks(plan, lake, plan.months))).shares(moments)


def test_breadth_is_the_share_of_the_session(lake: Lake) -> None:
    closes = {name: ordinary(SIZE, seed) for seed, name in enumerate(["AAA", "BBB", "CCC"])}
    others = [bars_table(name, ordinary(SIZE, 9), STAMPS) for name in ("^GSPC", "^UNKNOWN")]
    early = bars_table("NSE", ordinary(SIZE, 8), STAMPS, CLOSE - 11 * 3_600_000_000)
    publish_bars(lake, pa.concat_tables([*(bars_table(name, columns, STAMPS) for name, columns in closes.items()), *others, early]))
    found = shares(lake, STAMPS + CLOSE)
    expected = np.mean([np.diff(columns["close"]) > 0 for columns in closes.values()], axis=0)
    np.testing.assert_array_equal(found[RISING], np.append(np.nan, expected).astype(np.float32))
    assert set(found[RISING][1:]) == {np.float32(share) for share in (0, 1 / 3, 2 / 3, 1)}
    assert np.isnan(shares(lake, STAMPS + CLOSE - 11 * 3_600_000_000)).all(), "one symbol alone has no breadth"
    for moment in (STAMPS + CLOSE - 1, STAMPS + CLOSE + 1, np.array([0, 2**62])):
        assert np.isnan(shares(lake, moment)).all(), "nobody closed then"


def test_the_order_of_the_tasks_does_not_matter(lake: Lake) -> None:
    publish_bars(lake, pa.concat_tables(bars_table(f"S{seed}", ordinary(SIZE, seed), STAMPS) for seed in range(9)))
    plan = plan_features(lake, "1d")
    counted = [count_votes(task) for task in make_tasks(plan, lake, plan.months)]
    one, other = (add_votes(votes).shares(STAMPS + CLOSE) for votes in (counted, counted[::-1]))
    assert one.tobytes() == other.tobytes() == shares(lake, STAMPS + CLOSE).tobytes()
    assert not math.isnan(one[RISING][-1])


def test_no_votes_at_all() -> None:
    assert np.isnan(add_votes([]).shares(STAMPS)).all()
