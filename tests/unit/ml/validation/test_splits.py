from itertools import pairwise

import pandas as pd
import pytest

from ml.validation.splits import expanding_folds


def days(first: str, last: str) -> pd.Series:
    return pd.Series(pd.bdate_range(first, last, tz="UTC") + pd.Timedelta(hours=21))


@pytest.mark.parametrize(
    ("first", "last", "training_years", "count"),
    [
        ("2009-01-02", "2018-12-31", 3, 7),
        ("2014-01-03", "2018-12-31", 2, 3),
        ("2005-01-03", "2024-03-08", 5, 15),
        ("1990-01-02", "2024-03-08", 5, 30),
        ("2016-01-04", "2018-02-01", 1.04, 2),
    ],
)
def test_first_training_part_and_number_of_folds(first: str, last: str, training_years: float, count: int) -> None:
    folds = expanding_folds(days(first, last))
    assert len(folds) == count
    assert (folds[0].start - pd.Timestamp(first, tz="UTC")).days / 365.25 == pytest.approx(training_years, abs=0.02)


def test_folds_follow_each_other_to_the_last_row() -> None:
    closed_at = days("2009-01-02", "2018-12-31")
    folds = expanding_folds(closed_at)
    assert all(earlier.end == later.start for earlier, later in pairwise(folds))
    assert folds[-1].start <= closed_at.iloc[-1] < folds[-1].end


def test_new_rows_leave_the_earlier_folds_as_they_were() -> None:
    assert expanding_folds(days("2005-01-03", "2024-03-08"))[:14] == expanding_folds(days("2005-01-03", "2023-06-01"))[:14]


def test_less_than_a_year_is_tested_by_months_in_its_second_half() -> None:
    closed_at = pd.Series(pd.date_range("2024-05-28", "2024-09-04 23:55", freq="5min", tz="UTC"))
    folds = expanding_folds(closed_at)
    assert folds[0].start == pd.Timestamp("2024-07-16", tz="UTC")
    assert [(fold.end - fold.start).days for fold in folds] == [30, 30]
    assert folds[-1].end > closed_at.iloc[-1]
