"""Kline rows in Binance's twelve columns, for the REST answer and the bulk file alike."""

from __future__ import annotations

from typing import Any

from tests.servers.common import Bar

#: The part of the volume that takers bought; nobody recorded it for the bars at hand.
_TAKERS = 0.5


def kline(bar: Bar, end: int, *, per_second: int = 1000) -> list[Any]:
    """One row: prices and volumes as text with 8 decimals, times as whole numbers.

    Quote volume, number of trades and the takers' share are made up from volume and mean price.

    Parameters
    ----------
    bar
        The bar.
    end
        Epoch second at which the next one begins.
    per_second
        Unit of both times: 1000 for milliseconds, 1000000 for microseconds.
    """
    mean = (bar.open + bar.high + bar.low + bar.close) / 4
    return [
        bar.start * per_second,
        _decimal(bar.open),
        _decimal(bar.high),
        _decimal(bar.low),
        _decimal(bar.close),
        _decimal(bar.volume),
        end * per_second - 1,
        _decimal(bar.volume * mean),
        round(bar.volume * 10),
        _decimal(bar.volume * _TAKERS),
        _decimal(bar.volume * mean * _TAKERS),
        "0",
    ]


def _decimal(number: float) -> str:
    return f"{number:.8f}"
