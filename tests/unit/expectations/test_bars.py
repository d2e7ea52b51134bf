"""The rules, one by one."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from expectations.bars import PRICES, bar_suite, prepare
from expectations.rules import rule_names
from expectations.suite_run import SuiteRun
from include.errors import LakeError

Bar = Callable[..., dict[str, Any]]
DAY = "2018-06-15"


@pytest.fixture(scope="module")
def suite() -> SuiteRun:
    return SuiteRun(bar_suite())


def refused(suite: SuiteRun, rows: list[dict[str, Any]] | pd.DataFrame, timeframe: str = "1d") -> dict[int, list[str]]:
    frame = pd.DataFrame(rows).assign(symbol="AAPL")
    frame["timestamp"] = pd.to_datetime(frame.pop("date"), utc=True, format="ISO8601")
    frame["closed_at"] = frame["timestamp"] + pd.Timedelta(hours=21)
    frame["fetched_at"] = frame["closed_at"] if "fetched" not in frame else pd.to_datetime(frame.pop("fetched"), utc=True)
    return suite.broken(prepare(frame.astype(dict.fromkeys(PRICES, float)), timeframe))


def test_each_rule_has_a_name_of_its_own() -> None:
    names = rule_names(bar_suite())
    assert len(names) == len(set(names)) == 16


BROKEN = [
    ({"close": None}, ["close_present"]),
    ({"close": math.nan}, ["close_present"]),
    ({"open": 0.0}, ["open_positive", "open_not_below_low"]),
    ({"high": math.inf}, ["high_positive"]),
    ({"low": -9.0}, ["low_positive"]),
    ({"close": -1.0}, ["close_positive", "close_not_below_low"]),
    ({"adjusted_close": 0.0}, ["adjusted_close_positive"]),
    ({"high": 8.0, "open": None, "close": 7.0}, ["high_not_below_low", "close_not_below_low"]),
    ({"open": 12.5}, ["high_not_below_open"]),
    ({"close": 12.5}, ["high_not_below_close"]),
    ({"open": 8.5}, ["open_not_below_low"]),
    ({"close": 8.5}, ["close_not_below_low"]),
    ({"volume": -1.0}, ["volume_not_negative"]),
    ({"volume": math.inf}, ["volume_not_negative"]),
    ({"volume": 1e19}, ["volume_not_negative"]),
]


@pytest.mark.parametrize(("changes", "rules"), BROKEN, ids=str)
def test_a_broken_bar_is_refused_by_its_rules(suite: SuiteRun, bar: Bar, changes: dict[str, Any], rules: list[str]) -> None:
    rows = [bar("2018-06-14"), bar(DAY, **changes), bar("2018-06-18")]
    assert refused(suite, rows) == {1: rules}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"open": None, "high": None, "low": None},
        {"open": None, "high": None, "low": None, "volume": None, "adjusted_close": None},
        {"volume": 0.0},
        {"open": 11.0, "high": 11.0, "low": 11.0},
        {"open": 9.0, "high": 12.0, "low": 9.0, "close": 12.0},
    ],
    ids=str,
)
def test_what_real_sources_send_is_kept(suite: SuiteRun, bar: Bar, changes: dict[str, Any]) -> None:
    assert refused(suite, [bar(DAY, **changes)]) == {}


def test_a_rounding_difference_is_none_and_a_small_one_is_one(suite: SuiteRun, bar: Bar) -> None:
    below = math.nextafter(9.0, 0)
    above = math.nextafter(12.0, 13)
    assert refused(suite, [bar(DAY, close=below), bar("2018-06-18", close=above), bar("2018-06-19", open=above)]) == {}
    assert refused(suite, [bar(DAY, close=9 * (1 - 1e-6))]) == {0: ["close_not_below_low"]}


def test_of_equal_rows_the_first_is_kept(suite: SuiteRun, bar: Bar) -> None:
    rows = [bar(DAY, volume=None), bar("2018-06-18"), bar(DAY, volume=None), bar(DAY, volume=None)]
    assert refused(suite, rows) == {2: ["row_not_repeated"], 3: ["row_not_repeated"]}


def test_of_different_rows_for_one_time_none_is_kept(suite: SuiteRun, bar: Bar) -> None:
    rows = [bar(DAY), bar(DAY, volume=7.0), bar(DAY), bar("2018-06-18")]
    assert refused(suite, rows) == {0: ["one_row_per_time"], 1: ["one_row_per_time"], 2: ["row_not_repeated"]}


def test_reasons_name_the_numbers(suite: SuiteRun, bar: Bar) -> None:
    words = suite.reason(["high_not_below_open", "volume_not_negative"], bar(DAY, open=41.6, high=13.61, volume=-3.0))
    assert words == "high 13.61 is below open 41.6; volume -3 is negative, or more than is traded of anything"


def test_a_daily_bar_is_labelled_by_midnight(suite: SuiteRun, bar: Bar) -> None:
    """New York's midnight is at four or five o'clock UTC, by the season: such labels are on two grids."""
    rows = [bar("2018-03-09 05:00"), bar("2018-03-12 04:00"), bar("2018-03-13")]
    assert refused(suite, rows) == {0: ["day_at_midnight"], 1: ["day_at_midnight"]}
    assert refused(suite, rows, "1h") == {}


def test_a_bar_that_was_fetched_before_its_close_is_not_finished(suite: SuiteRun, bar: Bar) -> None:
    rows = [bar("2018-06-14", fetched="2018-06-15 20:59"), bar(DAY, fetched="2018-06-15 20:59")]
    assert refused(suite, rows) == {1: ["bar_finished"]}


def test_rows_that_are_only_compared_with_do_not_count(bar: Bar) -> None:
    run = SuiteRun(bar_suite())
    rows = pd.DataFrame([bar("2018-06-14", close=-1.0), bar(DAY, close=-1.0)]).assign(symbol="AAPL")
    rows["timestamp"] = pd.to_datetime(rows.pop("date"), utc=True)
    rows = rows.assign(closed_at=rows["timestamp"], fetched_at=rows["timestamp"])
    assert list(run.broken(prepare(rows, "1d"), np.array([False, True]))) == [0, 1]
    (outcome,) = [
        result for result in run.result().results if not result.success and result.expectation_config.meta["rule"] == "close_positive"
    ]
    assert (outcome.result["element_count"], outcome.result["unexpected_count"]) == (1, 1)


def test_no_rows_are_no_fault(suite: SuiteRun) -> None:
    columns = ["date", "open", "high", "low", "close", "volume", "adjusted_close"]
    assert refused(suite, pd.DataFrame(columns=columns)) == {}


def test_a_rule_that_cannot_run_fails_the_check(bar: Bar) -> None:
    import great_expectations.expectations as gxe

    broken = SuiteRun(bar_suite())
    broken.suite.add_expectation(gxe.ExpectColumnValuesToNotBeNull(column="no_such_column", meta={"rule": "broken", "reason": ""}))
    with pytest.raises(LakeError, match=r"the rule broken could not be evaluated .*no_such_column.*nothing was published"):
        refused(broken, [bar(DAY)])


def test_a_rule_without_a_result_fails_the_check(bar: Bar) -> None:
    broken = SuiteRun(bar_suite())
    broken.rules.append("never_run")
    with pytest.raises(LakeError, match="never_run gave no result"):
        refused(broken, [bar(DAY)])


def test_the_result_counts_over_all_frames(bar: Bar) -> None:
    run = SuiteRun(bar_suite())
    for rows in ([bar(DAY, close=-1.0), bar("2018-06-18")], [bar("2018-07-02", close=-2.0)]):
        refused(run, rows)
    outcome = {result.expectation_config.meta["rule"]: result for result in run.result().results}
    assert outcome["close_positive"].result["element_count"] == 3
    assert outcome["close_positive"].result["unexpected_count"] == 2
    assert not outcome["close_positive"].success
    assert outcome["close_present"].success
    assert not run.result().success
