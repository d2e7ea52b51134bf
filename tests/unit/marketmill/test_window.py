from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from include.errors import ConfigurationError
from marketmill.window import Wish, choose_window

NOW = datetime(2026, 11, 21, 5, tzinfo=UTC)


def days(window):
    return f"{window.start:%Y-%m-%d}", f"{window.end:%Y-%m-%d}"


def test_ten_years_end_with_the_sources_last_month():
    assert days(choose_window(Wish(), date(2018, 12, 31), NOW)) == ("2009-01-01", "2019-01-01")


def test_a_source_that_goes_on_ends_with_the_last_month_that_is_over():
    window = choose_window(Wish(), None, NOW)
    assert days(window) == ("2016-11-01", "2026-11-01")
    assert window.notes == ()


def test_a_source_whose_last_day_lies_in_the_running_month_stops_before_it():
    window = choose_window(Wish(years=1), date(2026, 11, 20), NOW)
    assert days(window) == ("2025-11-01", "2026-11-01")


@pytest.mark.parametrize(("last", "end"), [("2024-03-08", "2024-03-01"), ("2024-03-28", "2024-04-01"), ("2024-03-31", "2024-04-01")])
def test_a_month_that_the_source_does_not_hold_whole_is_left_out(last, end):
    window = choose_window(Wish(years=1), date.fromisoformat(last), NOW)
    assert days(window)[1] == end
    assert len(window.notes) == (end == "2024-03-01")
    assert days(choose_window(Wish(years=1, end="2024-04-01"), date.fromisoformat(last), NOW))[1] == "2024-04-01"


def test_months_are_taken_whole_and_that_is_said():
    window = choose_window(Wish(start="2018-01-15", end="2018-03-02"), None, NOW)
    assert days(window) == ("2018-01-01", "2018-04-01")
    assert len(window.notes) == 2


def test_an_end_on_the_first_of_a_month_does_not_take_that_month():
    window = choose_window(Wish(start="2018-01-01", end="2018-03-01"), None, NOW)
    assert days(window) == ("2018-01-01", "2018-03-01")
    assert window.notes == ()


def test_days_count_back_from_the_end():
    assert days(choose_window(Wish(end="2018-03-01", days=30), None, NOW)) == ("2018-01-01", "2018-03-01")


def test_years_count_back_from_a_given_end():
    assert days(choose_window(Wish(end="2018-03-01", years=2), None, NOW)) == ("2016-03-01", "2018-03-01")


def test_years_before_a_leap_day():
    with pytest.raises(ConfigurationError, match="give a start"):
        choose_window(Wish(end="2020-02-29", years=1), None, NOW)


def test_the_running_month_is_left_out_though_asked_for():
    window = choose_window(Wish(start="2026-10-01", end="2026-11-15"), None, NOW)
    assert days(window) == ("2026-10-01", "2026-11-01")
    assert "has not ended" in window.notes[0]


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        (Wish(start="2019-01-01", end="2018-01-01"), "start 2019-01-01 is not before end 2018-01-01"),
        (Wish(start="2018-01-01", end="2018-01-01"), "is not before"),
        (Wish(start="2026-11-03"), "start 2026-11-03 is not before end 2026-11-01"),
        (Wish(start="2026-11-03", end="2026-11-09"), "the month 2026-11 has not ended"),
        (Wish(start="yesterday"), "start 'yesterday' is not a date"),
        (Wish(end="2018-02-30"), "end '2018-02-30' is not a date"),
        (Wish(start="2018-01-01", days=3), "both given"),
    ],
)
def test_a_wish_that_cannot_be_met(wish, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        choose_window(wish, None, NOW)
