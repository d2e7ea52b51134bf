"""The rules for predictions, each with a case that passes and one that does not."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from expectations.predictions import IDENTITY, check_predictions, prediction_suite, prepare
from expectations.rules import rule_names
from expectations.suite_run import SuiteRun
from include.errors import LakeError

SAID = {"model_version": "3", "feature_set": "abc", "data_hash": "ab" * 32, "is_oos": True}


@pytest.fixture(scope="module")
def suite() -> SuiteRun:
    return SuiteRun(prediction_suite())


def values(**changes: Any) -> pd.DataFrame:
    return rows({"value": 0.2, "lower": 0.1, "upper": 0.3}, changes)


def classes(**changes: Any) -> pd.DataFrame:
    return rows({"p0": np.float32(0.2), "p1": np.float32(0.7), "p2": np.float32(0.1)}, changes)


def rows(stated: dict[str, Any], changes: dict[str, Any]) -> pd.DataFrame:
    """Two sound rows and between them one with ``changes``."""
    days = pd.to_datetime(["2018-01-02", "2018-01-03", "2018-01-04"], utc=True)
    base = [{"symbol": "AAPL", "timestamp": day, "closed_at": day + pd.Timedelta(hours=21), **SAID, **stated} for day in days]
    base[1] |= changes
    return pd.DataFrame(base)


def broken(suite: SuiteRun, frame: pd.DataFrame) -> dict[int, list[str]]:
    return suite.broken(prepare(frame))


@pytest.mark.parametrize(
    "frame", [values(), classes(), values(lower=None, upper=None), values(lower=0.2, upper=0.2), classes(p0=0.0, p1=0.9)]
)
def test_sound_predictions_break_no_rule(suite: SuiteRun, frame: pd.DataFrame) -> None:
    assert broken(suite, frame) == {}


WRONG = [
    (values(value=0.35), ["value_not_above_upper"]),
    (values(value=0.05), ["lower_not_above_value"]),
    (values(value=None, lower=0.4), ["prediction_stated", "lower_not_above_upper"]),
    (values(value=np.inf), ["prediction_finite", "value_not_above_upper"]),
    (classes(p0=-0.1, p1=1.0, p2=0.1), ["probability_not_below_zero"]),
    (classes(p0=1.2, p1=-0.1, p2=-0.1), ["probability_not_below_zero", "probability_not_above_one"]),
    (classes(p0=0.3), ["probabilities_add_up"]),
    (classes(p0=None), ["probabilities_complete"]),
    (classes(p0=None, p1=None, p2=None), ["prediction_stated"]),
    *((values(**{name: None}), [f"{name}_said"]) for name in IDENTITY if name not in {"symbol", "timestamp"}),
    (values(symbol=None), ["symbol_said"]),
    (values(timestamp=pd.NaT), ["timestamp_said"]),
]


@pytest.mark.parametrize(("frame", "rules"), WRONG, ids=[",".join(rules) for _, rules in WRONG])
def test_an_impossible_prediction_is_found(suite: SuiteRun, frame: pd.DataFrame, rules: list[str]) -> None:
    assert broken(suite, frame) == {1: rules}


def test_one_symbol_and_time_has_one_prediction_or_one_a_group(suite: SuiteRun) -> None:
    twice = pd.concat([values(), values().iloc[:1]])
    assert broken(suite, twice) == {0: ["one_prediction_per_time"], 3: ["one_prediction_per_time"]}
    assert broken(suite, twice.assign(group=["1 day", "1 day", "1 day", "5 days"])) == {}


def test_an_identity_that_is_not_even_a_column_is_missed(suite: SuiteRun) -> None:
    assert set(broken(suite, values().drop(columns="is_oos"))) == {0, 1, 2}


def test_what_breaks_a_rule_is_not_published_and_told() -> None:
    with pytest.raises(
        LakeError, match=r"touch_xgboost 2018-01: 1 of 3 rows break a rule, nothing was published; AAPL 2018-01-03.*add up to 1\.1"
    ):
        check_predictions(classes(p0=0.3), "touch_xgboost 2018-01")
    assert check_predictions(classes(), "touch_xgboost 2018-01").result().success


def test_no_rows_are_no_fault(suite: SuiteRun) -> None:
    assert broken(suite, values().iloc[:0]) == {}
    assert broken(suite, classes().iloc[:0]) == {}


def test_each_rule_has_a_case_here(suite: SuiteRun) -> None:
    shown = {rule for _, rules in WRONG for rule in rules} | {"one_prediction_per_time"}
    assert set(rule_names(suite.suite)) == shown
