"""Read Yahoo's options answers: listed expiries, and the chain of one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from include.option_chains import OPTION_CHAIN
from marketmill.hooks.yahoo_chart import GarbledError

#: Shares a contract by Yahoo's word.
_SIZES = {"REGULAR": 100.0, "MINI": 10.0}


def parse_expiries(content: Any) -> Sequence[date] | None:
    """Listed expiries, oldest first; empty for a symbol without options, None where Yahoo says nothing about it at all.

    Raises
    ------
    GarbledError
        If the answer does not hang together.
    """
    try:
        results = content["result"]
        return sorted({_day(seconds) for seconds in results[0]["expirationDates"]}) if len(results) else None
    except (LookupError, TypeError, ValueError, ArithmeticError, OSError) as error:
        raise GarbledError(f"{type(error).__name__}: {error}") from error


def parse_chain(content: Any, expiry: date) -> pa.Table:
    """The chain of ``expiry`` with the columns of :data:`include.option_chains.OPTION_CHAIN`; no rows where Yahoo lists none.

    Raises
    ------
    GarbledError
        If the answer does not hang together or is about another expiry.
    """
    try:
        result = content["result"][0]
        price = (result.get("quote") or {}).get("regularMarketPrice")
        [options] = result["options"]
        _check_day("the chain", options["expirationDate"], expiry)
        rows = [_row(line, right, expiry, _number(price)) for right in ("call", "put") for line in options.get(f"{right}s") or []]
        return pa.Table.from_pylist(rows, schema=OPTION_CHAIN)
    except GarbledError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, OSError, pa.ArrowException) as error:
        raise GarbledError(f"{type(error).__name__}: {error}") from error


def _row(line: dict[str, Any], right: str, expiry: date, underlying_price: float | None) -> dict[str, Any]:
    if "expiration" in line:
        _check_day(str(line["contractSymbol"]), line["expiration"], expiry)
    strike = _number(line["strike"])
    if strike is None or strike <= 0:
        raise GarbledError(f"{line['contractSymbol']} has the strike {line['strike']}")
    traded = line.get("lastTradeDate")
    return {
        "expiry": expiry,
        "strike": strike,
        "right": right,
        "contract": str(line["contractSymbol"]),
        "bid": _number(line.get("bid")),
        "ask": _number(line.get("ask")),
        "last": _number(line.get("lastPrice")),
        "last_trade": None if traded is None else datetime.fromtimestamp(float(traded), UTC),
        "volume": _number(line.get("volume")),
        "open_interest": _number(line.get("openInterest")),
        "implied_volatility": _number(line.get("impliedVolatility")),
        "underlying_price": underlying_price,
        "multiplier": _SIZES.get(str(line.get("contractSize"))),
        "currency": line.get("currency"),
        "delayed": True,
    }


def _number(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _day(seconds: Any) -> date:
    return datetime.fromtimestamp(float(seconds), UTC).date()


def _check_day(what: str, seconds: Any, expiry: date) -> None:
    if _day(seconds) != expiry:
        raise GarbledError(f"{what} expires on {_day(seconds)} instead of {expiry}")
