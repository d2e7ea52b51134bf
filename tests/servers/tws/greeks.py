"""Black-Scholes without interest and dividends, in the units of TWS: theta per day, vega per volatility point."""

from __future__ import annotations

import math
from dataclasses import dataclass

_DAYS = 365.0
_LOWEST, _HIGHEST = 1e-4, 20.0


@dataclass(frozen=True)
class Greeks:
    """One option computation; ``implied_volatility`` is a yearly fraction."""

    implied_volatility: float
    delta: float
    price: float
    gamma: float
    vega: float
    theta: float
    underlying: float


def option_price(right: str, spot: float, strike: float, years: float, volatility: float) -> float:
    """Value of a European option."""
    first, second = _arguments(spot, strike, years, volatility)
    call = spot * _cumulative(first) - strike * _cumulative(second)
    return call if right == "C" else call - spot + strike


def option_greeks(right: str, spot: float, strike: float, years: float, volatility: float) -> Greeks:
    """Value and sensitivities of a European option."""
    first, _ = _arguments(spot, strike, years, volatility)
    density = math.exp(-first * first / 2) / math.sqrt(2 * math.pi)
    return Greeks(
        implied_volatility=volatility,
        delta=_cumulative(first) - (0.0 if right == "C" else 1.0),
        price=option_price(right, spot, strike, years, volatility),
        gamma=density / (spot * volatility * math.sqrt(years)),
        vega=spot * density * math.sqrt(years) / 100,
        theta=-spot * density * volatility / (2 * math.sqrt(years)) / _DAYS,
        underlying=spot,
    )


def implied_volatility(right: str, spot: float, strike: float, years: float, price: float) -> float | None:
    """Volatility at which the option is worth ``price``, by bisection; None where no volatility gives it."""
    low, high = _LOWEST, _HIGHEST
    if not option_price(right, spot, strike, years, low) < price < option_price(right, spot, strike, years, high):
        return None
    for _ in range(60):
        middle = (low + high) / 2
        if option_price(right, spot, strike, years, middle) < price:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _arguments(spot: float, strike: float, years: float, volatility: float) -> tuple[float, float]:
    spread = volatility * math.sqrt(years)
    first = math.log(spot / strike) / spread + spread / 2
    return first, first - spread


def _cumulative(value: float) -> float:
    return (1 + math.erf(value / math.sqrt(2))) / 2
