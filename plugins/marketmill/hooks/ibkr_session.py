"""A session: a leased client id, a connection that is made when it is needed and again when it broke, and its thread."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, TypeVar

from marketmill.hooks.ibkr_connection import Gateway
from marketmill.hooks.ibkr_errors import ClientIdTakenError

if TYPE_CHECKING:
    from marketmill.hooks.ibkr_client import IbkrClient

T = TypeVar("T")
Lease = Callable[[Collection[int]], AbstractContextManager[int]]
_log = logging.getLogger(__name__)


class IbkrSession:
    """Runs work with a client; for one thread at a time.

    Parameters
    ----------
    gateway
        Where to connect to.
    lease
        Gives a client id that no other task has, and none of those named.
    """

    def __init__(self, gateway: Gateway, lease: Lease) -> None:
        from marketmill.hooks.ibkr_thread import LoopThread

        self._gateway = gateway
        self._lease = lease
        self._leased = ExitStack()
        self._client: IbkrClient | None = None
        self._thread = LoopThread()

    def run(self, work: Callable[[IbkrClient], Awaitable[T]]) -> T:
        """Do the work with a connected client.

        Raises
        ------
        IbkrError
            If IBKR does not do its part.
        QuotaWait
            If all client ids are taken.
        """
        client = self.client

        async def _work() -> T:
            return await work(client)

        return self._thread.run(_work())

    @property
    def client(self) -> IbkrClient:
        """The connected client; its coroutines belong into :meth:`run`."""
        if self._client is None or not self._client.is_connected:
            self._leased.close()
            self._client = self._connect()
        return self._client

    def close(self) -> None:
        """Disconnect, give the client id back and end the thread."""
        try:
            if self._client is not None and self._client.is_connected:
                self._thread.run(self._client.disconnect())
            self._thread.close()
        finally:
            self._leased.close()

    def _connect(self) -> IbkrClient:
        refused: list[int] = []
        while True:
            client_id = self._leased.enter_context(self._lease(refused))
            try:
                client = self._thread.run(_connected(self._gateway, client_id))
            except ClientIdTakenError as error:
                _log.info("%s; trying another", error)
                refused.append(client_id)
                self._leased.close()
                continue
            except BaseException:
                self._leased.close()
                raise
            _log.info("connected to %s as client %d", self._gateway, client_id)
            return client


async def _connected(gateway: Gateway, client_id: int) -> IbkrClient:
    from marketmill.hooks.ibkr_client import IbkrClient

    client = IbkrClient(gateway)
    try:
        await client.connect(client_id)
    except BaseException:
        await client.disconnect()
        raise
    return client
