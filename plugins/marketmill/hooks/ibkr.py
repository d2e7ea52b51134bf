"""Source ``ibkr``: Interactive Brokers through TWS or IB Gateway."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk.exceptions import AirflowNotFoundException

from include.errors import ConfigurationError, MarketmillError
from include.landing import Interval
from include.results.errors import ResultsError
from include.settings import settings
from include.sources import SourceName
from include.universes import Instrument
from marketmill.hooks.base import BarsHook
from marketmill.hooks.ibkr_connection import CONNECTION_ID, Gateway, read_gateway
from marketmill.hooks.ibkr_contracts import listing_of
from marketmill.hooks.ibkr_errors import IbkrError, Meaning, RefusedError, UnreachableError
from marketmill.hooks.option_chains import ChainOutcome, ExpiriesOutcome, OptionChainsHook
from marketmill.outcomes import Failure, Outcome, Permanent, RateLimited, Transient, Unreachable
from marketmill.quota.errors import QuotaWait
from marketmill.quota.ledger import open_ledger
from marketmill.quota.spending import Quota

if TYPE_CHECKING:
    from marketmill.hooks.ibkr_history import IbkrHistory
    from marketmill.hooks.ibkr_options import IbkrOptions
    from marketmill.hooks.ibkr_session import IbkrSession

T = TypeVar("T")


class IbkrHook(BarsHook, OptionChainsHook):
    """Bars of stocks, funds and indices, and option chains.

    It connects at the first question and stays connected until :meth:`close`.

    Parameters
    ----------
    ibkr_conn_id
        Airflow connection; where there is no ``ibkr_default``, TWS with a paper account is looked for on this machine.
    quota
        Whose requests these are; by default those of the ledger of the settings, at the interval of the settings.
    client_id
        Preferred client id; by default the connection's or the settings'.
    """

    source = SourceName.IBKR
    conn_name_attr = "ibkr_conn_id"
    default_conn_name = CONNECTION_ID
    conn_type = "ibkr"
    hook_name = "Interactive Brokers (TWS or IB Gateway)"

    def __init__(self, ibkr_conn_id: str = default_conn_name, *, quota: Quota | None = None, client_id: int | None = None) -> None:
        super().__init__()
        self.ibkr_conn_id = ibkr_conn_id
        self._given_quota = quota
        self._client_id = client_id
        self._open: tuple[IbkrSession, IbkrHistory, IbkrOptions] | None = None

    def chunks(self, timeframe: str, start: datetime, end: datetime) -> Sequence[Interval]:
        """What one request brings, newest first."""
        from marketmill.hooks.ibkr_history import chunk_borders

        return list(pairwise(chunk_borders(timeframe, start, end)))[::-1]

    def fetch(self, instrument: Instrument, timeframe: str, start: datetime, end: datetime) -> Outcome:
        """Ask for the trades in regular hours of one symbol."""
        return self._outcome(instrument, lambda: self._parts[1].read(instrument, timeframe, start, end))

    def list_expiries(self, instrument: Instrument) -> ExpiriesOutcome:
        """Ask which expiries of one symbol are listed."""
        return self._outcome(instrument, lambda: self._parts[2].list_expiries(instrument))

    def fetch_chain(self, instrument: Instrument, expiry: date) -> ChainOutcome:
        """Ask for quotes and greeks of all options of one expiry; delayed ones where live data is not subscribed."""
        return self._outcome(instrument, lambda: self._parts[2].fetch_chain(instrument, expiry))

    def test_connection(self) -> tuple[bool, str]:
        """Connect once; for the button of Airflow's form."""
        try:
            client = self._parts[0].client
            return True, f"{self._gateway} answers, protocol {client.version}, at {client.now():%Y-%m-%d %H:%M:%S} UTC"
        except (MarketmillError, IbkrError) as error:
            return False, str(error)
        finally:
            self.close()

    def reach(self) -> Unreachable | None:
        """Connect, and ask for nothing."""
        outcome = self._caught("", lambda: self._parts[0].client)
        return outcome if isinstance(outcome, Unreachable) else None

    def close(self) -> None:
        """Disconnect; the next question connects again."""
        if self._open is not None:
            session, self._open = self._open[0], None
            try:
                session.close()
            except ResultsError as error:
                self.log.warning("the client id is given back by itself in a while: %s", error)

    def _outcome(self, instrument: Instrument, work: Callable[[], T]) -> T | Failure:
        try:
            listing_of(instrument)  # a wrong symbol needs no connection to be refused
        except ConfigurationError as error:
            return Permanent(str(error))
        return self._caught(instrument.symbol, work)

    def _caught(self, symbol: str, work: Callable[[], T]) -> T | Failure:
        try:
            return work()
        except ConfigurationError as error:
            return Permanent(str(error))
        except QuotaWait as wait:
            return RateLimited(wait.until, f"{symbol}: {wait}")
        except RefusedError as error:
            return self._refusal(symbol, error)
        except UnreachableError as error:
            return Unreachable(
                f"{error}: start it with API clients allowed, or correct the connection {self.ibkr_conn_id}, then run the same again"
            )
        except IbkrError as error:
            return Transient(f"{symbol}: {error} (connection {self.ibkr_conn_id})")

    def _refusal(self, symbol: str, error: RefusedError) -> Failure:
        if error.meaning is Meaning.PACING:
            until = self._quota.ledger.block(self.source.value, None, str(error))
            advice = "raise snapshot_interval if this happens often"
            return RateLimited(until, f"{symbol}: Pacing violation, waiting until {until:%Y-%m-%d %H:%M:%S} UTC ({error}); {advice}")
        if error.meaning in {Meaning.ACT, Meaning.TOO_LONG}:
            return Permanent(f"{symbol}: {error}")
        return Transient(f"{symbol}: {error} (connection {self.ibkr_conn_id}); run it again later")

    @property
    def _parts(self) -> tuple[IbkrSession, IbkrHistory, IbkrOptions]:
        if self._open is None:
            from marketmill.hooks.ibkr_history import IbkrHistory
            from marketmill.hooks.ibkr_options import IbkrOptions
            from marketmill.hooks.ibkr_requests import IbkrRequests
            from marketmill.hooks.ibkr_session import IbkrSession

            session = IbkrSession(self._gateway, self._lease)
            requests = IbkrRequests(session, self._quota)
            self._open = session, IbkrHistory(requests), IbkrOptions(requests)
        return self._open

    def _lease(self, without: Collection[int]) -> AbstractContextManager[int]:
        preferred = self._client_id or self._gateway.client_id or settings().training_client_id
        return self._quota.ledger.lease_client_id(preferred, gateway=str(self._gateway), without=without)

    @cached_property
    def _quota(self) -> Quota:
        return self._given_quota or Quota(open_ledger(), self.source.value, interval=settings().training_snapshot_interval)

    @cached_property
    def _gateway(self) -> Gateway:
        try:
            connection: Any = self.get_connection(self.ibkr_conn_id)
        except AirflowNotFoundException:
            if self.ibkr_conn_id != self.default_conn_name:
                raise
            return Gateway()
        return read_gateway(connection)
