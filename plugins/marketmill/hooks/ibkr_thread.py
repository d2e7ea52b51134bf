"""A thread with an event loop of its own, the one place where ib_insync lives.

ib_insync binds itself to event loops: it fails to import in a thread without one, and hangs where a connection crosses loops. So the
loop is there before the import, and everything else speaks to it from outside.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from include.errors import SourceError

T = TypeVar("T")


class LoopThread:
    """Runs coroutines for other threads until it is closed.

    Raises
    ------
    SourceError
        If ib_insync cannot be imported.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._live, args=(started,), name="ibkr", daemon=True)
        self._thread.start()
        started.result()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop and wait for it; it is cancelled where the waiting is broken off."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        finally:
            future.cancel()

    def close(self) -> None:
        """Cancel what is left and end the thread."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def _live(self, started: Future[None]) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            # Its errors come as exceptions; its log would show account numbers.
            logging.getLogger("ib_insync").setLevel(logging.CRITICAL)
            import ib_insync  # noqa: F401
        except Exception as error:  # noqa: BLE001  (whatever it is, the caller must know)
            started.set_exception(SourceError(f"ib_insync cannot be imported ({error}); install requirements.txt"))
        else:
            started.set_result(None)
            self._loop.run_forever()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()
