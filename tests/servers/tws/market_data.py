"""Market data of one contract: the ticks that a snapshot or a new subscription brings."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.servers.tws import messages
from tests.servers.tws.bars import DAY, around, between
from tests.servers.tws.contracts import StandInContract
from tests.servers.tws.gateway import Gateway
from tests.servers.tws.greeks import Greeks, implied_volatility, option_greeks
from tests.servers.tws.messages import NOTHING
from tests.servers.tws.options import OptionQuote, years_left
from tests.servers.tws.refusals import DELAYED_SHOWN, invalid, not_subscribed
from tests.servers.tws.requests import MarketDataRequest

#: Tick types, live and delayed.
_TICKS = {
    "bid": (1, 66),
    "ask": (2, 67),
    "last": (4, 68),
    "high": (6, 72),
    "low": (7, 73),
    "volume": (8, 74),
    "close": (9, 75),
    "open": (14, 76),
    "bid greeks": (10, 80),
    "ask greeks": (11, 81),
    "last greeks": (12, 82),
    "model greeks": (13, 83),
}
_LIVE_TYPES = {1, 2}


def market_data(gateway: Gateway, request: MarketDataRequest, version: int, contract: StandInContract, data_type: int) -> list[bytes]:
    """The ticks that are known now, without the end of a snapshot.

    Raises
    ------
    Refusal
        321 for generic ticks in a snapshot, 354 for live data without a subscription.
    """
    if request.snapshot and request.generic_ticks:
        raise invalid("Snapshot market data subscription is not applicable to generic ticks", "no generic ticks in a snapshot")
    live = data_type in _LIVE_TYPES
    if live and not gateway.settings.subscribed:
        raise not_subscribed(contract.symbol)
    number = request.request_id
    frames = []
    if not live and not gateway.settings.subscribed:
        frames.append(messages.error(version, number, 10167, DELAYED_SHOWN))
    delayed = not live and not gateway.settings.subscribed
    frames += [
        messages.market_data_type(number, data_type if delayed else 1),
        messages.tick_parameters(number),
    ]
    quote = gateway.quotes.get(contract.con_id)
    column = int(delayed)
    if quote is None:
        return frames + _underlying_ticks(gateway, number, contract, column)
    return frames + _option_ticks(gateway.clock.now(), number, quote, column)


def _underlying_ticks(gateway: Gateway, number: int, contract: StandInContract, column: int) -> list[bytes]:
    """From the daily bars; the stand-in has no quotes of underlyings, as outside trading hours."""
    now = gateway.clock.now()
    bars = gateway.bars.bars(contract.table, DAY, contract.session) or []
    month = now - timedelta(days=31)
    known = between(around(bars, month, now), DAY, contract.session, month, now, now=now)
    frames = [_price(number, side, column, None) for side in ("bid", "ask")]
    if known:
        today = known[-1]
        values = {"last": today.close, "open": today.open, "high": today.high, "low": today.low}
        frames += [_price(number, name, column, value) for name, value in values.items()]
        frames.append(messages.tick_size(number, _TICKS["volume"][column], round(today.volume)))
    if len(known) > 1:
        frames.append(_price(number, "close", column, known[-2].close))
    return frames


def _option_ticks(now: datetime, number: int, quote: OptionQuote, column: int) -> list[bytes]:
    frames = [_price(number, name, column, value) for name, value in {"bid": quote.bid, "ask": quote.ask, "last": quote.last}.items()]
    if quote.volume is not None:
        frames.append(messages.tick_size(number, _TICKS["volume"][column], round(quote.volume)))
    years = years_left(quote.expiry, now)
    for name, value in {"bid": quote.bid, "ask": quote.ask, "last": quote.last}.items():
        greeks = _at_price(quote, years, value)
        frames.append(messages.tick_greeks(number, _TICKS[f"{name} greeks"][column], greeks))
    frames.append(messages.tick_greeks(number, _TICKS["model greeks"][column], _model(quote, years)))
    return frames


def _price(number: int, name: str, column: int, value: float | None) -> bytes:
    tick = _TICKS[name][column]
    if value is None:
        return messages.tick_price(number, tick, NOTHING, 0)
    return messages.tick_price(number, tick, value, 1 if name in {"bid", "ask", "last"} else 0)


def _at_price(quote: OptionQuote, years: float, price: float | None) -> Greeks | None:
    if price is None or quote.underlying_price is None:
        return None
    volatility = implied_volatility(quote.right, quote.underlying_price, quote.strike, years, price)
    if volatility is None:
        return None
    return option_greeks(quote.right, quote.underlying_price, quote.strike, years, volatility)


def _model(quote: OptionQuote, years: float) -> Greeks | None:
    if quote.implied_volatility is None or quote.underlying_price is None:
        return None
    return option_greeks(quote.right, quote.underlying_price, quote.strike, years, quote.implied_volatility)
