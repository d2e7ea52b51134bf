"""The contracts that the stand-in knows: listings for Marketmill's symbols, options for its chains, and the lookup.

Contract ids are the stand-in's own (stable, but not IBKR's).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from tests.servers.tws.options import OptionQuote
from tests.servers.tws.refusals import UNKNOWN_CONTRACT, Refusal, ambiguous
from tests.servers.tws.requests import ContractQuery

OPTION_EXCHANGES = ("SMART", "CBOE")


@dataclass(frozen=True)
class Session:
    """Regular trading hours in local time; equal times mean that the market never closes."""

    zone: str
    opens: time
    closes: time

    def opening(self, day: date) -> datetime:
        """When the session of ``day`` begins, aware."""
        return datetime.combine(day, self.opens, ZoneInfo(self.zone))

    def closing(self, day: date) -> datetime:
        """When the session of ``day`` ends, aware."""
        if self.always_open:
            return datetime.fromordinal(day.toordinal() + 1).replace(tzinfo=ZoneInfo(self.zone))
        return datetime.combine(day, self.closes, ZoneInfo(self.zone))

    @property
    def always_open(self) -> bool:
        """Whether the market trades around the clock."""
        return self.opens == self.closes


NEW_YORK = Session("America/New_York", time(9, 30), time(16))
CHICAGO_INDEX = Session("America/New_York", time(9, 30), time(16, 15))
MUMBAI = Session("Asia/Kolkata", time(9, 15), time(15, 30))
ALWAYS = Session("UTC", time(0), time(0))


@dataclass(frozen=True)
class StandInContract:
    """One tradable thing; ``table`` names its bars in the stand-in (a Marketmill symbol), empty for options."""

    con_id: int
    symbol: str
    security_type: str
    primary_exchange: str
    exchanges: tuple[str, ...]
    currency: str
    local_symbol: str
    trading_class: str
    long_name: str
    session: Session
    table: str = ""
    expiry: str = ""
    strike: float = 0.0
    right: str = ""
    multiplier: str = ""
    under_con_id: int = 0
    #: Exchange of the answer; the one asked for where one was asked for.
    exchange: str = ""


# fmt: off
_NEW_YORK_STOCKS = (
    "BAC", "COP", "CVX", "GS", "HD", "IBM", "JNJ", "JPM", "MCD", "NKE", "PFE", "SLB", "UNH", "V", "WMT", "XOM",
)
# fmt: on
#: Marketmill symbol -> IBKR's symbol, type, exchange, currency, trading hours.
_LISTINGS: dict[str, tuple[str, str, str, str, Session]] = {
    "^GSPC": ("SPX", "IND", "CBOE", "USD", NEW_YORK),
    "^IXIC": ("COMP", "IND", "NASDAQ", "USD", NEW_YORK),
    "^DJI": ("INDU", "IND", "CME", "USD", NEW_YORK),
    "^VIX": ("VIX", "IND", "CBOE", "USD", CHICAGO_INDEX),
    "^NSEI": ("NIFTY50", "IND", "NSE", "INR", MUMBAI),
    "^NSEBANK": ("BANKNIFTY", "IND", "NSE", "INR", MUMBAI),
    "SPY": ("SPY", "STK", "ARCA", "USD", NEW_YORK),
    **{name: (name, "STK", "NYSE", "USD", NEW_YORK) for name in _NEW_YORK_STOCKS},
}


def listing(table: str) -> StandInContract:
    """The contract under which the bars of a Marketmill symbol are served; an unlisted symbol is a NASDAQ stock."""
    if "/" in table:
        base, _, quote = table.partition("/")
        found = (base, "CRYPTO", "PAXOS", quote, ALWAYS)
    else:
        found = _LISTINGS.get(table, (table, "STK", "NASDAQ", "USD", NEW_YORK))
    symbol, security_type, primary, currency, session = found
    exchanges = ("SMART", primary) if security_type == "STK" else (primary,)
    local = f"{symbol}.{currency}" if security_type == "CRYPTO" else symbol
    trading_class = {"NASDAQ": "NMS"}.get(primary, symbol) if security_type == "STK" else local
    return StandInContract(
        con_id=_contract_id(f"{symbol} {security_type} {primary} {currency}"),
        symbol=symbol,
        security_type=security_type,
        primary_exchange=primary if security_type == "STK" else "",
        exchanges=exchanges,
        currency=currency,
        local_symbol=local,
        trading_class=trading_class,
        long_name=f"{symbol} (stand-in)",
        session=session,
        table=table,
    )


def foreign_listing(home: StandInContract) -> StandInContract:
    """The same company on another exchange in another currency: why a request without currency is ambiguous."""
    return replace(
        home,
        con_id=_contract_id(f"{home.symbol} STK MEXI MXN"),
        primary_exchange="MEXI",
        exchanges=("SMART", "MEXI"),
        currency="MXN",
        trading_class=home.symbol,
        table="",
    )


def option_contract(quote: OptionQuote, underlying: StandInContract) -> StandInContract:
    """The contract of one line of a chain."""
    expiry = quote.expiry.strftime("%Y%m%d")
    local = f"{underlying.symbol:<6}{expiry[2:]}{quote.right}{round(quote.strike * 1000):08d}"
    return StandInContract(
        con_id=_contract_id(local),
        symbol=underlying.symbol,
        security_type="OPT",
        primary_exchange="",
        exchanges=OPTION_EXCHANGES,
        currency=underlying.currency,
        local_symbol=local,
        trading_class=underlying.symbol,
        long_name=underlying.long_name,
        session=underlying.session,
        expiry=expiry,
        strike=quote.strike,
        right=quote.right,
        multiplier="100",
        under_con_id=underlying.con_id,
    )


class ContractBook:
    """All contracts, found by any mixture of fields."""

    def __init__(self, contracts: Iterable[StandInContract]) -> None:
        self._by_id: dict[int, StandInContract] = {}
        for contract in contracts:
            other = self._by_id.setdefault(contract.con_id, contract)
            if other != contract:
                raise ValueError(f"{contract.local_symbol} and {other.local_symbol} have the same contract id")

    def __iter__(self) -> Iterator[StandInContract]:
        return iter(self._by_id.values())

    def find(self, query: ContractQuery, now: datetime) -> list[StandInContract]:
        """Every contract that fits; expired options are not among them.

        Raises
        ------
        Refusal
            200 if none fits.
        """
        candidates = [self._by_id[query.con_id]] if query.con_id in self._by_id else []
        if not query.con_id and (query.symbol or query.local_symbol):
            candidates = [contract for contract in self if _fits(contract, query)]
        alive = [contract for contract in candidates if not _expired(contract, now)]
        if not alive:
            raise Refusal(200, UNKNOWN_CONTRACT)
        return [replace(contract, exchange=query.exchange or contract.exchanges[0]) for contract in alive]

    def only(self, query: ContractQuery, now: datetime) -> StandInContract:
        """The one contract that fits.

        Raises
        ------
        Refusal
            200 if none fits or several do.
        """
        found = self.find(query, now)
        if len(found) > 1:
            raise ambiguous(query.symbol or query.local_symbol)
        return found[0]


def _fits(contract: StandInContract, query: ContractQuery) -> bool:
    wanted = [
        (query.symbol, contract.symbol),
        (query.local_symbol, contract.local_symbol),
        (query.security_type, contract.security_type),
        (query.currency, contract.currency),
        (query.multiplier, contract.multiplier),
        (query.trading_class, contract.trading_class),
        (query.primary_exchange, contract.primary_exchange),
        (query.right[:1], contract.right),
    ]
    return (
        all(asked in {"", has} for asked, has in wanted)
        and query.exchange in {"", *contract.exchanges}
        and contract.expiry.startswith(query.expiry)
        and query.strike in {0.0, contract.strike}
    )


def _expired(contract: StandInContract, now: datetime) -> bool:
    today = now.astimezone(ZoneInfo(contract.session.zone)).strftime("%Y%m%d")
    return bool(contract.expiry) and contract.expiry < today


def _contract_id(key: str) -> int:
    return 100_000 + zlib.crc32(key.encode()) % 900_000_000
