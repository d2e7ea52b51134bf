"""From Marketmill's symbols to IBKR's contracts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from include.errors import ConfigurationError
from include.universes import Instrument, Kind


@dataclass(frozen=True)
class Listing:
    """What IBKR is asked for; ``security_type`` is STK or IND."""

    symbol: str
    security_type: str
    exchange: str
    currency: str


_INDICES = {
    "^DJI": Listing("INDU", "IND", "CME", "USD"),
    "^GSPC": Listing("SPX", "IND", "CBOE", "USD"),
    "^IXIC": Listing("COMP", "IND", "NASDAQ", "USD"),
    "^NDX": Listing("NDX", "IND", "NASDAQ", "USD"),
    "^NSEBANK": Listing("BANKNIFTY", "IND", "NSE", "INR"),
    "^NSEI": Listing("NIFTY50", "IND", "NSE", "INR"),
    "^RUT": Listing("RUT", "IND", "RUSSELL", "USD"),
    "^VIX": Listing("VIX", "IND", "CBOE", "USD"),
}
#: Exchange calendar -> exchange and currency of its stocks; SMART finds the US listing.
_MARKETS = {"XNYS": ("SMART", "USD"), "XNAS": ("SMART", "USD"), "XBOM": ("NSE", "INR"), "XNSE": ("NSE", "INR")}
#: Exchanges on which a US stock may be listed.
HOME_EXCHANGES = frozenset({"NYSE", "NASDAQ", "ISLAND", "ARCA", "AMEX", "BATS", "NSE"})
#: ``AAPL``, ``BRK.B`` or ``BRK-B``, ``RELIANCE.NS``
_STOCK = re.compile(r"(?P<name>[A-Z0-9]+)(?:[.\-](?P<share_class>[A-Z]))?(?:\.(?:NS|BO))?")


def listing_of(instrument: Instrument) -> Listing:
    """What to ask IBKR for.

    A renamed stock is asked for by its present symbol alone: IBKR keeps one contract, and its whole history, through a change of
    name, while the earlier symbol may be another company's by now.

    Raises
    ------
    ConfigurationError
        If the instrument is none that this source knows.
    """
    symbol = instrument.symbol
    if instrument.kind is Kind.INDEX or symbol.startswith("^"):
        if symbol not in _INDICES:
            raise ConfigurationError(f"{symbol}: source ibkr knows the indices {', '.join(_INDICES)}; take another source")
        return _INDICES[symbol]
    if instrument.kind not in {Kind.STOCK, Kind.FUND}:
        raise ConfigurationError(f"{symbol}: source ibkr has stocks, funds and indices, no {instrument.kind}; take another source")
    if instrument.calendar not in _MARKETS:
        known = ", ".join(_MARKETS)
        raise ConfigurationError(
            f"{symbol}: source ibkr has stocks of the calendars {known}, not {instrument.calendar}; take another source"
        )
    exchange, currency = _MARKETS[instrument.calendar]
    found = _STOCK.fullmatch(symbol)
    if found is None:
        raise ConfigurationError(f"{symbol}: not the symbol of a stock such as AAPL or BRK.B; take another source")
    name = " ".join(part for part in (found["name"], found["share_class"]) if part)  # BRK.B is BRK B
    return Listing(name, "STK", exchange, currency)
