"""Symbols that are held back since a price is in another unit than the one before it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd

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
            if (hold.source, hold.cause.rule) == (request.source, UNIT_JUMP) and hold.months[0] < request.months[0]
        }

    def add(self, row: Mapping[str, Any], reason: str) -> None:
        """Take note of a jump, a row of :func:`expectations.beside.beside`; the first of a symbol is told.

        Where the price fell as far shortly before, the day of the fall is named: the bars from there on are the odd ones.
        """
        jumped, at = row["timestamp"], row["timestamp"]
        if pd.notna(row["fell"]):
            at = row["fell"]
            reason = (
                f"open is {row['fall_ratio']:.4g} times the close before, and on {jumped:%Y-%m-%d} it is {row['open_ratio']:.4g} times: "
                "the bars between are in another unit"
            )
        self._causes.setdefault(row["symbol"], Cause(UNIT_JUMP, f"{at:%Y-%m-%d}: {reason}", _remedy(jumped), f"{at:%Y-%m}"))

    def causes(self) -> Mapping[str, Cause]:
        """By symbol; a jump in an earlier month that was not settled leaves the months after it in doubt."""
        return {symbol: hold.cause for symbol, hold in self._earlier.items()} | self._causes


def _remedy(jumped: datetime) -> str:
    return (
        "correct the bars of the wrong unit, or add the split to the symbol's actions, or, where the prices are right, release the bar of "
        f"{jumped:%Y-%m-%d %H:%M} from unit_jump in include/config/quality.yaml; then run the months again"
    )
