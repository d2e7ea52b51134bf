"""No request's body is larger than what any form here needs."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from marketmill.api.problems import problem

MOST_BYTES = 64 * 1024


class BodyLimit:
    """Answers 413 to a body of more than :data:`MOST_BYTES`, announced or not, before anything reads it."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body of a request, up to the limit, and pass the request on."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        chunks: list[bytes] = []
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return  # the client has gone
            chunks.append(message.get("body", b""))
            if sum(map(len, chunks)) > MOST_BYTES:
                answer = problem(413, f"the body is larger than {MOST_BYTES} bytes", headers={"Connection": "close"})
                await answer(scope, receive, send)
                return
            if not message.get("more_body"):
                break
        await self._application(scope, _first({"type": "http.request", "body": b"".join(chunks)}, receive), send)


def _first(message: Message, then: Receive) -> Receive:
    waiting = [message]

    async def receive() -> Message:
        return waiting.pop() if waiting else await then()

    return receive
