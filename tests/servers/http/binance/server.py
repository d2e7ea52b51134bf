"""Binance's spot REST API on 127.0.0.1."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from http import HTTPStatus

from tests.servers.common import BarStore, between, unfinished
from tests.servers.common_clock import Clock
from tests.servers.http.binance.exchange_info import exchange_info, wire_name
from tests.servers.http.binance.intervals import INTERVALS, bars_of, following, opening
from tests.servers.http.binance.limits import Verdict, WeightLimit
from tests.servers.http.binance.rows import kline
from tests.servers.http.faults import Fault
from tests.servers.http.messages import Answer, Request
from tests.servers.http.stand_in import StandIn

BASE = "/api/v3"
#: Weight of each path; any other path is unknown.
WEIGHTS = {"/ping": 1, "/time": 1, "/exchangeInfo": 20, "/klines": 2}
_DEFAULT_ROWS, _MOST_ROWS = 500, 1000
_ADVICE = "Please use WebSocket Streams for live updates to avoid"


class BinanceStandIn(StandIn):
    """The REST API as ccxt calls it; :attr:`url` is its ``urls.api.public``.

    A bar under way at the clock's time is served unfinished; later ones are not there yet.

    Parameters
    ----------
    bars
        Symbols are pairs such as ``BTC/USDT``.
    delisted
        Pairs with status BREAK.
    clock, port
        See :class:`StandIn`.
    weight_limit, overruns, first_ban
        See :class:`WeightLimit`.

    Raises
    ------
    ValueError
        If a symbol is no pair.
    """

    name = "binance"

    def __init__(
        self,
        bars: BarStore,
        *,
        delisted: Iterable[str] = (),
        clock: Clock | None = None,
        port: int = 0,
        weight_limit: int = 6000,
        overruns: int = 5,
        first_ban: float = 120.0,
    ) -> None:
        super().__init__(bars, clock=clock, port=port)
        self.delisted = set(delisted)
        self.limit = WeightLimit(weight_limit, overruns, first_ban)
        for symbol in bars.symbols:
            wire_name(symbol)

    @property
    def url(self) -> str:
        """Base address of the API."""
        return self.address + BASE

    def answer(self, request: Request, fault: Fault | None) -> Answer:
        """Apply the limit, then answer."""
        path = request.path.removeprefix(BASE)
        now = self.clock.now()
        if not request.path.startswith(BASE) or path not in WEIGHTS:
            return Answer.html(404, "404 Not Found")
        verdict = self.limit.judge(WEIGHTS[path], now)
        if verdict.broken_rule:
            self.record.violation(now, verdict.broken_rule, f"used weight {verdict.used}, {request.target}")
        if verdict.status != 200:
            return self._throttled(verdict)
        try:
            return Answer.json(self._content(path, request.query, now), headers=_headers(verdict.used))
        except _BadRequest as error:
            return Answer.json({"code": error.code, "msg": error.text}, 400, _headers(verdict.used))

    def refusal(self, request: Request, fault: Fault) -> Answer:
        """429 and 418 with their times; 400 as JSON; the rest as a web server's page."""
        if fault.status in {418, 429}:
            return self._throttled(self.limit.refuse(fault.status, fault.retry_after, self.clock.now()))
        if fault.status == 400:
            text = fault.text or "An unknown error occurred while processing the request."
            return Answer.json({"code": -1000, "msg": text}, 400, _headers(self.limit.used()))
        return Answer.html(fault.status, fault.text or f"{fault.status} {HTTPStatus(fault.status).phrase}")

    def empty(self, request: Request) -> Answer:
        """An empty list for bars, an empty object for the rest."""
        return Answer.json([] if request.path.endswith("/klines") else {}, headers=_headers(self.limit.used()))

    def _content(self, path: str, query: dict[str, str], now: datetime) -> object:
        match path:
            case "/time":
                return {"serverTime": int(now.timestamp() * 1000)}
            case "/exchangeInfo":
                return exchange_info(self.bars.symbols, self.delisted, self.limit.limit, now)
            case "/klines":
                return self._klines(query, now)
        return {}

    def _klines(self, query: dict[str, str], now: datetime) -> list[object]:
        symbol = self._symbol(_mandatory(query, "symbol"))
        interval = _mandatory(query, "interval")
        if interval not in INTERVALS:
            raise _BadRequest(-1120, "Invalid interval.")
        rows = min(_number(query, "limit", 1) or _DEFAULT_ROWS, _MOST_ROWS)
        start, end = _number(query, "startTime", 0), _number(query, "endTime", 0)

        moment = now.timestamp()
        bars = bars_of(self.bars.tables(symbol), interval)
        last = moment if end is None else min(moment, end / 1000)
        found = between(bars, 0 if start is None else start / 1000, last)
        chosen = found[-rows:] if start is None else found[:rows]
        under_way = opening(int(moment), interval)
        ends = [following(bar.start, interval) for bar in chosen]
        return [
            kline(unfinished(bar, (moment - bar.start) / (until - bar.start)) if bar.start == under_way else bar, until)
            for bar, until in zip(chosen, ends, strict=True)
        ]

    def _symbol(self, text: str) -> str:
        if not re.fullmatch(r"[A-Z0-9-_.]{1,20}", text):
            legal = "'^[A-Z0-9-_.]{1,20}$'"
            raise _BadRequest(-1100, f"Illegal characters found in parameter 'symbol'; legal range is {legal}.")
        for symbol in self.bars.symbols:
            if wire_name(symbol) == text:
                return symbol
        raise _BadRequest(-1121, "Invalid symbol.")

    def _throttled(self, verdict: Verdict) -> Answer:
        headers = {**_headers(verdict.used), "Retry-After": str(verdict.retry_after)}
        if verdict.banned_until:
            until = int(verdict.banned_until.timestamp() * 1000)
            text = f"Way too much request weight used; IP banned until {until}. {_ADVICE} bans."
        else:
            text = f"Too much request weight used; current limit is {self.limit.limit} request weight per 1 MINUTE. "
            text += f"{_ADVICE} polling the API."
        return Answer.json({"code": -1003, "msg": text}, verdict.status, headers)


class _BadRequest(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def _headers(used: int) -> dict[str, str]:
    return {"X-MBX-USED-WEIGHT": str(used), "X-MBX-USED-WEIGHT-1M": str(used)}


def _mandatory(query: dict[str, str], name: str) -> str:
    if not query.get(name):
        raise _BadRequest(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    return query[name]


def _number(query: dict[str, str], name: str, least: int) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,20}", text):
        legal = "'^[0-9]{1,20}$'"
        raise _BadRequest(-1100, f"Illegal characters found in parameter '{name}'; legal range is {legal}.")
    return max(int(text), least)
