"""Dividends, where the setting asks for them: every row on the scale of the newest one, whatever state it was fetched in."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from include.errors import LakeError
from include.feature_sets import read_current, read_features
from include.lake import Lake
from spark_jobs.building import make_tasks
from spark_jobs.dividends import read_dividends
from spark_jobs.features.catalog import FEATURES
from spark_jobs.features.scale import Dividend, Split, dividend_factors
from spark_jobs.plan import plan_features
from tests.unit.spark_jobs.made_bars import Columns, bars_table, ordinary, publish_bars, symbol_bars, weekdays
from tests.unit.spark_jobs.test_buckets import build, contents
from tests.unit.spark_jobs.test_splits import actions

SIZE = 330
STAMPS = weekdays(SIZE)
DAY = 86_400_000_000
PAID = {40: 0.7, 41: 0.2, 150: 1.5, 290: 0.4}
"""Place of the first bar without it, and the amount on that day's shares."""
SPLIT_AT, RATIO = 200, 4.0
NEWEST = int(STAMPS[-1]) + 30 * DAY


def as_traded() -> Columns:
    """Prices of the day itself: four times as high before the split."""
    columns = ordinary(SIZE, 21)
    early = np.arange(SIZE) < SPLIT_AT
    return {name: np.where(early, values / RATIO if name == "volume" else values * RATIO, values) for name, values in columns.items()}


def made_whole(columns: Columns) -> Columns:
    """By hand, day by day from the newest: an independent reference."""
    scale, shares = np.ones(SIZE), np.ones(SIZE)
    for bar in range(SIZE - 2, -1, -1):
        after = bar + 1
        paid, ratio = PAID.get(after, 0.0), RATIO if after == SPLIT_AT else 1.0
        # Dividends here fall on no day of a split; the close before and the amount are both in that day's shares.
        scale[bar] = scale[after] / ratio * (1.0 - paid / columns["close"][bar])
        shares[bar] = shares[after] * ratio
    return {name: values * (shares if name == "volume" else scale) for name, values in columns.items()}


def as_fetched(columns: Columns, state: str, as_of: npt.NDArray[np.int64]) -> Columns:
    """What a source that adjusts like ``state`` up to ``as_of`` says of the days."""
    result = {name: values.copy() for name, values in columns.items()}
    for bar in range(SIZE):
        for place in range(bar + 1, SIZE):
            if STAMPS[place] > as_of[bar] or state == "raw":
                break
            ratio = RATIO if place == SPLIT_AT else 1.0
            factor = 1.0 - PAID.get(place, 0.0) / columns["close"][place - 1] if state == "split_and_dividend" else 1.0
            for name, values in result.items():
                values[bar] *= ratio if name == "volume" else factor / ratio
    return result


def rows(columns: Columns, state: str, as_of: npt.NDArray[np.int64]) -> pa.Table:
    table = bars_table("AAA", columns, STAMPS)
    for name, values in (("adjustment", pa.array([state] * SIZE)), ("as_of", pa.array(as_of).cast(pa.timestamp("us", "UTC")))):
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), values)
    return table


def tell_actions(lake: Lake) -> None:
    day = lambda place: str(np.datetime64(int(STAMPS[place]), "us").astype("datetime64[D]"))  # noqa: E731
    told = [(day(place), "dividend", amount, "2024-01-01") for place, amount in PAID.items()]
    told.append((day(SPLIT_AT), "split", RATIO, "2024-01-01"))
    lake.write(f"{lake.actions('AAA')}/a.parquet", actions(told, "AAA"))


STEPWISE = np.where(np.arange(SIZE) < 100, STAMPS[99], np.where(np.arange(SIZE) < 260, STAMPS[259], NEWEST)).astype(np.int64)
"""Fetched in three parts: two dividends, the third, the split and the fourth lie between them."""


@pytest.mark.parametrize("as_of", [np.full(SIZE, NEWEST), STEPWISE], ids=["at once", "in parts"])
@pytest.mark.parametrize("state", ["raw", "split", "split_and_dividend"])
def test_every_state_comes_to_the_same_prices(lake: Lake, state: str, as_of: npt.NDArray[np.int64]) -> None:
    columns = as_traded()
    publish_bars(lake, rows(as_fetched(columns, state, as_of), state, as_of))
    tell_actions(lake)
    plan = plan_features(lake, "1d", adjust_dividends=True)
    (task,) = [task for task in make_tasks(plan, lake, plan.months) if task.holds("AAA")]
    bars = task.bars(task.read(lake, ["open", "high", "low", "close", "volume"]), "AAA", slice(0, SIZE))
    for name, expected in made_whole(columns).items():
        np.testing.assert_allclose(getattr(bars, name), expected, rtol=1e-12, err_msg=name)


