"""Who may ask: cookie, consent pages, crumb, and a quota."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from http.cookies import CookieError, SimpleCookie

from tests.servers.http.messages import HTML, TEXT, Answer, Request

COOKIE = "A3"
_COOKIE_VALUE = "d=AQABBStandIn&S=AQAAAkxvb3BiYWNr"
_LIFE = "Max-Age=31557600; Domain=.yahoo.com; Path=/; SameSite=None; Secure; HttpOnly"
_SESSION = "3_cc-session_standin"
#: A client cannot know of the throttle before it has been told; yfinance asks three times (data, crumb, data).
_UNAVOIDABLE = 3


def cookie_page(status: int) -> Answer:
    """Any page that sets the cookie; ``fc.yahoo.com`` does so with a 404."""
    return Answer(status, b"<html></html>", HTML, {"Set-Cookie": f"{COOKIE}={_COOKIE_VALUE}; {_LIFE}"})


def consent_page() -> Answer:
    """The form of the European consent flow."""
    form = f'<input type="hidden" name="csrfToken" value="stand-in"><input name="sessionId" value="{_SESSION}">'
    return Answer(200, f'<html><form method="post">{form}</form></html>'.encode(), HTML)


def crumb_page(request: Request) -> Answer:
    """The crumb that belongs to the cookie; without a cookie 401."""
    crumb = crumb_of(request)
    return Answer(200, crumb.encode(), TEXT) if crumb else invalid("Invalid Cookie")


def crumb_of(request: Request) -> str:
    """The crumb that a request with this cookie must carry; empty without a cookie."""
    try:
        morsel = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return hashlib.sha256(morsel.value.encode()).hexdigest()[:11] if morsel else ""


def invalid(what: str) -> Answer:
    """401 in Yahoo's words."""
    error = {"code": "Unauthorized", "description": what}
    return Answer.json({"finance": {"result": None, "error": error}}, 401)


def too_many() -> Answer:
    """429 in Yahoo's words."""
    return Answer(429, b"Too Many Requests\r\n", TEXT)


class Quota:
    """So many requests in any minute; then 429 for a while.

    Yahoo publishes no number: this one is the stand-in's own.

    Parameters
    ----------
    per_minute
        Requests that are answered in any 60 seconds.
    pause
        Seconds for which everything is refused after one too many.
    """

    def __init__(self, per_minute: int, pause: float) -> None:
        self.per_minute = per_minute
        self._pause = pause
        self._lock = threading.Lock()
        self._moments: deque[float] = deque()
        self._until = 0.0
        self._refused = 0

    def refuses(self, now: float) -> tuple[bool, str]:
        """Count a request at ``now`` (epoch seconds); whether it is refused, and the rule that it breaks."""
        with self._lock:
            if now < self._until:
                self._refused += 1
                return True, "request while throttled" if self._refused > _UNAVOIDABLE else ""
            while self._moments and now - self._moments[0] >= 60:
                self._moments.popleft()
            if len(self._moments) < self.per_minute:
                self._moments.append(now)
                return False, ""
            self._until, self._refused = now + self._pause, 1
            return True, f"more than {self.per_minute} requests in a minute"
