"""What all connections of one stand-in share: data, clock, quotas, who is connected."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.servers.common import BarStore
from tests.servers.common_clock import Clock
from tests.servers.tws.bars import SizedBars
from tests.servers.tws.contracts import ContractBook, StandInContract, foreign_listing, listing, option_contract
from tests.servers.tws.faults import FaultPlan
from tests.servers.tws.history_rules import SMALL, Span
from tests.servers.tws.options import OptionQuote
from tests.servers.tws.pacing import HistoryPacer
from tests.servers.tws.record import Recorder
from tests.servers.tws.refusals import PACING, TOO_MANY_OPEN, Refusal
from tests.servers.tws.requests import HistoryRequest


@dataclass(frozen=True)
class TwsSettings:
    """How the stand-in behaves.

    Parameters
    ----------
    server_version
        Newest protocol version that it speaks, 157 to 176.
    accounts
        Managed accounts.
    time_zone
        Time zone of the login: end times without zone, bar dates of format 1.
    latency
        Seconds before every answer.
    snapshot_seconds
        Seconds before a snapshot ends (11 at IBKR).
    subscribed
        Whether live market data is paid for.
    market_data_lines, open_histories
        The limits.
    pace_every_size
        Pacing rules for all bar sizes instead of 30 seconds or less.
    """

    server_version: int = 176
    accounts: tuple[str, ...] = ("DU0000001",)
    time_zone: str = "US/Eastern"
    latency: float = 0.0
    snapshot_seconds: float = 0.02
    subscribed: bool = True
    market_data_lines: int = 100
    open_histories: int = 50
    pace_every_size: bool = False


class Gateway:
    """Shared state; changed in the event loop's thread only, apart from the parts that lock themselves."""

    def __init__(
        self,
        store: BarStore,
        options: Sequence[OptionQuote],
        clock: Clock,
        settings: TwsSettings,
    ) -> None:
        self.clock = clock
        self.settings = settings
        self.store = store
        self.bars = SizedBars(store)
        self.faults = FaultPlan()
        self.record = Recorder()
        self.pacer = HistoryPacer(every_size=settings.pace_every_size)
        self.client_ids: set[int] = set()
        self.open_histories: set[tuple[int, int]] = set()
        self.market_data_lines: set[tuple[int, int]] = set()

        listings = {symbol: listing(symbol) for symbol in [*store.symbols, *(quote.underlying for quote in options)]}
        stocks = [contract for contract in listings.values() if contract.security_type == "STK"]
        chain = {option_contract(quote, listings[quote.underlying]): quote for quote in options}
        self.quotes: dict[int, OptionQuote] = {contract.con_id: quote for contract, quote in chain.items()}
        self.contracts = ContractBook([*listings.values(), *map(foreign_listing, stocks), *chain])

    def admit_history(self, client_id: int, request: HistoryRequest, span: Span, contract: StandInContract) -> None:
        """Apply the quotas to a historical request and count it as open.

        Raises
        ------
        Refusal
            162 for the pacing rules and the limit of open requests.
        """
        now = self.clock.now()
        rule = self.pacer.broken_rule(request, span, contract.con_id, now.timestamp())
        if rule:
            raise Refusal(162, PACING, rule)
        if len(self.open_histories) >= self.settings.open_histories:
            raise Refusal(162, TOO_MANY_OPEN, f"{self.settings.open_histories} open historical requests")
        self.open_histories.add((client_id, request.request_id))

    def reaches_too_far(self, span: Span) -> bool:
        """Whether the range asks for small bars older than six months, which do not exist."""
        return span.bar_seconds <= SMALL and (self.clock.now() - span.end).days > 183

    def release(self, client_id: int) -> None:
        """Forget what a client held when its connection ends."""
        self.client_ids.discard(client_id)
        self.open_histories = {held for held in self.open_histories if held[0] != client_id}
        self.market_data_lines = {held for held in self.market_data_lines if held[0] != client_id}

    @staticmethod
    def steady_seconds() -> float:
        """Clock of the message rate: real time, because clients throttle by it."""
        return time.monotonic()
