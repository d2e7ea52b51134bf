"""An ASGI application that is built when it is first asked for something."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from threading import Lock
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class LazyApplication:
    """Stands for the application that ``maker``, a ``module:function``, builds.

    Every Airflow command loads the plugins; only the API server has use for the application, whose imports take seconds.
    """

    def __init__(self, maker: str) -> None:
        self._maker = maker
        self._built: Application | None = None
        self._building = Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        application = self._built
        if application is None:
            application = await asyncio.to_thread(self._build)
        await application(scope, receive, send)

    def _build(self) -> Application:
        with self._building:
            built: Application | None = self._built
            if built is None:
                module, name = self._maker.split(":")
                built = getattr(import_module(module), name)()
                self._built = built
            return built
