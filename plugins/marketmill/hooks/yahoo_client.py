"""Requests to Yahoo: each one granted by the ledger, each failure one typed outcome.

yfinance brings the browser's handshake, the cookie, the crumb and the consent pages. Its readers are not used: they fill empty
volumes with zeros, drop rows, ask once more for the time zone of each symbol, and keep failed answers in a cache.
"""

from __future__ import annotations

import json
import logging
import os
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlsplit

from include.errors import MarketmillError
from marketmill.outcomes import Failure, Permanent, RateLimited, Transient, Unreachable
from marketmill.quota.errors import QuotaWait
from marketmill.quota.requests import Request
from marketmill.quota.spending import Quota

_HOST = "https://query2.finance.yahoo.com"
_COUNTED = ".finance.yahoo.com"
_CRUMB = "/v1/test/getcrumb"
#: 999 is an older way of Yahoo's to say 429.
_THROTTLED = (429, 999)
_LONGEST_TEXT = 200
#: What curl says where no conversation came about: proxy or host not found, no connection, no handshake, a certificate refused.
_NO_CONVERSATION = {5, 6, 7, 35, 60, 77, 97}
#: Of these, a certificate that is not trusted, and a file of authorities that cannot be read.
_CERTIFICATE = {60, 77}
#: Variables that name a file of certificate authorities; the first that is set counts.
_AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_CURL_SAYS = re.compile(r"curl: \(\d+\) (.+?)\.? See http")
_NOT_EVEN_CONNECTED = ("Connection timed out", "Resolving timed out", "CONNECT tunnel failed")


class YahooError(Exception):
    """A request that brought no answer; ``outcome`` says what came of it."""

    def __init__(self, outcome: Failure) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class UnknownSymbolError(YahooError):
    """Yahoo says that there is no such symbol, which need not be so."""


class _Throttled(Exception):  # noqa: N818  (yfinance would take an ...Error for one that it may try again)
    def __init__(self, retry_after: timedelta | None) -> None:
        super().__init__("throttled")
        self.retry_after = retry_after


class YahooClient:
    """One conversation with Yahoo, with a cookie and a crumb of its own.

    Parameters
    ----------
    quota
        What may be asked; only charts and options count for its job.
    timeout
        Longest wait for an answer, in seconds.
    """

    def __init__(self, quota: Quota, *, timeout: float = 30.0) -> None:
        self._quota = quota
        self._timeout = timeout
        self._data: Any = None

    def chart(self, symbol: str, interval: str, first: datetime, last: datetime) -> Any:
        """Content of the chart answer of Yahoo's ``symbol``, with splits and dividends.

        Raises
        ------
        YahooError
            If no chart came.
        """
        parameters = {
            "period1": int(first.timestamp()),
            "period2": int(last.timestamp()),
            "interval": interval,
            "includePrePost": "false",
            "events": "div,splits",
        }
        return self._ask(symbol, "chart", f"/v8/finance/chart/{quote(symbol, safe='')}", parameters)

    def options(self, symbol: str, expiry: date | None = None) -> Any:
        """Content of the options answer: the listed expiries and the chain of ``expiry``, or of the nearest one.

        Raises
        ------
        YahooError
            If no chain came.
        """
        parameters = {}
        if expiry is not None:
            parameters["date"] = int(datetime(expiry.year, expiry.month, expiry.day, tzinfo=UTC).timestamp())
        return self._ask(symbol, "optionChain", f"/v7/finance/options/{quote(symbol, safe='')}", parameters)

    def _ask(self, symbol: str, body: str, path: str, parameters: dict[str, Any]) -> Any:
        if self._data is None:
            self._data = _open_data(self._quota, self._timeout)
        try:
            response = self._data.get(f"{_HOST}{path}", params=parameters, timeout=self._timeout)
            status, content = int(response.status_code), _parsed(response.content)
        except _Throttled as refused:
            raise YahooError(self._leave_alone(refused.retry_after)) from None
        except QuotaWait as wait:
            raise YahooError(RateLimited(wait.until, str(wait))) from None
        except MarketmillError:
            raise
        except Exception as error:  # curl's errors, yfinance's, and whatever its reading of Yahoo's pages stumbles over
            raise YahooError(_no_answer(symbol, error)) from error
        if status >= 400:
            raise _refusal(symbol, status, _description(content, body))
        if not isinstance(content, dict) or not isinstance(content.get(body), dict):
            raise YahooError(Transient(f"Yahoo answered {symbol} with something that is no {body}; ask again later"))
        if reason := _description(content, body):
            raise YahooError(Transient(f"Yahoo answered {symbol}: {reason}; ask again later"))
        return content[body]

    def _leave_alone(self, retry_after: timedelta | None) -> RateLimited:
        until = self._quota.ledger.block(self._quota.vendor, retry_after, "429 Too Many Requests")
        return RateLimited(until, f"Yahoo has had too many requests from here (429) and is left alone until {until:%Y-%m-%d %H:%M:%S} UTC")


