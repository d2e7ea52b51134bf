"""From decisions to trades: the event loop over the bars of one symbol.

A decision falls at a bar's close and is filled at the next bar's open. From then on each bar is an event, in this order:

1. It opens at or beyond the stop: the stop is filled at that open, which is worse than the stop.
2. It opens at or beyond the take-profit: filled at the take-profit, never better.
3. It reaches the stop: filled at the stop, also where it reaches the take-profit too, since nobody knows which came first. Such a
   trade is marked ambiguous.
4. It reaches the take-profit: filled there.
5. It is the last of ``hold`` bars: filled at its close (time-out). So is the last bar there is (end of bars).

One position at a time; the bar in which it ended may decide on the next one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.simulation.bars import Bars, Series

#: Exit reasons by the codes of the kernel.
REASONS = ("take_profit", "stop", "time_out", "end_of_bars")
TAKE_PROFIT, STOP, TIME_OUT, END_OF_BARS = range(4)

Sides = npt.NDArray[np.int8]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Bracket:
    """When to leave: at ``take_profit`` or ``stop``, both in average true ranges from the entry, or after ``hold`` bars."""

    take_profit: float
    stop: float
    hold: int


@dataclass(frozen=True)
class Fills:
    """Trades of one symbol, one element each, in order. Places are those of the bars; prices and excursions in price units."""

    decided: Places
    entered: Places
    exited: Places
    side: Sides
    entry_price: Series
    exit_price: Series
    take_profit: Series
    stop: Series
    reason: npt.NDArray[np.int8]
    ambiguous: npt.NDArray[np.bool_]
    adverse: Series
    favourable: Series

    def __len__(self) -> int:
        """Count the trades."""
        return len(self.side)


def fill(bars: Bars, sides: Sides, bracket: Bracket) -> Fills:
    """Trade on decisions.

    Parameters
    ----------
    sides
        A decision at each bar's close: 1 long, -1 short, 0 none. Where the average true range is not known yet, or a level
        would not be a positive price, there is no trade.
    """
    side = np.ascontiguousarray(sides, dtype=np.int8)
    places, prices, flags = _walk(
        bars.open, bars.high, bars.low, bars.close, side,
        bracket.take_profit * bars.average_range, bracket.stop * bars.average_range, bracket.hold,
    )  # fmt: skip
    decided, entered, exited = places
    entry, exit_, take, stop, adverse, favourable = prices
    reason, ambiguous = flags[0], flags[1].astype(np.bool_)
    return Fills(decided, entered, exited, side[decided], entry, exit_, take, stop, reason, ambiguous, adverse, favourable)


@njit("Tuple((float64, int64, int64))(int64, float64, float64, float64, float64, float64)", cache=True)  # type: ignore[misc]
def _level(side: int, opened: float, worst: float, best: float, take: float, stop: float) -> tuple[float, int, int]:
    """Price at which a bar reaches a level (NaN: none), the reason, and whether it held both and nobody knows which came first."""
    if side * (opened - stop) <= 0:
        return opened, STOP, 0
    if side * (opened - take) >= 0:
        return take, TAKE_PROFIT, 0
    if side * (worst - stop) <= 0:
        return stop, STOP, 1 if side * (best - take) >= 0 else 0
    if side * (best - take) >= 0:
        return take, TAKE_PROFIT, 0
    return np.nan, END_OF_BARS, 0


@njit(
    "Tuple((int64[:,::1], float64[:,::1], int8[:,::1]))"
    "(float64[::1], float64[::1], float64[::1], float64[::1], int8[::1], float64[::1], float64[::1], int64)",
    cache=True,
)  # type: ignore[misc]
def _walk(
    opens: Series, highs: Series, lows: Series, closes: Series, sides: Sides, takes: Series, stops: Series, hold: int
) -> tuple[Places, Series, npt.NDArray[np.int8]]:
    bars = closes.size
    places = np.empty((3, bars), np.int64)
    prices = np.empty((6, bars), np.float64)
    flags = np.empty((2, bars), np.int8)
    count, decided = 0, 0
    while decided < bars - 1:
        side = sides[decided]
        entry = opens[decided + 1]
        take, stop = entry + side * takes[decided], entry - side * stops[decided]
        if side == 0 or not (takes[decided] > 0 and stops[decided] > 0 and take > 0 and stop > 0):
            decided += 1
            continue
        adverse, favourable, bar = 0.0, 0.0, decided
        price = np.nan
        while np.isnan(price):
            bar += 1
            worst, best = (lows[bar], highs[bar]) if side > 0 else (highs[bar], lows[bar])
            price, reason, ambiguous = _level(side, opens[bar], worst, best, take, stop)
            if np.isnan(price) and bar - decided >= hold:
                price, reason = closes[bar], TIME_OUT
            elif np.isnan(price) and bar == bars - 1:
                price = closes[bar]
            # Of the bar of a stop only the fill counts, since what else it did may have come after. A take-profit may have come
            # last in its bar, so the worst of that bar counts, unless the bar opened beyond it.
            if reason == STOP:
                worst, best = price, price
            elif reason == TAKE_PROFIT:
                worst, best = (opens[bar] if side * (opens[bar] - take) >= 0 else worst), price
            adverse, favourable = max(adverse, side * (entry - worst)), max(favourable, side * (best - entry))
        places[0, count], places[1, count], places[2, count] = decided, decided + 1, bar
        prices[0, count], prices[1, count], prices[2, count], prices[3, count] = entry, price, take, stop
        prices[4, count], prices[5, count] = adverse, favourable
        flags[0, count], flags[1, count] = reason, ambiguous
        count += 1
        decided = bar
    return places[:, :count].copy(), prices[:, :count].copy(), flags[:, :count].copy()
