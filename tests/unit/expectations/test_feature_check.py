"""The rules for features, on features that the real formulas made of made bars, and on damaged copies of them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from expectations.feature_check import FeatureSummary, Recompute, check_features
from include.errors import LakeError
from include.feature_sets import read_current
from include.lake import Lake
from include.leak_certificate import read_certificate
from include.publish import list_months, publish_month, read_manifest, read_month
from spark_jobs.plan import plan_features
from spark_jobs.recompute import features_as_known
from tests.unit.spark_jobs.made_bars import publish_bars, small_universe
from tests.unit.spark_jobs.test_buckets import build

Change = Callable[[pa.Table], pa.Table]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(str(tmp_path_factory.mktemp("features")))
    publish_bars(lake, pa.concat_tables(small_universe(330).values()))
    build(lake)
    return lake


@pytest.fixture
def damage(built: Lake):
    """``damage(change)``: publish the last month of features changed; as it was again after the test."""
    dataset, month = built.features("1d", read_current(built, "1d").id), list_months(built, built.bars("1d"))[-2]
    sound, inputs = read_month(built, dataset, month), read_manifest(built, dataset, month).inputs

    def publish(change: Change) -> str:
        publish_month(built, dataset, month, lambda _: change(sound), inputs=inputs)
        return month

    yield publish
    publish(lambda table: table)


def checked(lake: Lake, *months: str) -> FeatureSummary:
    return check_features(lake, "1d", months, partial(features_as_known, lake, "1d"), partial(outdated, lake))


def outdated(lake: Lake) -> tuple[str, ...]:
    return plan_features(lake, "1d").months_to_build


def column(table: pa.Table, name: str, values: Callable[[np.ndarray], np.ndarray], symbol: str = "AAA") -> pa.Table:
    """The table with other values of one symbol in one column; a NaN is written as null."""
    mine = np.array(table["symbol"].to_pylist()) == symbol
    changed = table[name].to_numpy().copy()
    changed[mine] = values(changed[mine])
    return table.set_column(table.column_names.index(name), name, pa.array(changed, table[name].type, from_pandas=True))


def test_what_the_job_makes_breaks_no_rule(built: Lake) -> None:
    summary = checked(built, *list_months(built, built.bars("1d")))
    assert {rule for rule, months in summary.rules.items() if months} == set()
    assert summary.sampled == ["AAA", "DDD", "^VIX"]
    page = built.read("reports/data_docs/check-features-1d.html").decode()
    assert "No rule is broken" in page
    certificate = read_certificate(built, "1d")
    assert certificate is not None
    assert (certificate.symbols, certificate.features) == (summary.sampled, len(read_current(built, "1d").names))
    assert certificate.month in summary.months
    assert certificate.known_at.startswith(certificate.month)
    assert certificate.rows > 0


def plus_tomorrow(values: np.ndarray) -> np.ndarray:
    return np.roll(values, -1)


FAULTS: list[tuple[str, Change]] = [
    ("row_for_each_bar", lambda table: table.filter(pc.not_equal(table["symbol"], "CCC"))),
    ("row_for_each_bar", lambda table: pa.concat_tables([table, table.slice(0, 2)])),
    ("known_with_its_bar", lambda table: table.set_column(2, table.schema.field(2), table["timestamp"])),
    ("features_finite", lambda table: column(table, "rsi_14", lambda values: values + np.float32(np.inf))),
    ("null_in_warm_up", lambda table: column(table, "close_to_high_252", lambda values: np.ones(values.size, np.float32), "LATE")),
    ("null_without_volume", lambda table: column(table, "on_balance_volume", lambda values: np.zeros(values.size, np.float32), "^VIX")),
    ("features_causal", lambda table: column(table, "return_1", plus_tomorrow)),
    ("features_causal", lambda table: column(table, "sma_20", lambda values: np.nextafter(values, np.float32(0)))),
]


@pytest.mark.parametrize(("rule", "change"), FAULTS, ids=[f"{rule}-{number}" for number, (rule, _) in enumerate(FAULTS)])
def test_a_fault_fails_the_run_and_is_named(built: Lake, damage: Callable[[Change], str], rule: str, change: Change) -> None:
    month, before = damage(change), read_certificate(built, "1d")
    with pytest.raises(LakeError, match=rf"in {month} break the rule {rule}: .*nothing that waits for them is started"):
        checked(built, month)
    assert read_certificate(built, "1d") == before
    assert f'<td><a href="rules.html#{rule}">' in built.read("reports/data_docs/check-features-1d.html").decode()


def test_an_empty_feature_is_a_warning(built: Lake, damage: Callable[[Change], str]) -> None:
    month = damage(lambda table: column(table, "rsi_14", lambda values: values * np.nan, "BBB"))
    summary = checked(built, month)
    assert summary.rules["features_present"] == 1
    (told,) = summary.told
    assert (told["symbol"], told["month"], told["reason"]) == ("BBB", month, "1 features lack values after their warm-up: rsi_14")


def test_bars_without_a_month_of_features_are_told(built: Lake, damage: Callable[[Change], str]) -> None:
    month = damage(lambda table: table.schema.empty_table())
    with pytest.raises(LakeError, match=r"row_for_each_bar: \d+ bars have no features and 0 rows of features have no bar, and 6 more"):
        checked(built, month)


def test_a_formula_that_looks_ahead_is_caught(built: Lake) -> None:
    """A job that leaks gives other values once the later bars are gone."""
    months = list_months(built, built.bars("1d"))

    with pytest.raises(LakeError, match=r"features_causal: .* in close_to_sma_50: they saw the future"):
        check_features(built, "1d", months[-2:], leak_by_one_percent(built), partial(outdated, built))


def test_months_that_another_run_changes_meanwhile_are_left_to_it(built: Lake, damage: Callable[[Change], str]) -> None:
    """As when months are filled in backwards: bars of an earlier month arrive, and the features of later ones are not made again yet."""
    month = damage(lambda table: table)
    before = read_certificate(built, "1d")
    summary = check_features(built, "1d", [month], leak_by_one_percent(built), lambda: {month})
    assert (summary.changed, summary.sampled, summary.told) == ([month], [], [])

    def rebuilt_meanwhile(month: str, symbols: Sequence[str], known_at: datetime) -> pa.Table:
        damage(lambda table: column(table, "rsi_14", lambda values: values / 2))
        return features_as_known(built, "1d", month, symbols, known_at)

    assert check_features(built, "1d", [month], rebuilt_meanwhile, partial(outdated, built)).changed == [month]
    assert read_certificate(built, "1d") == before


def leak_by_one_percent(lake: Lake) -> Recompute:
    def recompute(month: str, symbols: Sequence[str], known_at: datetime) -> pa.Table:
        return column(features_as_known(lake, "1d", month, symbols, known_at), "close_to_sma_50", lambda values: values * np.float32(1.01))

    return recompute


def test_no_month_is_nothing_to_check(built: Lake) -> None:
    assert not any(checked(built).rules.values())
