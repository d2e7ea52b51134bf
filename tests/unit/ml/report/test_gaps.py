import numpy as np
import pandas as pd
import pytest

from include.calendars import exchange_calendar
from include.lake import Lake
from include.universes import Instrument, Kind, load_universe
from ml.report.gaps import SymbolGaps, find_gaps
from ml.report.intake import SymbolBars, read_intake
from ml.report.refusals import read_refusals


@pytest.fixture(scope="module")
def gaps(report_lake: Lake) -> dict[str, SymbolGaps]:
    universe = load_universe("sample")
    refusals = read_refusals(report_lake, universe, "1d")
    present = read_intake(report_lake, universe, "1d", set()).present
    return {symbol.instrument.symbol: find_gaps(symbol, "1d", refusals.times.get(symbol.instrument.symbol)) for symbol in present}


def test_real_bars_of_the_index_have_no_gap(gaps: dict[str, SymbolGaps]) -> None:
    assert (gaps["^GSPC"].missing, gaps["^GSPC"].off_session, gaps["^GSPC"].longest) == (0, (), 0)
    assert gaps["^GSPC"].sessions == 1007


def test_planted_gaps_are_found_by_year(gaps: dict[str, SymbolGaps]) -> None:
    found = gaps["^IXIC"]
    assert {year: [f"{date:%m-%d}" for date in held.missing] for year, held in found.years.items()} == {
        2014: [],
        2015: ["03-02", "03-03", "03-04"],
        2016: ["07-05"],
        2017: [],
    }
    assert (found.missing, found.refused, found.longest) == (4, 1, 3)
    assert found.years[2015].share == pytest.approx(3 / 252)


def test_a_bar_on_a_holiday_is_told(gaps: dict[str, SymbolGaps]) -> None:
    assert [f"{date:%Y-%m-%d}" for date in gaps["^IXIC"].off_session] == ["2015-12-25"]


def test_a_row_refused_on_a_holiday_is_no_gap(gaps: dict[str, SymbolGaps]) -> None:
    assert (gaps["^VIX"].refused, gaps["^VIX"].refused_off_session, gaps["^VIX"].missing) == (0, 1, 0)


def test_intraday_bars_belong_to_their_local_day() -> None:
    calendar = exchange_calendar("XASX")  # Sydney opens at 23:00 UTC of the day before in summer
    opens = pd.DatetimeIndex(calendar.opens["2020-01-06":"2020-01-31"])
    instrument = Instrument(symbol="BHP.AX", name="BHP", kind=Kind.STOCK, calendar="XASX", trades_volume=True)
    bars = SymbolBars(instrument, rows=len(opens), times=[opens.tz_localize(None).to_numpy("datetime64[us]").astype("datetime64[us]")])
    found = find_gaps(bars, "1h", None)
    assert (found.missing, found.off_session) == (0, ())
    assert found.sessions == len(opens)


def test_a_market_that_never_closes_misses_each_absent_day() -> None:
    days = np.arange("2021-01-01", "2021-03-01", dtype="datetime64[D]").astype("datetime64[us]")
    instrument = Instrument(symbol="BTC/USDT", name="Bitcoin", kind=Kind.CRYPTO, calendar="24/7", trades_volume=True)
    found = find_gaps(SymbolBars(instrument, rows=57, times=[np.delete(days, [5, 6])]), "1d", None)
    assert (found.missing, found.longest, found.sessions) == (2, 2, 59)
