"""Twins by hand, on luck, and on a strategy that knows the next bar."""

import numpy as np
import pandas as pd
import pytest

from include.errors import ModelError
from ml.validation.random_twins import Market, Twins, twin_returns

COST = 0.001


def market(prices: np.ndarray) -> Market:
    return Market(pd.date_range("2020-01-01", periods=len(prices), tz="UTC"), prices, np.arange(len(prices)))


def walk(steps: int, seed: int) -> np.ndarray:
    return 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, steps)))


def trades_at(prices: np.ndarray, entered: np.ndarray, held: np.ndarray, side: np.ndarray | int = 1, symbol: str = "A") -> pd.DataFrame:
    gross = side * (prices[entered + held] / prices[entered] - 1)
    about = {"symbol": symbol, "side": side, "size": 0.5, "entered_at": market(prices).opened_at[entered], "bars_held": held}
    return pd.DataFrame({**about, "gross_return": gross, "net_return": gross - COST})


def among(trades: pd.DataFrame, markets: dict[str, Market], *, count: int = 200, seed: int) -> Twins:
    periods = max(len(one.open) for one in markets.values())
    own = float((trades["size"] * trades["net_return"]).sum())
    return Twins(own, twin_returns(trades, markets, periods, count=count, seed=seed).sum(axis=1), len(trades))


def test_by_hand() -> None:
    """Five prices and a trade of one bar: one or two bars later, for who enters nearly when the strategy does is no twin."""
    prices = np.array([1.0, 2.0, 6.0, 24.0, 120.0])
    found = twin_returns(trades_at(prices, np.array([0]), np.array([1])), {"A": market(prices)}, 5, count=200, seed=1)
    earned = {(place, round(0.5 * (ratio - 1 - COST), 9)) for place, ratio in ((1, 3.0), (2, 4.0))}
    places = np.abs(found).argmax(axis=1)
    assert {(place, round(row[place], 9)) for place, row in zip(places.tolist(), found, strict=True)} == earned
    assert (np.count_nonzero(found, axis=1) == 1).all()


def test_what_reaches_beyond_the_last_bar_goes_on_at_the_first() -> None:
    prices = np.array([1.0, 2.0, 6.0, 24.0, 120.0])
    found = twin_returns(trades_at(prices, np.array([2]), np.array([2])), {"A": market(prices)}, 5, count=200, seed=1)
    assert round(0.5 * (5 * 2 - 1 - COST), 9) in {round(value, 9) for value in found.sum(axis=1)}


def test_costs_and_side_are_kept() -> None:
    prices = np.full(50, 10.0)
    short = trades_at(prices, np.array([3, 9]), np.array([2, 4]), side=-1)
    np.testing.assert_allclose(among(short, {"A": market(prices)}, seed=1).twins, -COST)
    rising = 1.01 ** np.arange(50)
    found = among(trades_at(rising, np.array([3]), np.array([2]), side=-1), {"A": market(rising)}, seed=1)
    np.testing.assert_allclose(found.twins, 0.5 * (-(1.01**2 - 1) - COST))


def test_the_strategy_counts_as_one_of_its_twins() -> None:
    twins = Twins(0.2, np.array([0.1, 0.2, 0.3]), 1)
    assert (twins.as_good, twins.p_value, twins.has_edge) == (2, 0.75, False)
    assert Twins(1.0, np.zeros(99), 1).p_value == pytest.approx(0.01)


@pytest.mark.parametrize("symbols", [1, 4])
def test_luck_has_p_values_of_every_size(symbols: int) -> None:
    """Also where several symbols move as one: they are one witness, not four."""
    chance, values = np.random.default_rng(3), []
    for place in range(200):
        prices = walk(400, place)
        entered, side = np.arange(5, 385, 20) + chance.integers(0, 10, 19), chance.choice([-1, 1], 19)
        trades = pd.concat([trades_at(prices, entered, np.full(19, 5), side, symbol=str(one)) for one in range(symbols)])
        values.append(among(trades, {str(one): market(prices) for one in range(symbols)}, count=99, seed=place).p_value)
    assert 0.45 < np.mean(values) < 0.55
    assert 0.01 <= np.mean(np.array(values) <= 0.05) <= 0.1


def test_foresight_is_found_in_several_symbols() -> None:
    parts, markets = [], {}
    for symbol, seed in (("A", 5), ("B", 6)):
        prices = walk(600, seed)
        up = np.flatnonzero(prices[1:-1] > prices[:-2])[::8]
        parts.append(trades_at(prices, up, np.ones(len(up), dtype=int), symbol=symbol))
        markets[symbol] = market(prices)
    found = among(pd.concat(parts), markets, seed=7)
    assert found.p_value == pytest.approx(1 / 201)
    assert found.has_edge
    assert among(pd.concat(parts), markets, seed=7).twins.tolist() == found.twins.tolist()


def test_what_has_no_twins_is_refused() -> None:
    prices = walk(30, 8)
    trades = trades_at(prices, np.array([2]), np.array([20]))
    with pytest.raises(ModelError, match="without trades"):
        twin_returns(trades.iloc[:0], {"A": market(prices)}, 30, seed=1)
    with pytest.raises(ModelError, match="A has 0 bars"):
        twin_returns(trades, {"B": market(prices)}, 30, seed=1)
    with pytest.raises(ModelError, match="A has 20 bars"):
        twin_returns(trades, {"A": market(prices[:20])}, 30, seed=1)
