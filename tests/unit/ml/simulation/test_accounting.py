"""Costs, sizes and equity: by hand, and beside the reference."""

from __future__ import annotations

import numpy as np
import pytest

from include.costs import Costs
from ml.simulation.accounting import Sizing, account, bar_returns
from ml.simulation.fills import Bracket, fill
from tests.unit.ml.simulation.bars import bars_of, walk
from tests.unit.ml.simulation.reference import final_equity, net_return, simulate

FREE = Costs(fee=0, half_spread=0, slippage=0, volatility_share=0)
BRACKET = Bracket(2, 1, 3)
SIZING = Sizing()


def one_trade(*bars, costs=FREE, sizing=SIZING, side=1):
    made = bars_of((100, 100, 100, 100), *bars, width=1)
    fills = fill(made, np.array([side] + [0] * len(bars)), BRACKET)
    booked = account(made, fills, costs, sizing)
    return {name: float(value[0]) for name, value in vars(booked).items()}, bar_returns(made, fills, booked)


WON = (100, 102, 99.5, 101)
LOST = (100, 100.5, 98, 99)


def test_costs_of_nothing_leave_the_gross_return():
    for bar, gross in ((WON, 0.02), (LOST, -0.01)):
        booked, _ = one_trade(bar)
        assert booked["net_return"] == booked["gross_return"] == pytest.approx(gross)
    assert one_trade(LOST, side=-1)[0]["net_return"] == pytest.approx(0.02)


def test_one_percent_a_side_by_hand():
    one = Costs(fee=0.01, half_spread=0, slippage=0, volatility_share=0)
    assert one_trade(WON, costs=one)[0]["net_return"] == pytest.approx(0.02 - 0.01 - 0.0102)
    assert one_trade(LOST, costs=one)[0]["net_return"] == pytest.approx(-0.01 - 0.01 - 0.0099)


def test_a_take_profit_pays_neither_spread_nor_slippage_at_its_exit():
    costs = Costs(fee=0.001, half_spread=0.002, slippage=0.003, volatility_share=0.1)
    won, lost = one_trade(WON, costs=costs)[0], one_trade(LOST, costs=costs)[0]
    assert won["fees"] == pytest.approx(0.001 * 2.02)
    assert won["spread_cost"] == pytest.approx(0.002)
    assert won["slippage"] == pytest.approx(0.003 + 0.1 * 0.01)
    assert lost["spread_cost"] == pytest.approx(0.002 * 1.99)
    assert lost["slippage"] == pytest.approx((0.003 + 0.1 * 0.01) * 1.99)
    for booked in (won, lost):
        parts = booked["fees"] + booked["spread_cost"] + booked["slippage"]
        assert booked["net_return"] == pytest.approx(booked["gross_return"] - parts)


def test_the_size_risks_the_same_share_with_each_trade():
    assert one_trade(LOST, sizing=Sizing(risk=0.004, most=1))[0]["size"] == pytest.approx(0.4)  # the stop is 1 % away
    _, returns = one_trade(LOST, sizing=Sizing(risk=0.004, most=1))
    assert np.prod(1 + returns) - 1 == pytest.approx(-0.004)
    assert one_trade(LOST, sizing=Sizing(risk=0.05, most=1))[0]["size"] == 1


def test_open_positions_are_marked_at_their_closes():
    _, returns = one_trade((100, 101, 99.5, 100.5), (100.5, 101, 99.5, 99.8), (99.8, 102, 99.5, 101), sizing=Sizing(risk=1, most=1))
    assert np.allclose(np.cumprod(1 + returns), [1, 1.005, 0.998, 1.02])


def test_costs_of_zero_and_of_one_percent_bracket_every_cost_between():
    made, sides = walk(2000, 8), np.random.default_rng(1).integers(-1, 2, 2000)
    fills = fill(made, sides, BRACKET)
    totals = []
    for fee in (0.0, 0.0005, 0.002, 0.01):
        booked = account(made, fills, Costs(fee=fee, half_spread=0, slippage=0, volatility_share=0), Sizing())
        totals.append(booked.net_return.sum())
        ratio = fills.exit_price / fills.entry_price
        assert totals[-1] == pytest.approx(totals[0] - fee * (1 + ratio).sum())
    assert totals == sorted(totals, reverse=True)


@pytest.mark.parametrize("seed", range(4))
def test_as_the_reference(seed):
    made, sides = walk(800, seed), np.random.default_rng(seed).integers(-1, 2, 800)
    costs = Costs(fee=0.001, half_spread=0.0003, slippage=0.0002, volatility_share=0.05)
    sizing = Sizing(risk=0.02, most=0.8)
    fills = fill(made, sides, BRACKET)
    booked = account(made, fills, costs, sizing)
    expected = simulate(
        list(zip(made.open, made.high, made.low, made.close, strict=True)), sides.tolist(), made.average_range.tolist(), BRACKET
    )
    assert len(expected) > 50
    nets = [net_return(trade, costs, made.average_range[trade.decided]) for trade in expected]
    assert np.allclose(booked.net_return, nets)
    risked = [made.average_range[trade.decided] * BRACKET.stop / trade.entry for trade in expected]
    assert np.prod(1 + bar_returns(made, fills, booked)) == pytest.approx(final_equity(nets, risked, 0.02, 0.8))
