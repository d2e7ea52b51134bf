"""When a bar was known."""

import numpy as np
import pandas as pd
import pytest

from include.calendars import DECISION_DELAY, closed_at, decision_delay, exchange_calendar, regular_sessions
from include.errors import ConfigurationError
from include.special_sessions import evening_sessions
from include.timeframes import TIMEFRAMES


def known(calendar: str, timeframe: str, moment: str) -> str:
    return str(closed_at(calendar, timeframe, pd.DatetimeIndex([moment], tz="UTC"))[0])


@pytest.mark.parametrize(
    ("calendar", "date", "close"),
    [
        ("XNYS", "2018-06-15", "2018-06-15 20:00:00+00:00"),
        ("XNYS", "2018-12-17", "2018-12-17 21:00:00+00:00"),
        ("XNYS", "2018-12-24", "2018-12-24 18:00:00+00:00"),
        ("XCBF", "2018-12-17", "2018-12-17 21:15:00+00:00"),
        ("XCBF", "2018-11-23", "2018-11-23 18:15:00+00:00"),
        ("XCBF", "2018-12-24", "2018-12-24 18:15:00+00:00"),
        ("XCBF", "2018-07-03", "2018-07-03 17:15:00+00:00"),
        ("XCBF", "2018-07-05", "2018-07-05 20:15:00+00:00"),
        ("XCBF", "1992-12-24", "1992-12-24 19:15:00+00:00"),
        ("XBOM", "2018-12-17", "2018-12-17 10:00:00+00:00"),
        ("XBOM", "2018-11-07", "2018-11-07 14:00:00+00:00"),
        ("XBOM", "2010-11-05", "2010-11-05 14:00:00+00:00"),
        ("24/7", "2018-12-16", "2018-12-17 00:00:00+00:00"),
    ],
)
def test_a_daily_bar_closes_with_its_session(calendar: str, date: str, close: str) -> None:
    assert known(calendar, "1d", date) == close


def test_a_date_that_is_no_session_is_never_known_too_early() -> None:
    assert known("XNYS", "1d", "2018-12-25") >= "2018-12-25 21:00:00+00:00"
    assert known("XBOM", "1d", "1990-01-02") >= "1990-01-02 10:00:00+00:00"


def test_vix_has_the_half_days_of_new_york_and_none_is_decided_on_too_early() -> None:
    """On every session since VIX began it is known by the time a decision on New York's bars falls."""
    cboe, new_york = exchange_calendar("XCBF"), exchange_calendar("XNYS")
    since = slice("1990-01-02", None)
    assert cboe.sessions.to_series()[since].equals(new_york.sessions.to_series()[since])
    late = cboe.closes[since] - new_york.closes[since]
    assert set(late) == {pd.Timedelta(minutes=15)}
    assert late.max() < DECISION_DELAY


def test_a_decision_falls_while_the_next_bar_is_open() -> None:
    assert decision_delay("1d") == DECISION_DELAY == pd.Timedelta(hours=1)
    assert decision_delay("1h") == pd.Timedelta(minutes=5)
    assert decision_delay("5m") == pd.Timedelta(seconds=25)
    assert all(pd.Timedelta(0) < decision_delay(name) < length for name, length in TIMEFRAMES.items())


@pytest.mark.parametrize(
    "day", ["2001-09-11", "2001-09-14", "2004-06-11", "2007-01-02", "2012-10-29", "2012-10-30", "2018-12-05", "2025-01-09"]
)
@pytest.mark.parametrize("calendar", ["XNYS", "XCBF"])
def test_days_on_which_new_york_was_shut_are_no_sessions(calendar: str, day: str) -> None:
    assert np.datetime64(day, "us") not in regular_sessions(calendar)
    assert not exchange_calendar(calendar).is_session(day)


def test_muhurat_evenings_need_no_bar_and_weekdays_around_them_do() -> None:
    sessions = regular_sessions("XBOM")
    assert not np.isin(evening_sessions("XBOM"), sessions).any()
    assert np.isin(np.array(["2010-11-04", "2018-11-06", "2018-11-09", "2021-11-03"], "datetime64[us]"), sessions).all()


def test_crypto_never_rests() -> None:
    days = regular_sessions("24/7")
    assert set(np.diff(days[days >= np.datetime64("2018-12-01")])) == {np.timedelta64(1, "D")}


def test_an_intraday_bar_closes_one_length_after_it_opens() -> None:
    assert known("XNYS", "5m", "2018-06-15 13:30") == "2018-06-15 13:35:00+00:00"


def test_an_unknown_calendar_is_named() -> None:
    with pytest.raises(ConfigurationError, match="'XMOON' is unknown"):
        known("XMOON", "1d", "2018-06-15")
