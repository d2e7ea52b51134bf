"""Option chains: recorded ones from files, or one computed from the underlying's own bars."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.servers.tws.greeks import option_price


@dataclass(frozen=True)
class OptionQuote:
    """One line of a chain; None where the source gave nothing.

    ``right`` is C or P, ``implied_volatility`` a yearly fraction, prices are per share.
    """

    underlying: str
    expiry: date
    strike: float
    right: str
    bid: float | None
    ask: float | None
    last: float | None
    volume: float | None
    implied_volatility: float | None
    underlying_price: float | None


def recorded_chain(path: Path, underlying: str) -> list[OptionQuote]:
    """A chain stored as CSV in the columns of yfinance, one row per option.

    Raises
    ------
    ValueError
        If a column is missing or a number cannot be read; names file and line.
    """
    quotes = []
    with path.open(newline="") as handle:
        for line, row in enumerate(csv.DictReader(handle), start=2):
            try:
                quotes.append(
                    OptionQuote(
                        underlying=underlying,
                        expiry=date.fromisoformat(row["expiration"]),
                        strike=float(row["strike"]),
                        right={"call": "C", "put": "P"}[row["optionType"]],
                        bid=_price(row["bid"]),
                        ask=_price(row["ask"]),
                        last=_price(row["lastPrice"]),
                        volume=float(row["volume"]) if row["volume"] else None,
                        implied_volatility=_price(row["impliedVolatility"]),
                        underlying_price=_price(row["underlyingPrice"]),
                    )
                )
            except (KeyError, ValueError) as error:
                raise ValueError(f"{path} line {line}: {error!r}") from None
    return quotes


def years_left(expiry: date, now: datetime) -> float:
    """Years of 365 days until the close of New York on the day of expiry; at least a minute."""
    expires = datetime.combine(expiry, time(16), ZoneInfo("America/New_York"))
    return max((expires - now).total_seconds(), 60.0) / (365 * 86400)


def computed_chain(underlying: str, closes: Sequence[float], now: datetime, *, months: int = 3) -> list[OptionQuote]:
    """Third-Friday options around the last close, priced with the volatility of the closes given.

    Parameters
    ----------
    underlying
        Marketmill symbol.
    closes
        The last daily closes, oldest first, at least 3.
    now
        Moment of the quotes, aware.
    months
        Number of expiries.
    """
    returns = [math.log(later / earlier) for earlier, later in pairwise(closes)]
    mean = sum(returns) / len(returns)
    variance = sum((value - mean) ** 2 for value in returns) / (len(returns) - 1)
    volatility = math.sqrt(variance * 252)
    spot = closes[-1]
    step = 10 ** math.floor(math.log10(spot)) / 20
    strikes = [round((round(spot / step) + offset) * step, 4) for offset in (-4, -2, -1, 0, 1, 2, 4)]
    quotes = []
    for expiry in _third_fridays(now.date(), months):
        years = years_left(expiry, now)
        for strike in strikes:
            for right in "CP":
                value = option_price(right, spot, strike, years, volatility)
                bid, ask = (math.floor(value * 100) - 1) / 100, (math.floor(value * 100) + 2) / 100
                quotes.append(
                    OptionQuote(
                        underlying,
                        expiry,
                        strike,
                        right,
                        bid if bid > 0 else None,
                        ask,
                        round(value, 2) or None,
                        None,
                        volatility,
                        spot,
                    )
                )
    return quotes


def _third_fridays(today: date, months: int) -> list[date]:
    found: list[date] = []
    month = today.replace(day=1)
    while len(found) < months:
        friday = month + timedelta(days=(4 - month.weekday()) % 7 + 14)
        if friday > today:
            found.append(friday)
        month = (month + timedelta(days=32)).replace(day=1)
    return found


def _price(text: str) -> float | None:
    value = float(text) if text else 0.0
    return value if math.isfinite(value) and value > 0 else None
