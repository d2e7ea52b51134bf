"""Symbols that are held back since a price is in another unit than the one before it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from expectations.request import CheckRequest
from include.holds import Cause, read_holds
from include.lake import Lake

UNIT_JUMP = "unit_jump"


class UnitJumps:
    """Symbols with a bar in another unit than the one before it. All their months are held back: nobody can tell which side is wrong."""

    def __init__(self, lake: Lake, request: CheckRequest) -> None:
        self._causes: dict[str, Cause] = {}
        self._earlier = {
            hold.symbol: hold
            for hold in read_holds(lake, request.timeframe, [instrument.symbol for instrument in request.instruments])
            if (hold.source, hold.rule) == (request.source, UNIT_JUMP) and hold.months[0] < request.months[0]
        }

    def add(self, symbol: str, timestamp: datetime, reason: str) -> None:
        """Take note of a jump; the first of a symbol is told."""
        self._causes.setdefault(symbol, Cause(UNIT_JUMP, f"{timestamp:%Y-%m-%d}: {reason}"))

    def causes(self) -> Mapping[str, Cause]:
        """By symbol; a jump in an earlier month that was not settled leaves the months after it in doubt."""
        unsettled = {symbol: Cause(UNIT_JUMP, hold.reason) for symbol, hold in self._earlier.items()}
        return unsettled | self._causes
