"""Fifteen published trading rules, each with a few sets of parameters that were fixed before anything was simulated.

A rule says at each close which side to take: 1 long, -1 short, 0 neither. It looks at bars up to that close only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from include.errors import ConfigurationError
from ml.simulation import indicators as of
from ml.simulation.bars import Bars, Series
from ml.simulation.fills import Bracket, Sides

#: Let profits run, or take them soon: the two ways of leaving that the rules use, in average true ranges and bars.
FOLLOW = Bracket(take_profit=3.0, stop=1.5, hold=40)
FADE = Bracket(take_profit=1.5, stop=1.5, hold=10)

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Rule:
    """A rule: ``names`` of its parameters, ``grid`` of their values, and the function that takes bars and one set of values."""

    rule_id: str
    source: str
    names: tuple[str, ...]
    grid: tuple[Numbers, ...]
    bracket: Bracket
    signal: Callable[..., Series]


@dataclass(frozen=True)
class Strategy:
    """A rule with one set of parameters; ``strategy_id`` names both."""

    rule: Rule
    values: Numbers

    @property
    def strategy_id(self) -> str:
        """Rule and values, as ``moving_average_cross-10-50``."""
        return "-".join([self.rule.rule_id, *(f"{value:g}" for value in self.values)])

    @property
    def parameters(self) -> str:
        """Everything that could be set otherwise, as canonical JSON."""
        named = dict(zip(self.rule.names, self.values, strict=True))
        return json.dumps(named | asdict(self.rule.bracket), sort_keys=True)

    @property
    def bracket(self) -> Bracket:
        """When to leave."""
        return self.rule.bracket

    def decide(self, bars: Bars) -> tuple[Sides, npt.NDArray[np.bool_]]:
        """Side at each close, 0 where the rule does not know enough yet; all out of sample, since nothing was fitted."""
        with np.errstate(invalid="ignore"):
            signal = self.rule.signal(bars, *(int(value) if float(value).is_integer() else value for value in self.values))
        return np.sign(np.nan_to_num(signal)).astype(np.int8), np.ones(len(bars), dtype=np.bool_)


RULES: dict[str, Rule] = {}


def _rule(source: str, names: str, grid: Sequence[Numbers], bracket: Bracket) -> Callable[[Callable[..., Series]], Callable[..., Series]]:
    def register(signal: Callable[..., Series]) -> Callable[..., Series]:
        rule_id = signal.__name__.removeprefix("_")
        RULES[rule_id] = Rule(rule_id, source, tuple(names.split()), tuple(grid), bracket, signal)
        return signal

    return register


def strategies(rule_ids: Sequence[str] = ()) -> Iterator[Strategy]:
    """Each rule of ``rule_ids`` (none: all) with each set of its parameters.

    Raises
    ------
    ConfigurationError
        If there is no such rule.
    """
    if unknown := sorted(set(rule_ids) - set(RULES)):
        raise ConfigurationError(f"rules {', '.join(unknown)} are unknown; use some of {', '.join(RULES)}")
    for rule_id in dict.fromkeys(rule_ids or RULES):
        yield from (Strategy(RULES[rule_id], values) for values in RULES[rule_id].grid)


@_rule("Brock, Lakonishok, LeBaron 1992", "fast slow", [(5, 20), (10, 50), (20, 100), (50, 200)], FOLLOW)
def _moving_average_cross(bars: Bars, fast: int, slow: int) -> Series:
    return of.crossings(of.mean(bars.close, fast), of.mean(bars.close, slow))


@_rule("Brock, Lakonishok, LeBaron 1992", "window band", [(50, 0.01), (100, 0.01), (150, 0.01), (200, 0.01)], FOLLOW)
def _moving_average_band(bars: Bars, window: int, band: float) -> Series:
    middle = of.mean(bars.close, window)
    return np.where(bars.close > middle * (1 + band), 1.0, np.where(bars.close < middle * (1 - band), -1.0, 0.0))


@_rule("Appel 1979", "fast slow", [(8, 21), (12, 26), (20, 50)], FOLLOW)
def _exponential_cross(bars: Bars, fast: int, slow: int) -> Series:
    return of.crossings(of.ema(bars.close, fast), of.ema(bars.close, slow))


@_rule("Appel 1979", "fast slow smooth", [(12, 26, 9), (8, 17, 9), (5, 35, 5)], FOLLOW)
def _macd_cross(bars: Bars, fast: int, slow: int, smooth: int) -> Series:
    line = of.ema(bars.close, fast) - of.ema(bars.close, slow)
    known = np.isfinite(line)
    signal = np.full_like(line, np.nan)
    signal[known] = of.ema(line[known], smooth)
    return of.crossings(line, signal)


@_rule("Donchian; Faith 2003", "window", [(10,), (20,), (55,), (100,)], FOLLOW)
def _channel_breakout(bars: Bars, window: int) -> Series:
    top, bottom = of.before(of.highest(bars.high, window)), of.before(of.lowest(bars.low, window))
    return np.where(bars.close > top, 1.0, np.where(bars.close < bottom, -1.0, 0.0))


@_rule("Moskowitz, Ooi, Pedersen 2012", "window", [(20,), (60,), (120,), (250,)], FOLLOW)
def _momentum(bars: Bars, window: int) -> Series:
    return of.change(bars.close, window)


@_rule("Lehmann 1990", "window", [(1,), (3,), (5,)], FADE)
def _reversal(bars: Bars, window: int) -> Series:
    return -of.change(bars.close, window)


@_rule("Wilder 1978; Connors, Alvarez 2009", "window edge", [(14, 30), (14, 20), (5, 20), (2, 10)], FADE)
def _rsi_reversion(bars: Bars, window: int, edge: float) -> Series:
    strength = of.rsi(bars.close, window)
    return np.where(strength < edge, 1.0, np.where(strength > 100 - edge, -1.0, 0.0))


@_rule("Bollinger 2001", "window width", [(20, 2), (20, 2.5), (50, 2)], FADE)
def _bollinger_reversion(bars: Bars, window: int, width: float) -> Series:
    return -_beyond_bands(bars, window, width)


@_rule("Bollinger 2001", "window width", [(20, 1), (20, 2), (50, 2)], FOLLOW)
def _bollinger_breakout(bars: Bars, window: int, width: float) -> Series:
    return _beyond_bands(bars, window, width)


@_rule("Keltner 1960; Raschke", "window width", [(20, 1), (20, 2), (50, 2)], FOLLOW)
def _keltner_breakout(bars: Bars, window: int, width: float) -> Series:
    middle, reach = of.ema(bars.close, window), width * bars.average_range
    return np.where(bars.close > middle + reach, 1.0, np.where(bars.close < middle - reach, -1.0, 0.0))


@_rule("Crabel 1990", "window", [(4,), (7,), (10,)], FOLLOW)
def _narrow_range_breakout(bars: Bars, window: int) -> Series:
    width = bars.high - bars.low
    narrow = of.before(np.where(width <= of.lowest(width, window), 1.0, 0.0)) > 0
    up, down = bars.close > of.before(bars.high), bars.close < of.before(bars.low)
    return np.where(narrow & up, 1.0, np.where(narrow & down, -1.0, 0.0))


@_rule("Wilder 1978", "window edge", [(14, 20), (14, 25), (14, 30)], FOLLOW)
def _directional_trend(bars: Bars, window: int, edge: float) -> Series:
    plus, minus, strength = of.directional(bars, window)
    return np.where(strength > edge, np.sign(plus - minus), 0.0)


@_rule("Lane 1984", "window edge", [(14, 20), (14, 10), (5, 20)], FADE)
def _stochastic_reversion(bars: Bars, window: int, edge: float) -> Series:
    place = of.stochastic(bars, window)
    up, down = of.crossings(place, edge), of.crossings(place, 100 - edge)
    return np.where(up > 0, 1.0, np.where(down < 0, -1.0, 0.0))


@_rule("Lambert 1980", "window", [(14,), (20,), (40,)], FOLLOW)
def _commodity_channel_breakout(bars: Bars, window: int) -> Series:
    index = of.commodity_channel(bars, window)
    return np.where(of.crossings(index, 100) > 0, 1.0, np.where(of.crossings(index, -100) < 0, -1.0, 0.0))


def _beyond_bands(bars: Bars, window: int, width: float) -> Series:
    middle, reach = of.mean(bars.close, window), width * of.deviation(bars.close, window)
    return np.where(bars.close > middle + reach, 1.0, np.where(bars.close < middle - reach, -1.0, 0.0))
