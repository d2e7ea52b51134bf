"""A symbol's bars as Yahoo showed them at one moment: later splits, dividends and bars are not known yet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from tests.servers.common import TIMEFRAMES, Bar, between, merged, unfinished
from tests.servers.http.yahoo.instruments import Action, Instrument

DAILY = "1d"
#: Yahoo's name -> seconds; weekly and longer bars are not served.
INTERVALS = {"1m": 60, "2m": 120, "5m": 300, "15m": 900, "30m": 1800, "60m": 3600, "1h": 3600, DAILY: 86400}


@dataclass(frozen=True)
class Event:
    """An action at the moment at which it takes effect."""

    moment: int
    action: Action


@dataclass(frozen=True)
class History:
    """Bars with the moment that Yahoo stamps them with, on the price scale of the day they are shown."""

    bars: list[Bar]
    events: list[Event]


def history(tables: dict[str, list[Bar]], actions: Sequence[Action], market: Instrument, interval: str, now: float) -> History:
    """Everything known at ``now``.

    Parameters
    ----------
    tables
        Bars by timeframe, on the scale of all ``actions``.
    actions
        Splits and dividends, past and future.
    market
        Session and time zone.
    interval
        One of :data:`INTERVALS`; a size without table is made from the finest table that divides it.
    now
        Epoch seconds. A bar under way is unfinished; a daily one carries the moment itself.
    """
    events = sorted((Event(market.opening(action.day), action) for action in actions), key=lambda event: event.moment)
    later = math.prod(event.action.value for event in events if event.action.kind == "split" and event.moment > now)
    held = _stamped(tables, market, interval)
    shown = list(between(held, -math.inf, now))
    if shown:
        shown[-1] = _shown(shown[-1], market, interval, now)
    last = next((bar for bar in reversed(shown) if not bar.is_null), None)
    # As long as bars are still to come, dividends after the last one shown are not in the adjusted close.
    known = last.close / last.adjusted_close if last and last.adjusted_close and len(shown) < len(held) else 1.0
    return History(
        [_scaled(bar, later, known, market.kind) for bar in shown],
        [_scaled_event(event, later) for event in events if event.moment <= now],
    )


def _stamped(tables: dict[str, list[Bar]], market: Instrument, interval: str) -> list[Bar]:
    if interval == DAILY:
        return [bar._replace(start=market.opening(bar.day)) for bar in tables.get(DAILY, [])]
    length = INTERVALS[interval]
    finer = [name for name in tables if name != DAILY and length % TIMEFRAMES[name] == 0]
    if not finer:
        return []
    name = min(finer, key=lambda name: (TIMEFRAMES[name] != length, TIMEFRAMES[name]))
    if TIMEFRAMES[name] == length:
        return tables[name]

    def begins(bar: Bar) -> int:
        opening = market.opening(market.day_of(bar.start))
        return bar.start - (bar.start - opening) % length

    return [merged(start, list(group)) for start, group in groupby(tables[name], begins)]


def _shown(bar: Bar, market: Instrument, interval: str, now: float) -> Bar:
    daily = interval == DAILY
    ends = market.closing(market.day_of(bar.start)) if daily else bar.start + INTERVALS[interval]
    if ends <= now or bar.is_null:
        return bar
    partial = unfinished(bar, (now - bar.start) / (ends - bar.start))
    return partial._replace(start=int(now)) if daily else partial


def _scaled(bar: Bar, later: float, known: float, kind: str) -> Bar:
    volume = bar.volume / later
    return Bar(
        bar.start,
        bar.open * later,
        bar.high * later,
        bar.low * later,
        bar.close * later,
        volume if bar.is_null or kind == "CURRENCY" else float(round(volume)),
        (bar.close if bar.adjusted_close is None else bar.adjusted_close * known) * later,
    )


def _scaled_event(event: Event, later: float) -> Event:
    action = event.action
    value = action.value if action.kind == "split" else action.value * later
    return Event(event.moment, Action(action.day, action.kind, value))
