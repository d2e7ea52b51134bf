"""One connection to TWS or IB Gateway; lives in the loop of a :class:`~marketmill.hooks.ibkr_thread.LoopThread`.

Nothing is asked about accounts or orders. A request ends with its answer, with an error, or with a timeout of our own and a
cancel: ib_insync's own timeout would make an empty answer of silence.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from marketmill.hooks.ibkr_connection import Gateway
from marketmill.hooks.ibkr_contracts import Listing
from marketmill.hooks.ibkr_errors import BrokenError, ClientIdTakenError, RefusedError, SilenceError, UnreachableError, UnreadableError

_CONNECT_SECONDS, _HANG_UP_SECONDS = 15.0, 2.0
_TAKEN, _LOST, _RESTORED = 326, 1100, {1101, 1102}
_DELAYED = 3


class IbkrBar(NamedTuple):
    """One bar as it came; ``timestamp`` is UTC, of daily bars midnight of their date."""

    timestamp: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float


class IbkrClient:
    """A fresh ``IB()``.

    Parameters
    ----------
    gateway
        Where to connect to, and how long to wait for an answer.
    """

    def __init__(self, gateway: Gateway) -> None:
        import ib_insync

        self._gateway = gateway
        self._ib = ib_insync.IB()
        self._ib.RaiseRequestErrors = True
        self._is_cut_off = False
        self._ahead = 0.0
        self._ib.errorEvent += self._hear

    @property
    def is_connected(self) -> bool:
        """Whether requests can be sent."""
        return bool(self._ib.isConnected())

    @property
    def version(self) -> int:
        """Version of the protocol that the server speaks."""
        return int(self._ib.client.serverVersion())

    def now(self) -> datetime:
        """The time by IBKR's clock or ours, whichever is behind: no bar that one of them finds unfinished is taken."""
        own = datetime.now(UTC)
        return min(own, datetime.fromtimestamp(own.timestamp() + self._ahead, UTC))

    async def connect(self, client_id: int) -> None:
        """Connect and set our watch.

        Raises
        ------
        ClientIdTakenError
            If another program has this client id.
        UnreachableError
            If nobody answers at the address, or not as TWS does.
        """
        loop = asyncio.get_running_loop()
        failed: asyncio.Future[Exception] = loop.create_future()

        def fail(error: Exception) -> None:
            if not failed.done():
                failed.set_result(error)

        def hear(_number: int, code: int, _text: str, _contract: Any) -> None:
            if code == _TAKEN:
                fail(ClientIdTakenError(f"client id {client_id} is taken at {self._gateway}"))

        def end(text: str) -> None:
            if not text.startswith("API connection failed"):  # that one is raised as well
                fail(self._unreachable(text))

        client, patience = self._ib.client, min(_CONNECT_SECONDS, self._gateway.timeout)
        self._ib.errorEvent += hear
        client.apiError += end
        connecting = asyncio.ensure_future(client.connectAsync(self._gateway.host, self._gateway.port, client_id, patience))
        try:
            await asyncio.wait({connecting, failed}, return_when=asyncio.FIRST_COMPLETED)
            if failed.done():
                raise failed.result()
            await connecting
        except TimeoutError as error:
            raise self._unreachable(f"no answer within {patience:g} s") from error
        except OSError as error:
            raise self._unreachable(_reason(error)) from error
        finally:
            self._ib.errorEvent -= hear
            client.apiError -= end
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
        moment = await self._answer("currentTime", lambda _: client.reqCurrentTime())
        self._ahead = moment.timestamp() - datetime.now(UTC).timestamp()

    async def disconnect(self) -> None:
        """Close the connection, in whatever state it is; the server has hung up by then, and the client id is free."""
        connection = self._ib.client.conn
        if connection.isConnected():
            connection.transport.write_eof()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(connection.disconnected, _HANG_UP_SECONDS)
        self._ib.client.disconnect()

    async def contracts(self, listing: Listing, **details: Any) -> list[Any]:
        """Contracts of IBKR that fit, of its own class; ``details`` are further fields of a contract."""
        import ib_insync

        wanted = ib_insync.Contract(
            symbol=listing.symbol, secType=listing.security_type, exchange=listing.exchange, currency=listing.currency, **details
        )
        return [item.contract for item in await self._ask(lambda number: self._ib.client.reqContractDetails(number, wanted), wanted)]

    async def bars(self, contract: Any, end: datetime, duration: str, bar_size: str) -> list[IbkrBar]:
        """Trades in regular hours, oldest first, up to and including ``end``."""
        client = self._ib.client
        until = f"{end.astimezone(UTC):%Y%m%d %H:%M:%S} UTC"
        found = await self._ask(
            lambda number: client.reqHistoricalData(number, contract, until, duration, bar_size, "TRADES", True, 2, False, []),
            contract,
            cancel=client.cancelHistoricalData,
        )
        bars = [IbkrBar(_moment(bar.date, bar_size), bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in found]
        return sorted(bars, key=lambda bar: bar.timestamp)

    async def first_moment(self, contract: Any) -> datetime:
        """When the history of a contract begins (UTC)."""
        client = self._ib.client
        moment = await self._ask(
            lambda number: client.reqHeadTimeStamp(number, contract, "TRADES", True, 2), contract, cancel=client.cancelHeadTimeStamp
        )
        if not isinstance(moment, datetime):
            raise UnreadableError(f"the beginning of the history of {contract.localSymbol} is not readable")
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)

    async def option_parameters(self, underlying: Any) -> list[Any]:
        """Expiries and strikes per exchange and trading class, in ib_insync's ``OptionChain``."""
        client = self._ib.client
        found: list[Any] = await self._ask(
            lambda number: client.reqSecDefOptParams(number, underlying.symbol, "", underlying.secType, underlying.conId)
        )
        return found

    async def snapshots(self, contracts: Sequence[Any], *, at_once: int) -> list[Any]:
        """One quote of each contract, in ib_insync's ``Ticker``, or the error of those that were refused or not answered.

        Delayed where live data is not subscribed, and never a snapshot that costs money by itself.
        """
        client, wrapper = self._ib.client, self._ib.wrapper
        client.reqMarketDataType(_DELAYED)
        lines = asyncio.Semaphore(at_once)

        async def one(contract: Any) -> Any:
            tickers = []

            def send(number: int) -> None:
                tickers.append(wrapper.startTicker(number, contract, "snapshot"))
                client.reqMktData(number, contract, "", True, False, [])

            async with lines:
                try:
                    await self._ask(send, contract, cancel=client.cancelMktData)
                except (RefusedError, SilenceError) as error:
                    return error
            return tickers[0]

        asked = [asyncio.ensure_future(one(contract)) for contract in contracts]
        try:
            return list(await asyncio.gather(*asked))
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    async def _ask(self, send: Callable[[int], None], contract: Any = None, *, cancel: Callable[[int], None] | None = None) -> Any:
        try:
            number = self._ib.client.getReqId()
        except ConnectionError as error:
            raise self._broken(error) from error
        return await self._answer(number, lambda _: send(number), contract, cancel=cancel)

    async def _answer(
        self, key: int | str, send: Callable[[Any], None], contract: Any = None, *, cancel: Callable[[int], None] | None = None
    ) -> Any:
        from ib_insync.wrapper import RequestError

        try:
            future = self._ib.wrapper.startReq(key, contract)
            send(key)
            return await asyncio.wait_for(future, self._gateway.timeout)
        except RequestError as error:
            raise RefusedError(error.code, error.message) from error
        except TimeoutError as error:
            if cancel is not None and self.is_connected:
                cancel(int(key))
            lost = "; TWS has lost its connection to IBKR" if self._is_cut_off else ""
            raise SilenceError(f"no answer from {self._gateway} within {self._gateway.timeout:g} s{lost}") from error
        except OSError as error:
            raise self._broken(error) from error

    def _hear(self, _number: int, code: int, _text: str, _contract: Any) -> None:
        if code == _LOST:
            self._is_cut_off = True
        elif code in _RESTORED:
            self._is_cut_off = False

    def _unreachable(self, why: str) -> UnreachableError:
        return UnreachableError(f"no TWS or IB Gateway answers at {self._gateway} ({why})")

    def _broken(self, error: OSError) -> BrokenError:
        return BrokenError(f"the connection to {self._gateway} broke ({error}); run the same again")


def _reason(error: OSError) -> str:
    """What the system says; asyncio's own text names the address once more."""
    return os.strerror(error.errno).lower() if error.errno and error.errno > 0 else error.strerror or type(error).__name__


def _moment(value: Any, bar_size: str) -> datetime:
    """Daily bars come with a date, all others with an aware time; anything else would be read in this machine's time zone."""
    if isinstance(value, datetime):
        if value.tzinfo is not None and bar_size != "1 day":
            return value.astimezone(UTC)
    elif isinstance(value, date) and bar_size == "1 day":
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise UnreadableError(f"a bar of {bar_size} came with the time {value!r}")
