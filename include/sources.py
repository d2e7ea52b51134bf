"""The names of the sources of bars; light, so that DAG files may import it."""

from __future__ import annotations

from enum import StrEnum


class SourceName(StrEnum):
    """The sources of bars."""

    SAMPLE = "sample"
    CSV = "csv"
    YAHOO = "yahoo"
    IBKR = "ibkr"
    BINANCE = "binance"

    @classmethod
    def _missing_(cls, value: object) -> SourceName | None:
        return cls.YAHOO if value == "yfinance" else None
