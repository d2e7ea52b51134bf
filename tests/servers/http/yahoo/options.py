"""Option chains: ``/v7/finance/options/SYMBOL``."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class OptionLine:
    """One line of a chain; None where Yahoo gives nothing.

    ``right`` is ``call`` or ``put``, ``implied_volatility`` a yearly fraction, prices are per share.
    """

    contract_symbol: str
    expiration: date
    strike: float
    right: str
    last_price: float
    last_trade: datetime
    implied_volatility: float
    bid: float | None = None
    ask: float | None = None
    volume: int | None = None
    open_interest: int | None = None


def read_option_lines(path: Path) -> list[OptionLine]:
    """A chain stored as CSV in the columns of yfinance, one row per option.

    Raises
    ------
    ValueError
        If a column is missing or a number cannot be read; names file and line.
    """
    lines = []
    with path.open(newline="") as handle:
        for number, row in enumerate(csv.DictReader(handle), start=2):
            try:
                lines.append(
                    OptionLine(
                        contract_symbol=row["contractSymbol"],
                        expiration=date.fromisoformat(row["expiration"]),
                        strike=float(row["strike"]),
                        right=row["optionType"],
                        last_price=float(row["lastPrice"]),
                        last_trade=datetime.fromisoformat(row["lastTradeDate"]),
                        implied_volatility=float(row["impliedVolatility"]),
                        bid=float(row["bid"]) if row["bid"] else None,
                        ask=float(row["ask"]) if row["ask"] else None,
                        volume=int(float(row["volume"])) if row["volume"] else None,
                        open_interest=int(float(row["openInterest"])) if row["openInterest"] else None,
                    )
                )
            except (KeyError, ValueError) as error:
                raise ValueError(f"{path} line {number}: {error!r}") from None
    return lines


def option_chain(symbol: str, lines: Sequence[OptionLine], query: dict[str, str], price: float | None, now: datetime) -> dict[str, Any]:
    """The whole answer: the chain of the expiry asked for (``date`` = its midnight UTC), else of the nearest one.

    Past expiries are not listed. An expiry that is not listed gives an empty chain, a symbol without options an empty
    result.
    """
    listed = [line for line in lines if line.expiration >= now.date()]
    expiries = sorted({_epoch(line.expiration) for line in listed})
    if not expiries:
        return _body([])
    asked = int(query["date"]) if query.get("date", "").isdigit() else expiries[0]
    chain = sorted((line for line in listed if _epoch(line.expiration) == asked), key=lambda line: line.strike)
    quote = {
        "symbol": symbol,
        "regularMarketPrice": price,
        "regularMarketTime": int(now.timestamp()),
        "currency": "USD",
    }
    calls, puts = ([_option(line, price) for line in chain if line.right == right] for right in ("call", "put"))
    result = {
        "underlyingSymbol": symbol,
        "expirationDates": expiries,
        "strikes": sorted({line.strike for line in chain}),
        "hasMiniOptions": False,
        "quote": quote,
        "options": [{"expirationDate": asked, "hasMiniOptions": False, "calls": calls, "puts": puts}],
    }
    return _body([result])


def _body(result: list[dict[str, Any]]) -> dict[str, Any]:
    return {"optionChain": {"result": result, "error": None}}


def _epoch(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _option(line: OptionLine, price: float | None) -> dict[str, Any]:
    inside = price is not None and (line.strike < price if line.right == "call" else line.strike > price)
    shown = {
        "contractSymbol": line.contract_symbol,
        "strike": line.strike,
        "currency": "USD",
        "lastPrice": line.last_price,
        "change": 0.0,
        "percentChange": 0.0,
        "volume": line.volume,
        "openInterest": line.open_interest,
        "bid": line.bid,
        "ask": line.ask,
        "contractSize": "REGULAR",
        "expiration": _epoch(line.expiration),
        "lastTradeDate": int(line.last_trade.timestamp()),
        "impliedVolatility": line.implied_volatility,
        "inTheMoney": inside,
    }
    return {name: value for name, value in shown.items() if value is not None}
