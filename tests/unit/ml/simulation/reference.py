"""A second simulator, written from the rules of the docs alone: plain Python, one trade and one bar at a time."""

from __future__ import annotations

from dataclasses import dataclass

from include.costs import Costs


@dataclass
class Trade:
    decided: int
    entered: int
    exited: int
    side: int
    entry: float
    exit: float
    reason: str
    ambiguous: bool
    adverse: float
    favourable: float


def simulate(bars: list[tuple[float, float, float, float]], sides: list[int], ranges: list[float], bracket) -> list[Trade]:
    trades, place = [], 0
    while place < len(bars) - 1:
        width = ranges[place]
        entry = bars[place + 1][0]
        if sides[place] == 0 or not width > 0:
            place += 1
            continue
        trade = long_trade(bars, place, entry, width, bracket) if sides[place] > 0 else short_trade(bars, place, entry, width, bracket)
        if trade is None:
            place += 1
            continue
        trades.append(trade)
        place = trade.exited
    return trades


def long_trade(bars, place, entry, width, bracket):
    target, stop = entry + bracket.take_profit * width, entry - bracket.stop * width
    if stop <= 0:
        return None
    seen_low, seen_high = [entry], [entry]
    for number, (opened, high, low, close) in enumerate(bars[place + 1 :], start=1):
        if opened <= stop:
            price, reason, twofold, lows, highs = opened, "stop", False, [opened], []
        elif opened >= target:
            price, reason, twofold, lows, highs = target, "take_profit", False, [], [target]
        elif low <= stop:
            price, reason, twofold, lows, highs = stop, "stop", high >= target, [stop], []
        elif high >= target:
            price, reason, twofold, lows, highs = target, "take_profit", False, [low], [target]
        elif number == bracket.hold:
            price, reason, twofold, lows, highs = close, "time_out", False, [low], [high]
        elif place + number == len(bars) - 1:
            price, reason, twofold, lows, highs = close, "end_of_bars", False, [low], [high]
        else:
            seen_low.append(low)
            seen_high.append(high)
            continue
        adverse, favourable = entry - min(seen_low + lows), max(seen_high + highs) - entry
        return Trade(place, place + 1, place + number, 1, entry, price, reason, twofold, adverse, favourable)
    raise AssertionError("every trade ends")


def short_trade(bars, place, entry, width, bracket):
    """A short trade is a long one in the mirror: prices negative, high and low exchanged."""
    if entry - bracket.take_profit * width <= 0:
        return None
    target, stop = -entry + bracket.take_profit * width, -entry - bracket.stop * width
    mirrored = [(-opened, -low, -high, -close) for opened, high, low, close in bars]
    assert target > -entry > stop
    shift = 1e6  # positive again
    moved = [tuple(price + shift for price in bar) for bar in mirrored]
    trade = long_trade(moved, place, shift - entry, width, bracket)
    trade.side, trade.entry, trade.exit = -1, entry, shift - trade.exit
    return trade


def net_return(trade: Trade, costs: Costs, width: float) -> float:
    """By money: buy and sell one share, pay each cost where it arises."""
    market_out = trade.reason != "take_profit"
    slip = costs.slippage + costs.volatility_share * width / trade.entry
    paid = trade.entry * (costs.fee + costs.half_spread + slip) + trade.exit * (costs.fee + (costs.half_spread + slip) * market_out)
    return (trade.side * (trade.exit - trade.entry) - paid) / trade.entry


def final_equity(nets: list[float], risked: list[float], risk: float, most: float) -> float:
    equity = 1.0
    for net, distance in zip(nets, risked, strict=True):
        equity += equity * min(most, risk / distance) * net
    return equity
