"""The rules, one by one."""

import json
import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from expectations.bars import STORED, bar_suite, render, rule_names
from expectations.suite_run import SuiteRun
from include.errors import LakeError

Bar = Callable[..., dict[str, Any]]
DAY = "2018-06-15"


@pytest.fixture(scope="module")
def suite() -> SuiteRun:
    return SuiteRun()


def refused(suite: SuiteRun, rows: list[dict[str, Any]] | pd.DataFrame) -> dict[int, list[str]]:
    frame = pd.DataFrame(rows).assign(symbol="AAPL")
    frame["timestamp"] = pd.to_datetime(frame.pop("date"), utc=True)
    prices = ["open", "high", "low", "close", "volume", "adjusted_close"]
    return suite.refused(frame.astype(dict.fromkeys(prices, float)))


def test_the_stored_suite_is_current() -> None:
    assert STORED.read_text(encoding="utf-8") == render(), "run python -m expectations.bars"


def test_the_stored_suite_tells_nothing_of_versions_or_ids() -> None:
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    assert set(stored) == {"name", "expectations"}
    assert not any("id" in rule for rule in stored["expectations"])


def test_each_rule_has_a_name_of_its_own() -> None:
    names = rule_names(bar_suite())
    assert len(names) == len(set(names)) == 14


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
    assert words == "high 13.61 is below open 41.6; volume -3 is negative or infinite"


def test_no_rows_are_no_fault(suite: SuiteRun) -> None:
    columns = ["date", "open", "high", "low", "close", "volume", "adjusted_close"]
    assert refused(suite, pd.DataFrame(columns=columns)) == {}


def test_a_rule_that_cannot_run_fails_the_check() -> None:
    import great_expectations.expectations as gxe

    broken = SuiteRun()
    broken.suite.add_expectation(gxe.ExpectColumnValuesToNotBeNull(column="no_such_column", meta={"rule": "broken", "reason": ""}))
    frame = pd.DataFrame(
        {"symbol": ["AAPL"], "timestamp": pd.to_datetime([DAY], utc=True)} | dict.fromkeys(["open", "high", "low", "close"], 1.0)
    )
    with pytest.raises(LakeError, match=r"the bar rule broken could not be evaluated .*no_such_column.*nothing was published"):
        broken.refused(frame.assign(volume=1.0, adjusted_close=1.0))


def test_a_rule_without_a_result_fails_the_check(bar: Bar) -> None:
    broken = SuiteRun()
    broken.rules.append("never_run")
    with pytest.raises(LakeError, match="never_run gave no result"):
        refused(broken, [bar(DAY)])


def test_the_result_counts_over_all_frames(bar: Bar) -> None:
    run = SuiteRun()
    for rows in ([bar(DAY, close=-1.0), bar("2018-06-18")], [bar("2018-07-02", close=-2.0)]):
        refused(run, rows)
    outcome = {result.expectation_config.meta["rule"]: result for result in run.result().results}
    assert outcome["close_positive"].result["element_count"] == 3
    assert outcome["close_positive"].result["unexpected_count"] == 2
    assert not outcome["close_positive"].success
    assert outcome["close_present"].success
    assert not run.result().success
