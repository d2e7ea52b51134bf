"""Splits and dividends from the Yahoo stand-in reach the features, and nothing that landed changes."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from include.actions import Action, ActionKind, read_actions
from include.landing import read_landed
from include.universes import load_universe, pick_instruments
from marketmill.corporate_actions import FetchedActions, fetch_actions
from spark_jobs.features.scale import split_ratios
from spark_jobs.splits import read_splits
from tests.servers.common_tables import package_tables
from tests.servers.http.faults import Fault
from tests.unit.marketmill.hooks.yahoo_market import DIVIDENDS, SPLIT, day, open_market

FOUR = Action(date(2020, 8, 31), ActionKind.SPLIT, 4.0)


@pytest.fixture(scope="module")
def rows():
    return [row for row in package_tables()["AAPL"]["1d"] if 2015 <= row[0].year <= 2021]


@pytest.fixture
def open_(monkeypatch, tmp_path, rows):
    bars = {"AAPL": {"1d": rows}, "MSFT": {"1d": rows}, "^GSPC": {"1d": rows}}

    def make(now, actions=None):
        return open_market(monkeypatch, tmp_path, bars, now, actions={"AAPL": [SPLIT, *DIVIDENDS]} if actions is None else actions)

    return make


def fetch(lake, market, *symbols, start="2020-01-01"):
    return fetch_actions(lake, market.hook(), pick_instruments(load_universe("global26"), list(symbols)), day(start))


def test_shares_have_actions_and_dividends_are_as_paid(open_, lake):
    with open_("2021-03-01T23:00") as market:
        assert fetch(lake, market, "AAPL", "MSFT", "^GSPC") == [FetchedActions("AAPL", new=3), FetchedActions("MSFT")]
        assert market.charts("^GSPC") == 0
        assert [(action.date, action.kind, round(action.value, 9)) for action in read_actions(lake, "AAPL")] == [
            (date(2020, 8, 7), ActionKind.DIVIDEND, 0.82),
            (FOUR.date, FOUR.kind, FOUR.value),
            (date(2020, 11, 6), ActionKind.DIVIDEND, 0.205),
        ]
        assert fetch(lake, market, "AAPL") == [FetchedActions("AAPL")]
        assert len(lake.files(lake.actions("AAPL"))) == 1


def test_a_split_after_the_month_brings_all_history_to_one_scale(open_, lake):
    """July was landed before the split, September after it: nothing landed changes, and yet the prices make one series."""
    with open_("2020-08-03T12:00") as market:
        market.fetch(lake, "AAPL", "1d", "2020-07-01", "2020-08-01")
        assert [result.new for result in fetch(lake, market, "AAPL", start="2020-07-01")] == [0]
        july = lake.read_table(
            f"landing/source=yahoo/timeframe=1d/symbol=AAPL/{lake.files('landing/source=yahoo/timeframe=1d/symbol=AAPL')[0]}"
        )
        market.clock.sleep(60 * 86400)
        market.fetch(lake, "AAPL", "1d", "2020-08-01", "2020-10-01")
        # Asked for September only, the split of August is found, since July's bars are older.
        assert fetch(lake, market, "AAPL", start="2020-09-01") == [FetchedActions("AAPL", new=2)]
    assert FOUR in read_actions(lake, "AAPL")
    rows = read_landed(lake, "yahoo", "1d", "AAPL", day("2020-07-01"), day("2020-10-01")).rows.sort_by("timestamp")
    assert rows["close"].to_pylist()[:22] == july["close"].to_pylist()
    stamps, as_of = (rows[name].cast("int64").to_numpy() for name in ("timestamp", "as_of"))
    ratios = split_ratios(read_splits(lake)["AAPL"], stamps, as_of, np.array(rows["adjustment"].to_pylist(), object))
    closes = rows["close"].to_numpy()
    assert np.abs(np.diff(np.log(closes))).max() > 1
    assert np.abs(np.diff(np.log(closes / ratios))).max() < 0.12


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (Fault("garbage", "chart/AAPL"), "transient"),
        (Fault("status", "chart/AAPL", status=429), "rate_limited"),
        (Fault("empty", "chart/AAPL"), "transient"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
def test_a_fault_stores_nothing_and_a_rerun_everything(open_, lake, fault, state):
    with open_("2021-03-01T23:00") as market:
        market.yahoo.faults.add(fault)
        results = fetch(lake, market, "AAPL", "MSFT")
        assert results[0].state == state
        # After 429 nobody else is asked for either.
        assert len(results) == (1 if state == "rate_limited" else 2)
        assert read_actions(lake, "AAPL") == []
        market.clock.sleep(61)
        assert fetch(lake, market, "AAPL")[0].new == 3


def test_a_chart_without_bars_does_not_mean_no_actions(open_, lake, rows):
    with open_("2021-03-01T23:00") as market:
        market.yahoo.replace("AAPL", "1d", [row for row in rows if row[0].year == 2015])
        assert fetch(lake, market, "AAPL")[0].state == "transient"
