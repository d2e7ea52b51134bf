"""Fills: worked by hand, and beside the reference on what hypothesis can think of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.simulation.fills import REASONS, Bracket, fill
from tests.unit.ml.simulation.bars import bars_of, walk
from tests.unit.ml.simulation.reference import simulate

#: Levels 2 above and 1 below an entry at 100, three bars.
BRACKET = Bracket(take_profit=2, stop=1, hold=3)
START = (100, 100, 100, 100)
QUIET = (100, 100.5, 99.5, 100)


def outcome(*bars, side=1, bracket=BRACKET):
    made = bars_of(START, *bars, width=1)
    fills = fill(made, np.array([side] + [0] * len(bars)), bracket)
    assert len(fills) == 1
    return REASONS[fills.reason[0]], float(fills.exit_price[0]), int(fills.exited[0]), bool(fills.ambiguous[0])


@pytest.mark.parametrize(
    ("bars", "expected"),
    [
        ([QUIET, (100, 102, 99.5, 101)], ("take_profit", 102, 2, False)),
        ([QUIET, (100, 101.9, 99, 101)], ("stop", 99, 2, False)),
        ([(100, 103, 98, 100)], ("stop", 99, 1, True)),  # both in one bar: the loss
        ([QUIET, (97, 103, 96, 103)], ("stop", 97, 2, False)),  # gap through the stop: at the open
        ([QUIET, (104, 105, 98, 99)], ("take_profit", 102, 2, False)),  # gap through the take-profit: never better than asked for
        ([QUIET, QUIET, (100, 101, 99.5, 100.7), QUIET], ("time_out", 100.7, 3, False)),
        ([QUIET, (100, 101, 99.5, 100.2)], ("end_of_bars", 100.2, 2, False)),
        ([QUIET, QUIET, (100, 102, 99.5, 100.7)], ("take_profit", 102, 3, False)),  # the level comes before the time-out
    ],
)
def test_a_long_trade(bars, expected):
    assert outcome(*bars) == expected


@pytest.mark.parametrize(
    ("bars", "expected"),
    [
        ([QUIET, (100, 100.5, 98, 99)], ("take_profit", 98, 2, False)),
        ([QUIET, (100, 101, 98.1, 99)], ("stop", 101, 2, False)),
        ([(100, 103, 97, 100)], ("stop", 101, 1, True)),
        ([QUIET, (103, 104, 97, 97)], ("stop", 103, 2, False)),
        ([QUIET, (96, 102, 95, 101)], ("take_profit", 98, 2, False)),
    ],
)
def test_a_short_trade(bars, expected):
    assert outcome(*bars, side=-1) == expected


def test_a_decision_is_filled_at_the_next_open_and_the_bar_of_an_exit_may_decide_again():
    made = bars_of(START, (101, 101, 100.5, 101), (101, 104, 101, 103), (103.5, 103.6, 103.4, 103.5), (103.5, 103.6, 103.4, 103.5), width=1)
    fills = fill(made, np.array([1, -1, -1, 0, 0]), Bracket(2, 1, 2))
    assert fills.entered.tolist() == [1, 3]  # the decision of bar 1 falls while the first trade is open
    assert fills.entry_price.tolist() == [101, 103.5]
    assert fills.side.tolist() == [1, -1]
    assert fills.decided.tolist() == [0, 2]
    assert fills.exited.tolist() == [2, 4]


def test_the_last_bar_decides_nothing_and_an_unknown_range_neither():
    made = walk(40, 1)
    assert len(fill(made, np.ones(40), BRACKET)) > 0
    assert fill(made, np.ones(40), BRACKET).decided.min() == 13  # Wilder's range of 14 bars
    only_last = np.zeros(40)
    only_last[-1] = 1
    assert len(fill(made, only_last, BRACKET)) == 0


def test_a_level_below_zero_is_no_trade():
    made = bars_of(START, QUIET, QUIET, width=150)
    assert len(fill(made, np.array([1, 0, 0]), BRACKET)) == 0
    assert len(fill(made, np.array([-1, 0, 0]), BRACKET)) == 0


def test_excursions_count_what_was_reached_while_the_position_was_open():
    made = bars_of(START, (100, 101.5, 99.4, 101), (101, 101.2, 98, 98.5), width=1)
    fills = fill(made, np.array([1, 0, 0]), BRACKET)
    assert (fills.adverse[0], fills.favourable[0]) == (1.0, 1.5)  # the stop, not the low below it; the high of the bar before
    made = bars_of(START, (100, 100.5, 99.4, 100), (100, 103, 99.2, 103), width=1)
    fills = fill(made, np.array([1, 0, 0]), BRACKET)
    assert np.allclose((fills.adverse[0], fills.favourable[0]), (0.8, 2.0))  # the take-profit, not the high above it


PRICES = st.integers(1, 40)


@st.composite
def markets(draw):
    """Bars on a coarse grid, so that levels are hit exactly, with gaps; sides; ranges, some unknown."""
    count = draw(st.integers(2, 25))
    bars = []
    for _ in range(count):
        opened, close, other, another = (draw(PRICES) / 2 + 20 for _ in range(4))
        bars.append((opened, max(opened, close, other, another), min(opened, close, other, another), close))
    sides = draw(st.lists(st.sampled_from([-1, 0, 1]), min_size=count, max_size=count))
    ranges = draw(st.lists(st.sampled_from([0.5, 1.0, 2.5, float("nan"), 0.0, 15.0]), min_size=count, max_size=count))
    bracket = Bracket(draw(st.sampled_from([0.5, 1.0, 3.0])), draw(st.sampled_from([0.5, 1.0, 3.0])), draw(st.integers(1, 6)))
    return bars, sides, ranges, bracket


@settings(max_examples=400, deadline=None)
@given(markets())
def test_as_the_reference(market):
    from dataclasses import replace

    prices, sides, ranges, bracket = market
    made = replace(bars_of(*prices), average_range=np.array(ranges))
    fills = fill(made, np.array(sides), bracket)
    expected = simulate(prices, sides, ranges, bracket)
    assert fills.decided.tolist() == [trade.decided for trade in expected]
    assert fills.exited.tolist() == [trade.exited for trade in expected]
    assert fills.side.tolist() == [trade.side for trade in expected]
    assert [REASONS[code] for code in fills.reason] == [trade.reason for trade in expected]
    assert fills.ambiguous.tolist() == [trade.ambiguous for trade in expected]
    for ours, theirs in (("entry_price", "entry"), ("exit_price", "exit"), ("adverse", "adverse"), ("favourable", "favourable")):
        assert np.allclose(getattr(fills, ours), [getattr(trade, theirs) for trade in expected], atol=1e-8)


def test_nothing_later_changes_a_trade_that_has_ended():
    made, sides = walk(400, 3), np.random.default_rng(5).integers(-1, 2, 400)
    whole = fill(made, sides, BRACKET)
    for cut in (100, 250, 333):
        early = fill(_first(made, cut), sides[:cut], BRACKET)
        ended = early.reason != REASONS.index("end_of_bars")
        count = int(ended.sum())
        assert count > 10
        assert np.array_equal(early.exited[ended], whole.exited[:count])
        assert np.array_equal(early.exit_price[ended], whole.exit_price[:count])


def _first(bars, count):
    from dataclasses import fields, replace

    return replace(
        bars, **{field.name: getattr(bars, field.name)[:count] for field in fields(bars) if field.name not in ("symbol", "timeframe")}
    )
