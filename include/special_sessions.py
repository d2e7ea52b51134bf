"""Sessions that ``exchange_calendars`` does not know.

- The index options of CBOE, and so ^VIX, close a quarter of an hour after New York's stocks: on all of its half-days, not only on
  the Friday after Thanksgiving. On 2001-09-11 and the three days after it CBOE was shut.
- On Diwali, a holiday, the exchanges of Mumbai open for one hour ("Muhurat"), nearly always in the evening (NSE and BSE circulars).
  Many sources leave these sessions out, so they may have a bar and need none.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from exchange_calendars import ExchangeCalendar

CBOE = "XCBF"
_LATER = timedelta(minutes=15)
_CHICAGO_BEHIND = timedelta(hours=1)
_SHUT = pd.DatetimeIndex(["2001-09-11", "2001-09-12", "2001-09-13", "2001-09-14"])

_MUHURAT = (
    "2010-11-05",
    "2011-10-26",
    "2012-11-13",
    "2013-11-03",
    "2014-10-23",
    "2015-11-11",
    "2016-10-30",
    "2017-10-19",
    "2018-11-07",
    "2019-10-27",
    "2020-11-14",
    "2021-11-04",
    "2022-10-24",
    "2023-11-12",
    "2024-11-01",
    "2025-10-21",
)
_EVENINGS = {"XBOM": np.array(_MUHURAT, "datetime64[D]").astype("datetime64[us]")}
#: 19:30 in Mumbai: no Muhurat session ended later.
EVENING_CLOSE = np.timedelta64(14 * 60, "m")


def evening_sessions(calendar: str) -> np.ndarray:
    """Dates (``datetime64[us]``, rising) of the holidays on which the exchange opens for an evening; their bars are known at 14:00 UTC."""
    return _EVENINGS.get(calendar, np.array([], "datetime64[us]"))


def cboe_calendar() -> type[ExchangeCalendar]:
    """The library's calendar of CBOE with what it lacks."""
    from exchange_calendars.exchange_calendar_xcbf import XCBFExchangeCalendar
    from exchange_calendars.exchange_calendar_xnys import XNYSExchangeCalendar

    new_york = XNYSExchangeCalendar("1990-01-02", "1990-12-31")

    class CboeCalendar(XCBFExchangeCalendar):
        @property
        def special_closes(self) -> list[tuple[time, Any]]:
            return [(_after(close), days) for close, days in new_york.special_closes]

        @property
        def special_closes_adhoc(self) -> list[tuple[time, Any]]:
            return [(_after(close), days) for close, days in new_york.special_closes_adhoc]

        @property
        def adhoc_holidays(self) -> list[pd.Timestamp]:
            return [*super().adhoc_holidays, *_SHUT]

    return CboeCalendar


def _after(close: time) -> time:
    """A quarter of an hour after a close in New York, by the clock of Chicago."""
    return (datetime.combine(date.min + timedelta(days=1), close) + _LATER - _CHICAGO_BEHIND).time()
