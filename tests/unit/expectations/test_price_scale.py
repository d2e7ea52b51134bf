"""Bars adjusted for dividends never stand beside bars that are not, in one symbol's history."""

from collections.abc import Callable
from typing import Any

import pytest

from expectations.check import CheckRequest, CheckSummary, check_bars
from expectations.checked import publish_checked
from include.lake import Lake
from include.landing import Adjustment
from include.publish import list_months, read_month

Land = Callable[..., None]
Request = Callable[..., CheckRequest]
Bars = Callable[..., list[dict[str, Any]]]

pytestmark = pytest.mark.usefixtures("few_bars_will_do")


def run(lake: Lake, request: CheckRequest) -> CheckSummary:
    summary = check_bars(lake, request, run="run")
    publish_checked(lake, summary.plan)
    return summary


@pytest.fixture
def filled(lake: Lake, land: Land, request_for: Request, bars: Bars) -> Lake:
    """January and February of AAPL, adjusted for splits only."""
    land("AAPL", bars("2018-01-02", "2018-02-28"))
    run(lake, request_for("AAPL", end="2018-03-01"))
    return lake


def test_a_month_on_another_scale_is_held_back(filled: Lake, land: Land, request_for: Request, bars: Bars) -> None:
    land("AAPL", bars("2018-02-01", "2018-03-29"), source="sample", adjustment=Adjustment.SPLIT_AND_DIVIDEND)
    summary = run(filled, request_for("AAPL", source="sample", start="2018-02-01", end="2018-04-01"))
    assert summary.held["AAPL"] == (
        "its bars are adjusted for dividends (source sample), those of its other 1 published months (2018-01 to 2018-01) not adjusted for "
        "dividends (source csv): one series needs one price scale; take the same source, another LAKE, or backfill those months from this "
        "source too"
    )
    assert list_months(filled, filled.bars("1d")) == ["2018-01", "2018-02"]
    held = read_month(filled, filled.bars("1d"), "2018-02")
    assert held is not None
    assert set(held["source"].to_pylist()) == {"csv"}


def test_a_backfill_of_all_its_months_may_change_the_scale(filled: Lake, land: Land, request_for: Request, bars: Bars) -> None:
    land("AAPL", bars("2018-01-02", "2018-02-28"), source="sample", adjustment=Adjustment.SPLIT_AND_DIVIDEND)
    assert run(filled, request_for("AAPL", source="sample", end="2018-03-01")).held == {}


@pytest.mark.parametrize("adjustment", [Adjustment.RAW, Adjustment.NONE, Adjustment.SPLIT])
def test_splits_are_no_reason(filled: Lake, land: Land, request_for: Request, bars: Bars, adjustment: Adjustment) -> None:
    land("AAPL", bars("2018-03-01", "2018-03-29"), source="sample", adjustment=adjustment)
    land("MSFT", bars("2018-03-01", "2018-03-29"), source="sample", adjustment=Adjustment.SPLIT_AND_DIVIDEND)
    assert run(filled, request_for("AAPL", "MSFT", source="sample", start="2018-03-01", end="2018-04-01")).held == {}


def test_one_source_with_both_is_held_back_as_well(lake: Lake, land: Land, request_for: Request, bars: Bars) -> None:
    land("AAPL", bars("2018-01-02", "2018-01-31"), start="2018-01-01", end="2018-02-01")
    land("AAPL", bars("2018-02-01", "2018-02-28"), start="2018-02-01", end="2018-03-01", adjustment=Adjustment.SPLIT_AND_DIVIDEND)
    assert "come on two price scales" in run(lake, request_for("AAPL", end="2018-03-01")).held["AAPL"]
