"""When a bar was known."""

import pandas as pd
import pytest

from include.calendars import closed_at
from include.errors import ConfigurationError


def known(calendar: str, timeframe: str, moment: str) -> str:
    return str(closed_at(calendar, timeframe, pd.DatetimeIndex([moment], tz="UTC"))[0])


@pytest.mark.parametrize(
    ("calendar", "date", "close"),
    [
        ("XNYS", "2018-06-15", "2018-06-15 20:00:00+00:00"),
        ("XNYS", "2018-12-17", "2018-12-17 21:00:00+00:00"),
        ("XNYS", "2018-12-24", "2018-12-24 18:00:00+00:00"),
        ("XCBF", "2018-12-17", "2018-12-17 21:15:00+00:00"),
        ("XBOM", "2018-12-17", "2018-12-17 10:00:00+00:00"),
        ("24/7", "2018-12-16", "2018-12-17 00:00:00+00:00"),
    ],
)
def test_a_daily_bar_closes_with_its_session(calendar: str, date: str, close: str) -> None:
    assert known(calendar, "1d", date) == close


def test_a_date_that_is_no_session_is_never_known_too_early() -> None:
    assert known("XNYS", "1d", "2018-12-25") >= "2018-12-25 21:00:00+00:00"
    assert known("XBOM", "1d", "1990-01-02") >= "1990-01-02 10:00:00+00:00"


def test_an_intraday_bar_closes_one_length_after_it_opens() -> None:
    assert known("XNYS", "5m", "2018-06-15 13:30") == "2018-06-15 13:35:00+00:00"


def test_an_unknown_calendar_is_named() -> None:
    with pytest.raises(ConfigurationError, match="'XMOON' is unknown"):
        known("XMOON", "1d", "2018-06-15")