def _open_data(quota: Quota, timeout: float) -> Any:
    """Make yfinance's access to Yahoo, guarded by the ledger; one process may hold several."""
    from curl_cffi import requests
    from yfinance.data import YfData

    # Charts go without the cookie whose absence it tells of each time, and what came of a request is told by its outcome.
    logging.getLogger("yfinance").setLevel(logging.ERROR)

    class GuardedSession(requests.Session):
        def request(self, method: Any, url: str, *args: Any, **kwargs: Any) -> Any:
            kwargs["timeout"] = timeout  # yfinance has other ideas for its own pages
            address = urlsplit(url)
            if not (address.hostname or "").endswith(_COUNTED):
                return super().request(method, url, *args, **kwargs)
            is_crumb = address.path == _CRUMB
            granted = (replace(quota, job=None) if is_crumb else quota).acquire(Request())
            try:
                response = super().request(method, url, *args, **kwargs)
            finally:
                quota.settle(granted)
            # Charts need no crumb, so yfinance goes on without one. After any other refusal it would ask twice more.
            if response.status_code in _THROTTLED and not is_crumb:
                raise _Throttled(_retry_after(response.headers.get("Retry-After")))
            return response

    # A class of its own, since YfData keeps one object a class, and with it the cookie of whoever came first.
    class OwnData(YfData):
        # The cookie stays in the session's memory: yfinance's store unpickles what it finds in a folder.
        def _load_cookie_curlCffi(self) -> bool:  # noqa: N802
            return False

        def _save_cookie_curlCffi(self) -> bool:  # noqa: N802
            self._cookie = True if len(self._session.cookies) else None
            return self._cookie is not None

    return OwnData(session=GuardedSession(impersonate="chrome"))


def _retry_after(text: str | None) -> timedelta | None:
    """Read a ``Retry-After`` of seconds or a date; None where there is none that can be read."""
    if not text:
        return None
    try:
        is_number = text.isascii() and text.isdigit()
        wait = timedelta(seconds=int(text[:9])) if is_number else parsedate_to_datetime(text).astimezone(UTC) - datetime.now(UTC)
    except (ValueError, OverflowError):
        return None
    return wait if wait > timedelta() else None


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _description(content: Any, body: str) -> str:
    """What an answer says to be wrong."""
    if not isinstance(content, dict):
        return ""
    for name in (body, "finance"):
        part = content.get(name)
        error = part.get("error") if isinstance(part, dict) else None
        if isinstance(error, dict):
            return str(error.get("description") or error.get("code") or "error")[:_LONGEST_TEXT]
    return ""


def _refusal(symbol: str, status: int, description: str) -> YahooError:
    said = f"{status}{': ' + description if description else ''}"
    if status == 404:
        return UnknownSymbolError(
            Transient(
                f"Yahoo does not find {symbol} ({said}), which it says of listed symbols at times: "
                "look at the spelling on finance.yahoo.com, or ask again later"
            )
        )
    if status in (400, 422):
        return YahooError(Permanent(f"Yahoo does not take the request for {symbol} ({said})"))
    return YahooError(Transient(f"Yahoo failed for {symbol} ({said}); ask again later"))


def _no_answer(symbol: str, error: Exception) -> Transient:
    said = _CURL_SAYS.search(str(error))
    words = said[1] if said else ""
    code = getattr(error, "code", 0)
    if code in _NO_CONVERSATION or words.startswith(_NOT_EVEN_CONNECTED):
        advice = _about_authorities() if code in _CERTIFICATE else "look at the network and HTTPS_PROXY"
        return Unreachable(f"Yahoo cannot be reached ({words}): {advice}, then run the same again")
    return Transient(f"Yahoo gave no whole answer for {symbol} ({_shown(error)}); ask again later")


def _about_authorities() -> str:
    """What to look at where a certificate is not trusted: the variable that counts, as curl_cffi reads them."""
    if name := next((name for name in _AUTHORITIES if os.environ.get(name)), None):
        return f"look at the file of certificate authorities that {name} names"
    return f"behind a proxy with certificates of its own let {_AUTHORITIES[0]} name the file of its authority"


def _shown(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:_LONGEST_TEXT]
