"""Twins by hand, on luck, and on a strategy that knows the next bar."""

import numpy as np
import pandas as pd
import pytest

from include.errors import ModelError
from ml.validation.random_twins import random_twins

COST = 0.001


def walk(steps: int, seed: int) -> np.ndarray:
    return 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, steps)))


def trades_at(prices: np.ndarray, entered: np.ndarray, held: np.ndarray, side: np.ndarray | int = 1, symbol: str = "A") -> pd.DataFrame:
    gross = side * (prices[entered + held] / prices[entered] - 1)
    return pd.DataFrame({"symbol": symbol, "side": side, "size": 0.5, "bars_held": held, "gross_return": gross, "net_return": gross - COST})


def test_by_hand() -> None:
    """Five rising prices and one trade of three bars: it can begin at the first or the second bar only."""
    prices = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    found = random_twins(trades_at(prices, np.array([1]), np.array([3])), {"A": prices}, count=50, seed=1)
    assert found.own == pytest.approx(0.5 * (7 - COST))
    np.testing.assert_allclose(found.twins, 0.5 * (7 - COST))
    assert found.p_value == 1.0
    assert not found.has_edge


def test_costs_and_side_are_kept() -> None:
    prices = np.full(50, 10.0)
    short = trades_at(prices, np.array([3, 9]), np.array([2, 4]), side=-1)
    np.testing.assert_allclose(random_twins(short, {"A": prices}, seed=1).twins, -COST)
    rising = 1.01 ** np.arange(50)
    found = random_twins(trades_at(rising, np.array([3]), np.array([2]), side=-1), {"A": rising}, seed=1)
    np.testing.assert_allclose(found.twins, 0.5 * (-(1.01**2 - 1) - COST))


def test_twins_do_not_overlap_and_reach_every_bar() -> None:
    """With prices 2 ** bar the gross return tells the length, so trades that fill the time must stand one behind the other."""
    prices = np.arange(1.0, 12.0)
    trades = trades_at(prices, np.array([0, 4]), np.array([4, 6]))
    found = random_twins(trades, {"A": prices}, count=400, seed=2).twins
    either = {0.5 * (4 / 1 + 6 / 5 - 2 * COST), 0.5 * (6 / 1 + 4 / 7 - 2 * COST)}
    assert {round(value, 9) for value in found} == {round(value, 9) for value in either}


def test_luck_has_p_values_of_every_size() -> None:
    chance, values = np.random.default_rng(3), []
    for place in range(200):
        prices = walk(400, place)
        entered = np.arange(5, 385, 20) + chance.integers(0, 10, 19)
        values.append(random_twins(trades_at(prices, entered, np.full(19, 5)), {"A": prices}, count=99, seed=place).p_value)
    assert 0.45 < np.mean(values) < 0.55
    assert 0.01 <= np.mean(np.array(values) <= 0.05) <= 0.1


def test_foresight_is_found_in_several_symbols() -> None:
    parts, opens = [], {}
    for symbol, seed in (("A", 5), ("B", 6)):
        prices = walk(600, seed)
        up = np.flatnonzero(prices[1:-1] > prices[:-2])[::8]
        parts.append(trades_at(prices, up, np.ones(len(up), dtype=int), symbol=symbol))
        opens[symbol] = prices
    found = random_twins(pd.concat(parts), opens, seed=7)
    assert found.p_value == pytest.approx(1 / 201)
    assert found.has_edge
    assert random_twins(pd.concat(parts), opens, seed=7).twins.tolist() == found.twins.tolist()


def test_several_at_once_are_placed_freely() -> None:
    prices = walk(30, 8)
    trades = trades_at(prices, np.arange(10), np.full(10, 10))
    assert len(np.unique(random_twins(trades, {"A": prices}, seed=9).twins)) > 100


def test_what_has_no_twins_is_refused() -> None:
    prices = walk(30, 8)
    trades = trades_at(prices, np.array([2]), np.array([20]))
    with pytest.raises(ModelError, match="without trades"):
        random_twins(trades.iloc[:0], {"A": prices}, seed=1)
    with pytest.raises(ModelError, match="A has 0 bars"):
        random_twins(trades, {"B": prices}, seed=1)
    with pytest.raises(ModelError, match="A has 20 bars"):
        random_twins(trades, {"A": prices[:20]}, seed=1)
