"""Option chains of IBKR: listed expiries, and a snapshot of one with its greeks."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from include.option_chains import OPTION_CHAIN
from include.universes import Instrument
from marketmill.hooks.ibkr_contracts import Listing
from marketmill.hooks.ibkr_errors import RefusedError, SilenceError, UnreadableError
from marketmill.hooks.ibkr_requests import IbkrRequests
from marketmill.hooks.option_chains import Chain, Expiries
from marketmill.outcomes import ConfirmedEmpty, Transient

_log = logging.getLogger(__name__)
#: Every account has 100 market data lines; TWS itself and a second task need some.
_LINES = 40
_SMART = "SMART"
# A chain in which more than this share of the options did not answer is no chain.
_SHARE = 0.05
_DELAYED = {3, 4}
# What TWS writes for a greek that it did not compute; ib_insync hands it on for vega and theta.
_NO_GREEK = -2.0


class IbkrOptions:
    """Reads option chains."""

    def __init__(self, requests: IbkrRequests) -> None:
        self._requests = requests

    def list_expiries(self, instrument: Instrument) -> Expiries | ConfirmedEmpty:
        """Expiries that are listed now.

        Raises
        ------
        IbkrError, QuotaWait, ConfigurationError
            See :class:`IbkrRequests`.
        """
        underlying = self._requests.contract(instrument)
        found = self._requests.free(lambda client: client.option_parameters(underlying))
        listed = [chain for chain in found if chain.exchange == _SMART] or found
        expiries = sorted({_day(text) for chain in listed for text in chain.expirations})
        return Expiries(tuple(expiries)) if expiries else ConfirmedEmpty(f"IBKR lists no options of {instrument.symbol}")

    def fetch_chain(self, instrument: Instrument, expiry: date) -> Chain | Transient:
        """Quotes and greeks of all options of one expiry; the quota counts them as one request.

        Raises
        ------
        IbkrError, QuotaWait, ConfigurationError, SnapshotLimitError
            See :class:`IbkrRequests`.
        """
        underlying = self._requests.contract(instrument)
        listing = Listing(underlying.symbol, "OPT", _SMART, underlying.currency)
        found = self._requests.free(lambda client: client.contracts(listing, lastTradeDateOrContractMonth=f"{expiry:%Y%m%d}"))
        options = [option for option in found if _day(option.lastTradeDateOrContractMonth) == expiry]
        if not options:
            return Transient(f"{instrument.symbol}: IBKR names no option that expires on {expiry}")
        quotes = self._requests.counted(underlying, f"chain {expiry}", lambda client: client.snapshots(options, at_once=_LINES))
        fetched_at = datetime.now(UTC)
        self._refuse_holes(instrument, expiry, quotes)
        rows = [_row(option, expiry, quote) for option, quote in zip(options, quotes, strict=True)]
        if all(row["bid"] is None and row["ask"] is None and row["last"] is None for row in rows):
            return Transient(f"{instrument.symbol}: no option of {expiry} has a quote; take the snapshot in market hours")
        rows.sort(key=lambda row: (row["right"], row["strike"], row["contract"]))
        return Chain(pa.Table.from_pylist(rows, schema=OPTION_CHAIN), fetched_at)

    def _refuse_holes(self, instrument: Instrument, expiry: date, quotes: Sequence[Any]) -> None:
        failures = [quote for quote in quotes if isinstance(quote, (RefusedError, SilenceError))]
        if len(failures) > _SHARE * len(quotes):
            raise failures[0]
        if failures:
            _log.warning("%s: %d options of %s have no quote (%s)", instrument.symbol, len(failures), expiry, failures[0])


def _row(option: Any, expiry: date, quote: Any) -> dict[str, Any]:
    """An option without an answer keeps its row: it is listed."""
    greeks = getattr(quote, "modelGreeks", None) or getattr(quote, "lastGreeks", None)
    volatility = getattr(greeks, "impliedVol", None)
    return {
        "expiry": expiry,
        "strike": float(option.strike),
        "right": {"C": "call", "P": "put"}[option.right[:1]],
        "contract": option.localSymbol,
        "bid": _price(quote, "bid"),
        "ask": _price(quote, "ask"),
        "last": _price(quote, "last"),
        "volume": _price(quote, "volume"),
        "implied_volatility": _finite(volatility) if volatility else None,
        "delta": _finite(getattr(greeks, "delta", None)),
        "gamma": _finite(getattr(greeks, "gamma", None)),
        "vega": _finite(getattr(greeks, "vega", None)),
        "theta": _finite(getattr(greeks, "theta", None)),
        "underlying_price": _finite(getattr(greeks, "undPrice", None)),
        "multiplier": _finite(float(option.multiplier)) if option.multiplier else None,
        "currency": option.currency,
        "delayed": getattr(quote, "marketDataType", None) in _DELAYED,
    }


def _price(quote: Any, name: str) -> float | None:
    """A price or size; TWS writes -1 for none."""
    value = _finite(getattr(quote, name, None))
    return None if value is None or value < 0 else value


def _finite(value: Any) -> float | None:
    if value is None or value == _NO_GREEK or not math.isfinite(value):
        return None
    return float(value)


def _day(text: str) -> date:
    try:
        return datetime.strptime(text[:8], "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise UnreadableError(f"an option came with the expiry {text[:20]!r}") from None
