"""The month key and its interval."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import ConfigurationError
from include.months import (
    as_utc,
    last_complete_month,
    month_end,
    month_of,
    month_start,
    months_between,
    next_month,
    parse_month,
)


@pytest.mark.parametrize("text", ["2018-6", "2018-13", "18-06", "2018-06-01", "", "2018/06", None, 201806])
def test_what_is_no_month_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ConfigurationError, match="YYYY-MM"):
        parse_month(text)  # type: ignore[arg-type]


def test_a_moment_is_read_in_utc() -> None:
    new_york = timezone(timedelta(hours=-5))
    assert month_of(datetime(2018, 6, 30, 23, tzinfo=new_york)) == "2018-07"
    assert month_of(date(2018, 6, 30)) == "2018-06"


def test_months_between_is_half_open() -> None:
    assert months_between(date(2018, 1, 1), date(2018, 2, 1)) == ["2018-01"]
    assert months_between(date(2018, 1, 31), date(2018, 2, 2)) == ["2018-01", "2018-02"]
    assert months_between(date(2018, 1, 5), date(2018, 1, 5)) == []
    assert months_between(date(2018, 3, 1), date(2018, 1, 1)) == []


@given(st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2100, 1, 1)), st.integers(0, 4000))
def test_months_between_is_what_walking_day_by_day_gives(start: datetime, days: int) -> None:
    end = start + timedelta(days=days)
    walked = dict.fromkeys(month_of(start + timedelta(days=step)) for step in range(days))
    if days and as_utc(end) > month_start(month_of(end)):
        walked[month_of(end)] = None
    assert months_between(start, end) == list(walked)


@given(st.integers(1980, 2150), st.integers(1, 12))
def test_a_month_ends_where_the_next_begins(year: int, number: int) -> None:
    month = f"{year:04d}-{number:02d}"
    assert month_end(month) == month_start(next_month(month))
    assert months_between(month_start(month), month_end(month)) == [month]


def test_the_last_complete_month_is_the_one_before() -> None:
    assert last_complete_month(datetime(2018, 6, 15, tzinfo=UTC)) == "2018-05"
    assert last_complete_month(datetime(2018, 1, 1, tzinfo=UTC)) == "2017-12"
