"""The names of the sources of bars, and what each has; light, so that DAG files may import it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from include.errors import ConfigurationError

if TYPE_CHECKING:
    from include.universes import Instrument


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


def refuse_unserved(source: SourceName, instruments: Sequence[Instrument]) -> None:
    """Refuse a run of which the source can have nothing; where it can have some of the instruments, the others fail by name.

    Raises
    ------
    ConfigurationError
        If Binance is asked, and for no pair, or IBKR, and for pairs alone.
    """
    pairs = sum("/" in instrument.symbol for instrument in instruments)
    names = ", ".join(instrument.symbol for instrument in instruments[:_SHOWN]) + (" ..." if len(instruments) > _SHOWN else "")
    if source is SourceName.BINANCE and not pairs:
        raise ConfigurationError(
            f"source binance has pairs such as BTC/USDC only, and none of {names} is one; take another source for them, or a universe of "
            "pairs, such as crypto"
        )
    if source is SourceName.IBKR and pairs == len(instruments):
        raise ConfigurationError(
            f"source ibkr has stocks, funds and indices only, and {names} are pairs; take source binance for them, or another universe"
        )


_SHOWN = 5
