"""Windows: which there are, what belongs to each, and when it was known."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from include.costs import Costs
from ml.simulation.accounting import Sizing, account
from ml.simulation.fills import Bracket, fill
from ml.simulation.windows import WARM_UP, bars_a_year, window_results, windows
from tests.unit.ml.simulation.bars import walk

LONG_AGO = pd.Timestamp("2000-01-01", tz="UTC")
BRACKET = Bracket(3, 3, 5)
FREE = Costs(fee=0, half_spread=0, slippage=0, volatility_share=0)


def results(bars, sides, hold=5):
    fills = fill(bars, sides, replace(BRACKET, hold=hold))
    booked = account(bars, fills, FREE, Sizing(risk=10, most=1))
    return fills, booked, pd.DataFrame(window_results(bars, fills, booked, windows(bars, hold, LONG_AGO), 365))


@pytest.mark.parametrize(
    ("timeframe", "count", "expected"),
    [
        # 250 days from 1 January end in September; the last quarter is left out, since no bar follows it.
        ("1d", 730, ["2018-10-01", "2019-01-01", "2019-04-01", "2019-07-01"]),
        ("1h", 24 * 120, ["2018-02-01", "2018-03-01"]),
        ("5m", 288 * 31, ["2018-01-08", "2018-01-15", "2018-01-22"]),
    ],
)
def test_the_windows_of_a_timeframe(timeframe, count, expected):
    found = windows(walk(count, 1, timeframe=timeframe), 5, LONG_AGO)
    assert [f"{window.start:%Y-%m-%d}" for window in found] == expected
    assert all(window.first >= WARM_UP for window in found)
    assert all(one.end == other.start and one.after == other.first for one, other in pairwise(found))


def test_windows_begin_where_one_asks_and_are_over_when_every_trade_can_have_ended():
    bars = walk(730, 1)
    assert len(windows(bars, 5, pd.Timestamp("2019-02-01", tz="UTC"))) == 2
    assert len(windows(bars, 91, LONG_AGO)) == 4
    assert len(windows(bars, 93, LONG_AGO)) == 3  # 92 days follow the third quarter
    assert windows(walk(WARM_UP, 1), 5, LONG_AGO) == []


def test_trades_belong_to_the_window_of_their_entry():
    bars, sides = walk(730, 2), np.random.default_rng(2).integers(-1, 2, 730)
    fills, booked, table = results(bars, sides)
    entered = bars.timestamp[fills.entered]
    for row in table.itertuples():
        inside = (entered >= row.window_start) & (entered < row.window_end)
        assert row.total_bets == inside.sum()
        assert row.roi == pytest.approx(np.prod(1 + (booked.size * booked.net_return)[inside]) - 1)
        assert row.win_rate == pytest.approx((booked.net_return[inside] > 0).mean())
        last = max(bars.closed_at[fills.exited[inside]].max(), bars.closed_at[bars.timestamp < row.window_end].max())
        assert row.known_at == last
    assert (table["known_at"] > table["window_end"]).any()
    assert table["total_bets"].sum() < len(fills)


def test_a_window_without_a_trade_has_no_ratios():
    sides = np.zeros(730)
    sides[300] = 1  # one trade at the end of October 2018
    _, _, table = results(walk(730, 3), sides)
    assert table["total_bets"].tolist() == [1, 0, 0, 0]
    empty = table.iloc[1]
    assert (empty["roi"], empty["max_drawdown"]) == (0, 0)
    assert empty[["sharpe_ratio", "win_rate", "profit_factor", "composite_score"]].isna().all()
    assert np.isfinite(table.iloc[0][["sharpe_ratio", "composite_score"]].astype(float)).all()


def test_bars_a_year():
    assert (bars_a_year("1d", "XNYS"), bars_a_year("1d", "24/7")) == (252, 365)
    assert (bars_a_year("5m", "24/7"), bars_a_year("1h", "XNYS")) == (365 * 288, 252 * 6.5)
