"""The chart answer: ``/v8/finance/chart/SYMBOL``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from tests.servers.common import Bar, between
from tests.servers.http.yahoo.history import DAILY, INTERVALS, Event, History
from tests.servers.http.yahoo.instruments import Instrument

RANGES = ["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max"]
_DAYS = {"1mo": 30, "3mo": 91, "6mo": 182, "1y": 365, "2y": 730, "5y": 1826, "10y": 3652}
_SESSIONS = {"1d": 1, "5d": 5}
_DAY = 86400
_COLUMNS = ("open", "high", "low", "close", "volume")


class ChartError(Exception):
    """An error in the answer's own words."""

    def __init__(self, status: int, code: str, description: str) -> None:
        super().__init__(description)
        self.status, self.code, self.description = status, code, description


@dataclass(frozen=True)
class ChartQuery:
    """What is asked: ``range``, or ``period1`` and ``period2`` in epoch seconds, end exclusive."""

    interval: str
    range: str
    first: float
    last: float

    @classmethod
    def parse(cls, query: dict[str, str], now: float) -> ChartQuery:
        """Read and check the query.

        Raises
        ------
        ChartError
            422 for an unknown interval or range, or for bars that Yahoo does not keep so long.
        """
        interval = query.get("interval", DAILY)
        if interval not in INTERVALS:
            raise _unprocessable(f"Invalid input - interval={interval} is not supported.")
        if "period1" in query or "period2" in query:
            try:
                first, last = float(query.get("period1", 0)), float(query.get("period2", now))
            except ValueError:
                raise _unprocessable("Invalid input - period1 and period2 must be numbers.") from None
            asked = cls(interval, "", first, last)
        else:
            name = query.get("range", "1d")
            if name not in RANGES:
                raise _unprocessable(f"Invalid input - range={name} is not supported.")
            asked = cls(interval, name, now - _DAYS[name] * _DAY if name in _DAYS else -math.inf, now + 1)
        asked._check_reach(now)
        return asked

    def select(self, bars: list[Bar], market: Instrument, now: float) -> list[Bar]:
        """The bars asked for."""
        if self.range in _SESSIONS:
            return _last_sessions(bars, market, _SESSIONS[self.range])
        first = market.opening(market.day_of(now).replace(month=1, day=1)) if self.range == "ytd" else self.first
        return list(between(bars, first, math.ceil(self.last) - 1))

    def _check_reach(self, now: float) -> None:
        if self.interval == DAILY or self.range:
            return
        reach = {"1m": 30, "1h": 730, "60m": 730}.get(self.interval, 60)
        where = f"{self.interval} data not available for startTime={self.first:.0f} and endTime={self.last:.0f}."
        if self.first < now - reach * _DAY:
            raise _unprocessable(f"{where} The requested range must be within the last {reach} days.")
        if self.interval == "1m" and self.last - self.first > 8 * _DAY:
            raise _unprocessable(f"{where} Only 8 days worth of 1m granularity data are allowed to be fetched per request.")


def chart(asked: ChartQuery, query: dict[str, str], known: History, market: Instrument, now: float) -> dict[str, Any]:
    """The whole answer; without bars in the range it has neither timestamps nor values."""
    bars = asked.select(known.bars, market, now)
    result: dict[str, Any] = {"meta": _meta(asked, known.bars, bars, market, now)}
    if bars:
        result["timestamp"] = [bar.start for bar in bars]
    events = _events(known.events, query.get("events", ""), asked, bars)
    if events:
        result["events"] = events
    quote = {name: [_number(getattr(bar, name)) for bar in bars] for name in _COLUMNS} if bars else {}
    if "volume" in quote and market.kind != "CURRENCY":
        quote["volume"] = [None if volume is None else int(volume) for volume in quote["volume"]]
    result["indicators"] = {"quote": [quote]}
    if asked.interval == DAILY:
        adjusted = {"adjclose": [_number(bar.adjusted_close) for bar in bars]} if bars else {}
        result["indicators"]["adjclose"] = [adjusted]
    return {"chart": {"result": [result], "error": None}}


def error_body(code: str, description: str) -> dict[str, Any]:
    """An error as the chart answers it."""
    return {"chart": {"result": None, "error": {"code": code, "description": description}}}


def not_found() -> ChartError:
    """A symbol that Yahoo does not know, or says so."""
    return ChartError(404, "Not Found", "No data found, symbol may be delisted")


def _last_sessions(bars: list[Bar], market: Instrument, count: int) -> list[Bar]:
    days: set[date] = set()
    for place in range(len(bars) - 1, -1, -1):
        days.add(market.day_of(bars[place].start))
        if len(days) > count:
            return bars[place + 1 :]
    return bars


def _unprocessable(description: str) -> ChartError:
    return ChartError(422, "Unprocessable Entity", description)


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _events(events: Sequence[Event], wanted: str, asked: ChartQuery, bars: list[Bar]) -> dict[str, Any]:
    first = min([asked.first, *(bar.start for bar in bars[:1])])
    found: dict[str, Any] = {}
    for moment, action in ((event.moment, event.action) for event in events if first <= event.moment < asked.last):
        if action.kind == "dividend" and "div" in wanted:
            found.setdefault("dividends", {})[str(moment)] = {"amount": action.value, "date": moment}
        if action.kind == "split" and "split" in wanted:
            ratio = Fraction(action.value).limit_denominator(1000)
            found.setdefault("splits", {})[str(moment)] = {
                "date": moment,
                "numerator": float(ratio.numerator),
                "denominator": float(ratio.denominator),
                "splitRatio": f"{ratio.numerator}:{ratio.denominator}",
            }
    return found


def _meta(asked: ChartQuery, known: list[Bar], bars: list[Bar], market: Instrument, now: float) -> dict[str, Any]:
    last = next((bar for bar in reversed(known) if not bar.is_null), None)
    day = market.day_of(last.start if last else now)
    meta: dict[str, Any] = {
        "currency": market.currency,
        "symbol": market.symbol,
        "exchangeName": market.exchange,
        "fullExchangeName": market.exchange,
        "instrumentType": market.kind,
        "firstTradeDate": known[0].start if known else None,
        "regularMarketTime": last.start if last else None,
        "hasPrePostMarketData": False,
        "gmtoffset": market.offset(now),
        "timezone": market.zone_name(now),
        "exchangeTimezoneName": market.zone,
        "regularMarketPrice": last.close if last else None,
        "priceHint": 2,
        "currentTradingPeriod": {
            "pre": _period(market, market.opening(day), market.opening(day)),
            "regular": _period(market, market.opening(day), market.closing(day)),
            "post": _period(market, market.closing(day), market.closing(day)),
        },
        "dataGranularity": asked.interval,
        "range": asked.range,
        "validRanges": RANGES,
    }
    if asked.interval != DAILY:
        days = sorted({market.day_of(bar.start) for bar in bars})
        meta["tradingPeriods"] = [[_period(market, market.opening(day), market.closing(day))] for day in days]
    return meta


def _period(market: Instrument, start: int, end: int) -> dict[str, Any]:
    return {"timezone": market.zone_name(start), "start": start, "end": end, "gmtoffset": market.offset(start)}
