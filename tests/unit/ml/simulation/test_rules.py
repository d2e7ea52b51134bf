"""The rules: none sees the future, each says what its source says, and their ids tell them apart."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from include.errors import ConfigurationError
from ml.simulation import indicators as of
from ml.simulation.rules import RULES, strategies
from tests.unit.ml.simulation.bars import bars_of, walk

ALL = list(strategies())


def first(bars, count):
    return replace(
        bars, **{field.name: getattr(bars, field.name)[:count] for field in fields(bars) if field.name not in ("symbol", "timeframe")}
    )


def test_there_are_fifteen_rules_in_fifty_forms():
    assert (len(RULES), len(ALL)) == (15, 50)
    assert len({one.strategy_id for one in ALL}) == 50
    assert all(json.loads(one.parameters)["hold"] == one.bracket.hold for one in ALL)


@pytest.mark.parametrize("strategy", ALL, ids=lambda one: one.strategy_id)
def test_a_rule_sees_no_future_and_decides_on_both_sides(strategy):
    bars = walk(4000, 11)
    sides, is_oos = strategy.decide(bars)
    assert {*np.unique(sides)} == {-1, 0, 1} or strategy.rule.rule_id in {"momentum", "reversal"}
    assert min((sides > 0).sum(), (sides < 0).sum()) >= 3
    assert is_oos.all()
    for cut in (300, 777, 1499):
        assert np.array_equal(strategy.decide(first(bars, cut))[0], sides[:cut])


@pytest.mark.parametrize("strategy", ALL, ids=lambda one: one.strategy_id)
def test_a_rule_says_nothing_of_too_few_bars_and_the_contrary_of_the_mirror(strategy):
    assert not strategy.decide(walk(1, 3))[0].any()
    bars = walk(1500, 12, step=0.002)
    up = replace(bars, open=200 - bars.open, high=200 - bars.low, low=200 - bars.high, close=200 - bars.close)
    if strategy.rule.rule_id not in {"momentum", "reversal", "moving_average_band"}:  # these work in percent
        assert np.mean(strategy.decide(up)[0] == -strategy.decide(bars)[0]) > 0.995


def test_some_by_hand():
    closes = [10.0] * 5 + [11, 12, 13, 9, 8, 7, 7]
    bars = bars_of(*[(close, close + 0.1, close - 0.1, close) for close in closes])
    breakout = RULES["channel_breakout"].signal(bars, 3)
    assert breakout.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, -1, -1, -1, 0]
    cross = RULES["moving_average_cross"].signal(bars, 1, 3)
    assert cross.tolist() == [0, 0, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0]
    assert np.sign(np.nan_to_num(RULES["reversal"].signal(bars, 1))).tolist() == [0, 0, 0, 0, 0, -1, -1, -1, 1, 1, 1, 0]


def test_an_unknown_rule_is_named():
    with pytest.raises(ConfigurationError, match="rules crystal_ball are unknown; use some of moving_average_cross"):
        list(strategies(["momentum", "crystal_ball"]))
    assert [one.values for one in strategies(["momentum", "momentum"])] == [(20,), (60,), (120,), (250,)]


def test_indicators_are_those_of_talib():
    talib = pytest.importorskip("talib")
    bars = walk(900, 4)
    close, tail = bars.close, slice(700, None)  # Wilder's means begin differently; by then nobody sees it
    plus, minus, strength = of.directional(bars, 14)
    pairs = {
        "sma": (of.mean(close, 20), talib.SMA(close, 20)),
        "ema": (of.ema(close, 20), talib.EMA(close, 20)),
        "deviation": (of.deviation(close, 20), talib.STDDEV(close, 20)),
        "rsi": (of.rsi(close, 14), talib.RSI(close, 14)),
        "adx": (strength, talib.ADX(bars.high, bars.low, close, 14)),
        "plus": (plus, talib.PLUS_DI(bars.high, bars.low, close, 14)),
        "minus": (minus, talib.MINUS_DI(bars.high, bars.low, close, 14)),
        "atr": (bars.average_range, talib.ATR(bars.high, bars.low, close, 14)),
        "cci": (of.commodity_channel(bars, 20), talib.CCI(bars.high, bars.low, close, 20)),
        "stochastic": (of.stochastic(bars, 14), talib.STOCHF(bars.high, bars.low, close, 14, 1)[0]),
        "highest": (of.highest(bars.high, 20), talib.MAX(bars.high, 20)),
    }
    for name, (ours, theirs) in pairs.items():
        assert np.allclose(ours[tail], theirs[tail], rtol=1e-6), name
