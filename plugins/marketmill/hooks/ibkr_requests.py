"""What bars and option chains have in common: a symbol's contract, and requests that the quota counts."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

from include.errors import ConfigurationError
from include.universes import Instrument
from marketmill.hooks.ibkr_client import IbkrClient
from marketmill.hooks.ibkr_contracts import HOME_EXCHANGES, listing_of
from marketmill.hooks.ibkr_session import IbkrSession
from marketmill.quota.requests import Request
from marketmill.quota.spending import Quota

T = TypeVar("T")
_SHOWN = 5


class IbkrRequests:
    """Requests of one session.

    Parameters
    ----------
    session, quota
        Whom to ask, and whose requests these are.
    """

    def __init__(self, session: IbkrSession, quota: Quota) -> None:
        self._session = session
        self._quota = quota
        self._contracts: dict[str, Any] = {}

    def now(self) -> datetime:
        """The time by which bars are finished (UTC); see :meth:`IbkrClient.now`."""
        return self._session.client.now()

    def free(self, work: Callable[[IbkrClient], Awaitable[T]]) -> T:
        """Do what IBKR does not count.

        Raises
        ------
        IbkrError, QuotaWait
            See :meth:`IbkrSession.run`.
        """
        return self._session.run(work)

    def counted(self, contract: Any, key: str, work: Callable[[IbkrClient], Awaitable[T]]) -> T:
        """Wait for the request's turn and do it; ``key`` names what is asked of the contract.

        Raises
        ------
        IbkrError
            If IBKR does not do its part.
        QuotaWait, QuotaError, SnapshotLimitError, ResultsError
            See :meth:`Quota.acquire`.
        """
        name = f"{contract.conId} {key}"
        job = self._quota.job.name if self._quota.job else ""
        # Asked again after a long wait, the request finds its place in the queue.
        place = hashlib.sha256(f"{job}\n{name}".encode()).hexdigest()
        line = f"{contract.conId} {contract.exchange} TRADES"
        granted = self._quota.acquire(Request(key=name, contract=line, id=place))
        try:
            return self._session.run(work)
        finally:
            self._quota.settle(granted)

    def contract(self, instrument: Instrument) -> Any:
        """IBKR's contract of an instrument, in ib_insync's class.

        Raises
        ------
        ConfigurationError
            If this source does not know it, or several contracts fit.
        IbkrError, QuotaWait
            See :meth:`free`.
        """
        symbol = instrument.symbol
        if symbol not in self._contracts:
            listing = listing_of(instrument)
            found = self.free(lambda client: client.contracts(listing))
            at_home = [contract for contract in found if contract.primaryExchange in HOME_EXCHANGES]
            chosen = found if len(found) == 1 else at_home
            if len(chosen) != 1:
                places = ", ".join(sorted({contract.primaryExchange or contract.exchange for contract in found})[:_SHOWN]) or "none"
                raise ConfigurationError(f"{symbol}: {len(found)} contracts of IBKR fit ({places}); it cannot be told which is meant")
            self._contracts[symbol] = chosen[0]
        return self._contracts[symbol]
