import numpy as np
import pandas as pd
import pytest

from include.calendars import exchange_calendar
from include.lake import Lake
from include.months import as_utc
from include.quality import load_quality
from include.universes import Instrument, Kind, load_universe
from ml.report.gaps import SymbolGaps, by_year
from ml.report.quality import read_quality_page
from ml.report.quality_months import Answered, Came, SymbolQuality, find_missing

NOTHING = pd.DatetimeIndex([], tz="UTC").as_unit("us")


@pytest.fixture(scope="module")
def gaps(report_lake: Lake) -> dict[str, SymbolGaps]:
    return {symbol.symbol: by_year(symbol) for symbol in read_quality_page(report_lake, load_universe("sample"), "1d").symbols}


def test_real_bars_of_the_index_have_no_gap(gaps: dict[str, SymbolGaps]) -> None:
    found = gaps["^GSPC"].quality
    assert (found.gaps, found.off_calendar, found.longest, found.total("expected")) == ([], [], 0, 1007)


def test_planted_gaps_are_found_by_year(gaps: dict[str, SymbolGaps]) -> None:
    found = gaps["^IXIC"]
    assert {year: [(f"{gap.first:%m-%d}", gap.bars, gap.refused) for gap in held.gaps] for year, held in found.years.items()} == {
        2014: [],
        2015: [("03-02", 1, False), ("03-03", 1, True), ("03-04", 1, False)],
        2016: [("07-05", 1, False)],
        2017: [],
    }
    assert (found.quality.total("missing"), found.quality.total("turned_away"), found.quality.longest) == (4, 1, 3)
    assert found.years[2015].share == pytest.approx(3 / 252)


def test_a_bar_on_a_holiday_is_told(gaps: dict[str, SymbolGaps]) -> None:
    assert [f"{date:%Y-%m-%d}" for date in gaps["^IXIC"].quality.off_calendar] == ["2015-12-25"]


def test_a_row_refused_on_a_holiday_is_no_gap(gaps: dict[str, SymbolGaps]) -> None:
    found = gaps["^VIX"].quality
    assert (found.total("turned_away"), found.refused_off_calendar, found.total("missing")) == (0, 1, 0)


def found_in(instrument: Instrument, timeframe: str, bars: pd.DatetimeIndex, first: str, last: str) -> SymbolQuality:
    found = SymbolQuality(instrument)
    asked = [(as_utc(pd.Timestamp(first).date()), as_utc(pd.Timestamp(last).date()))]
    find_missing(found, Came(bars, NOTHING, NOTHING, NOTHING), timeframe, [Answered("csv", bars, asked)], load_quality(), "sample")
    return found


def test_the_first_bar_asked_for_counts(gaps: dict[str, SymbolGaps]) -> None:
    """A symbol's first gap may lie before its first bar; report and quality page are made of the same count."""
    days = pd.DatetimeIndex(exchange_calendar("XNYS").sessions_in_range("2018-01-16", "2018-01-31")).tz_localize("UTC").as_unit("us")
    instrument = load_universe("sample").instruments[0]
    found = found_in(instrument, "1d", days, "2018-01-01", "2018-02-01")
    assert [(f"{gap.first:%m-%d}", f"{gap.last:%m-%d}", gap.bars) for gap in found.gaps] == [("01-02", "01-12", 9)]
    assert (by_year(found).years[2018].missing, by_year(found).years[2018].expected) == (9, 21)


def test_intraday_bars_belong_to_their_session() -> None:
    calendar = exchange_calendar("XASX")  # Sydney opens at 23:00 UTC of the day before in summer
    opens = pd.DatetimeIndex(calendar.opens["2020-01-06":"2020-01-31"])
    hours = pd.DatetimeIndex(np.concatenate([opens + pd.Timedelta(hours=hour) for hour in range(6)]), tz="UTC").as_unit("us").sort_values()
    instrument = Instrument(symbol="BHP.AX", name="BHP", kind=Kind.STOCK, calendar="XASX", trades_volume=True)
    found = found_in(instrument, "1h", hours, "2020-01-05", "2020-02-01")
    assert (found.gaps, found.off_calendar, found.total("expected")) == ([], [], 6 * len(opens))


def test_a_market_that_never_closes_misses_each_absent_day() -> None:
    days = pd.date_range("2021-01-01", "2021-03-01", tz="UTC", inclusive="left").as_unit("us")
    instrument = Instrument(symbol="BTC/USDT", name="Bitcoin", kind=Kind.CRYPTO, calendar="24/7", trades_volume=True)
    found = found_in(instrument, "1d", days.delete([5, 6]), "2021-01-01", "2021-03-01")
    assert (found.total("missing"), found.longest, found.total("expected")) == (2, 2, 59)


def test_time_of_which_the_source_has_nothing_is_told_apart() -> None:
    """As the sample's ^VIX, which begins five years after ^GSPC."""
    days = pd.DatetimeIndex(exchange_calendar("XNYS").sessions_in_range("2018-01-02", "2018-01-31")).tz_localize("UTC").as_unit("us")
    found = SymbolQuality(load_universe("sample").instruments[0])
    start, begin, end = (as_utc(pd.Timestamp(day).date()) for day in ("2017-11-15", "2018-01-01", "2018-02-01"))
    answered = [Answered("csv", days, [(begin, end)], [(start, begin)])]
    find_missing(found, Came(days, NOTHING, NOTHING, NOTHING), "1d", answered, load_quality(), "sample")
    assert (found.total("missing"), found.gaps, found.total("expected")) == (0, [], 21)
    assert [(f"{gap.first:%Y-%m-%d}", f"{gap.last:%Y-%m-%d}", gap.bars) for gap in found.unheld] == [("2017-11-15", "2017-12-29", 31)]
    assert {key: month.unheld for key, month in found.months.items() if month.unheld} == {"2017-11": 11, "2017-12": 20}
    other = Answered("yahoo", days, [(start, end)])
    again = SymbolQuality(load_universe("sample").instruments[0])
    find_missing(again, Came(days, NOTHING, NOTHING, NOTHING), "1d", [*answered, other], load_quality(), "sample")
    assert (again.unheld, again.total("missing")) == ([], 31), "what another source did not deny is missing"
