"""The two unmodified clients: ib_insync in its own thread and event loop, and IBKR's own ibapi."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from tests.servers.tws import TwsServer

T = TypeVar("T")


def in_own_loop(work: Callable[[], Awaitable[T]]) -> T:
    """Run a coroutine function in a thread of its own, whose loop is set before ib_insync can be imported."""
    outcome: list[Any] = []

    def run() -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            outcome.append((loop.run_until_complete(work()), None))
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            outcome.append((None, error))
        finally:
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


@asynccontextmanager
async def connected(server: TwsServer, *, client_id: int = 1, patience: float = 3):
    """A fresh IB() of ib_insync that raises request errors; its ``seen`` lists (request id, code, text) of all errors."""
    import ib_insync

    ib = ib_insync.IB()
    ib.RaiseRequestErrors = True
    ib.seen = []
    ib.errorEvent += lambda number, code, text, contract: ib.seen.append((number, code, text))
    await ib.connectAsync(server.host, server.port, clientId=client_id, timeout=patience)
    try:
        yield ib
    finally:
        ib.disconnect()


async def ask_bars(ib: Any, contract: Any, end: Any, duration: str, size: str, **options: Any) -> list[Any]:
    """Historical TRADES in regular hours, epoch dates, without the built-in timeout that turns silence into []."""
    wanted = {"whatToShow": "TRADES", "useRTH": True, "formatDate": 2, "timeout": 0, **options}
    patience = wanted.pop("patience", 5)
    return await asyncio.wait_for(ib.reqHistoricalDataAsync(contract, end, duration, size, **wanted), patience)
