"""What the tasks write: the same bytes whoever makes them, whatever was built before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from include.feature_sets import read_features, write_current
from include.lake import Lake
from include.publish import list_months, read_manifest
from spark_jobs import building
from spark_jobs.building import compute_months, publish_months
from spark_jobs.features.catalog import FEATURES, make_feature_set
from spark_jobs.identity import feature_set_id
from spark_jobs.plan import plan_features
from tests.unit.spark_jobs.made_bars import COLUMNS, bars_table, cut, ordinary, publish_bars, small_universe, symbol_bars, weekdays
from tests.unit.spark_jobs.test_splits import actions

SIZE = 330


def serially(work: Callable[[Any], Any], tasks: Sequence[Any]) -> list[Any]:
    """Does all tasks here, the last one first."""
    return [work(task) for task in reversed(tasks)][::-1]


def build(lake: Lake, timeframe: str = "1d", *, adjust_dividends: bool = False) -> list[str]:
    """The job without Spark in the middle; the months whose content changed."""
    plan = plan_features(lake, timeframe, adjust_dividends=adjust_dividends)
    months = plan.months_to_build
    parts = compute_months(lake, plan, months, serially) if months else []
    published = publish_months(lake, plan, months, parts)
    write_current(lake, timeframe, make_feature_set(plan.feature_set, adjust_dividends=adjust_dividends))
    assert plan_features(lake, timeframe, adjust_dividends=adjust_dividends).up_to_date
    return [month.month for month in published if month.changed]


def contents(lake: Lake, dataset: str = "features") -> dict[str, bytes]:
    """Every file of the features by its path."""
    folder = Path(lake.root, dataset)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def universe() -> pa.Table:
    return pa.concat_tables(small_universe(SIZE).values())


@pytest.fixture(scope="module")
def whole(universe: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(str(tmp_path_factory.mktemp("whole")))
    publish_bars(lake, universe)
    build(lake)
    return lake


def months_of(lake: Lake) -> list[str]:
    return list_months(lake, lake.bars("1d"))


def test_a_row_for_each_bar_and_the_numbers_of_the_formulas(whole: Lake) -> None:
    frame = read_features(whole, "1d")
    assert len(frame) == SIZE * 6 + SIZE - 100
    assert list(frame.columns) == ["symbol", "timestamp", "closed_at", *(feature.name for feature in FEATURES)]
    assert frame[["symbol", "timestamp"]].equals(frame[["symbol", "timestamp"]].sort_values(["symbol", "timestamp"]))
    bars = symbol_bars(ordinary(SIZE, 0))
    mine = frame[frame["symbol"] == "AAA"]
    for feature in FEATURES:
        if not feature.cross_sectional:
            np.testing.assert_array_equal(mine[feature.name], feature.values(bars).astype(np.float32), err_msg=feature.name)
    assert mine["breadth_above_sma_50"].notna().any()
    assert not np.isinf(frame[[feature.name for feature in FEATURES]].to_numpy()).any()


def test_volume_features_are_null_without_volume_and_for_what_trades_none(whole: Lake) -> None:
    names = [feature.name for feature in FEATURES if feature.facts.needs_volume]
    assert read_features(whole, "1d", symbols=["^VIX"])[names].isna().all().all()
    traded = read_features(whole, "1d", symbols=["^GSPC"])[names]
    assert traded.notna().any().all()
    holed = read_features(whole, "1d", symbols=["BBB"])["volume_ratio_20"]
    assert holed[150:179].isna().all()
    assert holed[179:].notna().all()


def test_nulls_are_nulls_in_the_files(whole: Lake) -> None:
    month = months_of(whole)[0]
    dataset = whole.features("1d", make_feature_set(feature_set_id()).id)
    manifest = read_manifest(whole, dataset, month)
    assert manifest is not None
    table = whole.read_table(f"{dataset}/month={month}/{manifest.parts[0].name}")
    assert table.schema.equals(make_feature_set(feature_set_id()).schema)
    assert table["sma_200"].null_count == table.num_rows
    assert not np.isnan(table["return_1"].drop_null().to_numpy()).any()


@pytest.mark.parametrize("gatherings", [1, 3, 99])
def test_how_bars_are_gathered_and_their_order_do_not_matter(
    whole: Lake, universe: pa.Table, lake: Lake, gatherings: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_bars(lake, universe.take(np.random.default_rng(gatherings).permutation(universe.num_rows)))
    monkeypatch.setattr(building, "_FEWEST_GATHERINGS", gatherings)
    build(lake)
    # Identities of the inputs differ with the order of the bars' rows: the manifests may, the parts must not.
    parts = {name: data for name, data in contents(whole).items() if name.endswith(".parquet")}
    assert {name: data for name, data in contents(lake).items() if name.endswith(".parquet")} == parts


def _orders() -> dict[str, Sequence[Sequence[int]]]:
    return {
        "month by month": [[n] for n in range(16)],
        "tail": [range(15), [15]],
        "a hole filled late": [[*range(5), *range(7, 16)], [5, 6]],
    }


@pytest.mark.parametrize("name", _orders())
def test_incremental_equals_full_bit_for_bit(whole: Lake, universe: pa.Table, lake: Lake, name: str) -> None:
    months = months_of(whole)
    for part in _orders()[name]:
        publish_bars(lake, universe, months=[months[number] for number in part if number < len(months)])
        build(lake)
    assert contents(lake) == contents(whole)


def test_a_new_month_writes_one_month(whole: Lake, universe: pa.Table, lake: Lake) -> None:
    months = months_of(whole)
    publish_bars(lake, universe, months=months[:-1])
    build(lake)
    before = contents(lake)
    publish_bars(lake, universe, months=months[-1:])
    assert build(lake) == months[-1:]
    after = contents(lake)
    assert {name: after[name] for name in before} == before


def test_a_second_run_builds_nothing(whole: Lake) -> None:
    before = contents(whole)
    assert build(whole) == []
    assert contents(whole) == before


def test_a_revised_bar_republishes_the_months_it_touches(universe: pa.Table, lake: Lake) -> None:
    """Without cumulative features a bar reaches as far as the longest window; with them to the end. Months before it stay."""
    publish_bars(lake, universe)
    build(lake)
    months = months_of(lake)
    revised = ordinary(SIZE, 0)
    revised["close"][100] *= 1.001
    stamps = weekdays(SIZE)
    month = str(stamps[100].astype("datetime64[us]").astype("datetime64[M]"))
    others = universe.filter(pa.compute.not_equal(universe["symbol"], "AAA"))
    before = contents(lake)
    publish_bars(lake, pa.concat_tables([bars_table("AAA", revised, stamps), others]), months=[month])
    changed = build(lake)
    assert changed[0] == month
    assert set(changed) <= {later for later in months if later >= month}
    dataset = f"timeframe=1d/set={make_feature_set(feature_set_id()).id}"
    untouched = [name for name in before if name.startswith(dataset) and name.split("month=")[1][:7] < month]
    after = contents(lake)
    assert untouched
    assert all(after[name] == before[name] for name in untouched)


def test_a_month_that_loses_its_bars_loses_its_features(universe: pa.Table, lake: Lake) -> None:
    publish_bars(lake, universe)
    build(lake)
    last = months_of(lake)[-1]
    from include.publish import publish_month

    publish_month(lake, lake.bars("1d"), last, lambda _: universe.slice(0, 0))
    assert build(lake) == [last]
    assert read_features(lake, "1d", start=np.datetime64(last).astype(object)).empty


def test_an_append_after_a_split_is_on_one_scale(lake: Lake) -> None:
    """Bars fetched before a 4:1 split, then bars fetched after it: as if all had been fetched after it."""
    columns, stamps = ordinary(SIZE, 31), weekdays(SIZE)
    when = 250
    early = {name: values[:when] * (0.25 if name == "volume" else 4.0) for name, values in columns.items()}
    late = cut(columns, when)
    tables = [bars_table("AAA", early, stamps[:when]), bars_table("AAA", late, stamps[when:])]
    split_on = stamps[when]
    known = [split_on - 86_400_000_000, split_on + 86_400_000_000 * 200]
    tables = [
        table.set_column(
            table.schema.get_field_index("as_of"),
            table.schema.field("as_of"),
            pa.array([moment] * table.num_rows).cast(pa.timestamp("us", "UTC")),
        )
        for table, moment in zip(tables, known, strict=True)
    ]
    publish_bars(lake, pa.concat_tables(tables))
    day = str(np.datetime64(int(split_on), "us").astype("datetime64[D]"))
    lake.write(f"{lake.actions('AAA')}/a.parquet", actions([(day, "split", 4.0, "2024-01-01")], "AAA"))
    build(lake)
    frame = read_features(lake, "1d")
    bars = symbol_bars(columns)
    for feature in FEATURES:
        if not feature.cross_sectional:
            np.testing.assert_array_equal(frame[feature.name], feature.values(bars).astype(np.float32), err_msg=feature.name)


def test_columns_are_the_bars_columns() -> None:
    assert COLUMNS == ("open", "high", "low", "close", "volume")