def test_a_part_fetched_unadjusted_beside_an_adjusted_one(lake: Lake) -> None:
    """The close before a dividend comes from a file that has taken it off already; the rows before it do not."""
    columns = as_traded()
    whole, split = (as_fetched(columns, state, np.full(SIZE, NEWEST)) for state in ("split_and_dividend", "split"))
    early = np.arange(SIZE) < 140
    mixed = {name: np.where(early, split[name], whole[name]) for name in columns}
    states = np.where(early, "split", "split_and_dividend").astype(object)
    told = {"timestamp": STAMPS, "as_of": np.full(SIZE, NEWEST), "adjustment": states, "close": mixed["close"]}
    dividends = [Dividend(int(STAMPS[place]), amount) for place, amount in PAID.items()]
    factors = dividend_factors("AAA", dividends, [Split(int(STAMPS[SPLIT_AT]), RATIO)], told)
    np.testing.assert_allclose(mixed["close"] * factors, made_whole(columns)["close"], rtol=1e-12)


def test_the_features_are_those_of_the_whole_prices_in_a_set_of_their_own(lake: Lake) -> None:
    columns = as_traded()
    publish_bars(lake, rows(columns, "raw", STAMPS))
    tell_actions(lake)
    build(lake)
    plain, without = read_current(lake, "1d"), contents(lake)
    assert not plain.adjust_dividends
    assert build(lake, adjust_dividends=True)
    current = read_current(lake, "1d")
    assert (current.id, current.adjust_dividends) == (f"{plain.id}-dividends", True)
    frame = read_features(lake, "1d")
    assert set(frame["symbol"]) == {"AAA"}
    bars = symbol_bars(made_whole(columns))
    for feature in FEATURES:
        if not feature.cross_sectional and feature.facts.inputs == ("close",):
            np.testing.assert_allclose(frame[feature.name], feature.values(bars), rtol=2e-5, atol=1e-6, err_msg=feature.name)
    total = columns["close"][150] * 1.0 + PAID[150]
    assert frame["return_1"][150] == pytest.approx(total / (columns["close"][149] - 0.0) - 1.0, abs=2e-3)
    after = contents(lake)
    pointer = "timeframe=1d/current.json"
    assert {name: after[name] for name in without if name != pointer} == {n: d for n, d in without.items() if n != pointer}
    assert json.loads(after[pointer])["adjust_dividends"] is True


def test_a_dividend_makes_months_candidates_only_of_the_set_that_uses_it(lake: Lake) -> None:
    publish_bars(lake, bars_table("AAA", ordinary(SIZE, 21), STAMPS))
    build(lake)
    build(lake, adjust_dividends=True)
    lake.write(f"{lake.actions('AAA')}/a.parquet", actions([("2015-02-02", "dividend", 1.0, "2024-01-01")], "AAA"))
    plan = plan_features(lake, "1d", adjust_dividends=True)
    assert plan.months_to_build == plan.months
    assert plan_features(lake, "1d").months_to_build == ()
    lake.write(f"{lake.actions('AAA')}/b.parquet", actions([("2015-02-02", "dividend", 0.0, "2024-02-01")], "AAA"))
    assert plan_features(lake, "1d", adjust_dividends=True).up_to_date, "it was taken back"
    assert read_dividends(lake) == {}


def test_indices_and_coins_pay_none_and_days_before_the_first_bar_do_not_count() -> None:
    told = {"timestamp": STAMPS, "as_of": STAMPS, "adjustment": np.full(SIZE, "none", object), "close": np.full(SIZE, 9.0)}
    assert (dividend_factors("X", [Dividend(int(STAMPS[9]), 1.0)], [], told) == 1.0).all()
    told["adjustment"] = np.full(SIZE, "raw", object)
    assert (dividend_factors("X", [Dividend(int(STAMPS[0]), 1.0)], [], told) == 1.0).all()
    told["close"] = np.full(SIZE, np.nan)
    assert (dividend_factors("X", [Dividend(int(STAMPS[9]), 1.0)], [], told) == 1.0).all(), "no close, nothing to measure by"


def test_a_dividend_as_large_as_the_price_is_refused() -> None:
    told = {"timestamp": STAMPS, "as_of": STAMPS, "adjustment": np.full(SIZE, "raw", object), "close": np.full(SIZE, 9.0)}
    with pytest.raises(LakeError, match=r"actions of AAA: the dividend of 9 on 2015-01-14 is not less than the close before it, 9"):
        dividend_factors("AAA", [Dividend(int(STAMPS[9]), 9.0)], [], told)


def test_a_later_bar_moves_no_return_before_it() -> None:
    """All prices up to a dividend are multiplied by one number: what they tell of each other stays."""
    columns = as_traded()
    told = {"timestamp": STAMPS, "as_of": STAMPS, "adjustment": np.full(SIZE, "raw", object), "close": columns["close"]}
    some = [Dividend(int(STAMPS[40]), 0.7)]
    before = columns["close"] * dividend_factors("AAA", some, [], told)
    after = columns["close"] * dividend_factors("AAA", [*some, Dividend(int(STAMPS[290]), 0.4)], [], told)
    np.testing.assert_allclose(np.diff(np.log(before[:290])), np.diff(np.log(after[:290])), atol=1e-14)
