"""Name the symbols of kept bars that carry a warning, and where to look first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SHOWN = 6


def name_warned(symbols: Mapping[str, Mapping[str, Any]]) -> str:
    """Name the first of some symbols, each with the time of its first such bar, and how many there are of all.

    ``symbols`` are :class:`expectations.request.Warned` as plain values, those to be named first in front.
    """
    named = ", ".join(_one(symbol, warned) for symbol, warned in [*symbols.items()][:_SHOWN])
    return f"{named} and {len(symbols) - _SHOWN} more symbols" if len(symbols) > _SHOWN else named


def _one(symbol: str, warned: Mapping[str, Any]) -> str:
    first = warned["first"].removesuffix("+00:00").removesuffix("T00:00:00").replace("T", " ")
    return f"{symbol} {first}" if warned["bars"] == 1 else f"{symbol} from {first} on ({warned['bars']} bars)"
