"""What a trade earns: its costs by the cost model, its size, and the equity bar by bar.

All are fractions of the notional at entry, with ``ratio`` = exit price / entry price:

- ``gross_return = side * (ratio - 1)``
- ``fees = fee * (1 + ratio)``: on what is bought and on what is sold;
- ``spread_cost = half_spread * (1 + ratio)`` and ``slippage = (slippage + volatility_share * average range / entry price) * (1 + ratio)``,
  where the exit counts (``ratio``) only for market orders: a take-profit is a limit order, and pays neither;
- ``net_return = gross_return - fees - spread_cost - slippage``.

The size risks the same share of the equity with each trade, ``risk``, if its stop is filled at the stop, up to ``most`` of the equity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from include.costs import Costs
from ml.simulation.bars import Bars, Series
from ml.simulation.fills import TAKE_PROFIT, Fills, Places, Sides


@dataclass(frozen=True)
class Sizing:
    """Fixed fractional sizing: ``size = min(most, risk / (distance of the stop / entry price))``, in fractions of the equity."""

    risk: float = 0.01
    most: float = 1.0


@dataclass(frozen=True)
class Account:
    """One element a trade; fractions of the notional at entry, ``size`` of the equity. ``cost_in`` is what the entry alone cost."""

    size: Series
    gross_return: Series
    fees: Series
    spread_cost: Series
    slippage: Series
    net_return: Series
    cost_in: Series


def account(bars: Bars, fills: Fills, costs: Costs, sizing: Sizing) -> Account:
    """Charge and size each trade."""
    ratio = fills.exit_price / fills.entry_price
    out = np.where(fills.reason == TAKE_PROFIT, 0.0, ratio)
    slip = costs.slippage + costs.volatility_share * bars.average_range[fills.decided] / fills.entry_price
    gross = fills.side * (ratio - 1)
    fees, spread, slippage = costs.fee * (1 + ratio), costs.half_spread * (1 + out), slip * (1 + out)
    risked = np.abs(fills.entry_price - fills.stop) / fills.entry_price
    size = np.minimum(sizing.most, sizing.risk / risked)
    net = gross - fees - spread - slippage
    return Account(size, gross, fees, spread, slippage, net, costs.fee + costs.half_spread + slip)


def bar_returns(bars: Bars, fills: Fills, booked: Account) -> Series:
    """Return of the equity over each bar, a fraction: open positions at their closes, costs when they arise, 0 without a position.

    The product of ``1 + return`` over the bars of a trade is ``1 + size * net_return``.
    """
    returns: Series = _mark(
        bars.close, fills.entered, fills.exited, fills.side, fills.entry_price, booked.size, booked.net_return, booked.cost_in
    )
    return returns


@njit("float64[::1](float64[::1], int64[::1], int64[::1], int8[::1], float64[::1], float64[::1], float64[::1], float64[::1])", cache=True)  # type: ignore[misc]
def _mark(
    closes: Series, entered: Places, exited: Places, sides: Sides, entries: Series, sizes: Series, nets: Series, costs: Series
) -> Series:
    returns = np.zeros(closes.size)
    for trade in range(entered.size):
        before = 1.0
        for bar in range(entered[trade], exited[trade] + 1):
            gain = sides[trade] * (closes[bar] / entries[trade] - 1) - costs[trade] if bar < exited[trade] else nets[trade]
            worth = 1 + sizes[trade] * gain
            returns[bar] = worth / before - 1
            before = worth
    return returns
