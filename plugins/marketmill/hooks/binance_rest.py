"""Single questions to Binance's REST API through ccxt: each one counted in the quota, each failure an outcome."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import ccxt
import pyarrow as pa
import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError

from include.errors import SourceError
from marketmill.hooks.binance_connection import BinanceAccess
from marketmill.hooks.binance_rows import milliseconds, read_answer
from marketmill.outcomes import Failure, Permanent, RateLimited, Transient, Unreachable
from marketmill.quota.errors import QuotaWait
from marketmill.quota.requests import Request
from marketmill.quota.spending import Quota

#: Most rows of one answer.
PAGE = 1000
_WEIGHTS = {"ping": 1, "klines": 2, "exchangeInfo": 20}
#: Pauses before a question is asked again that was not answered, or not sensibly.
_PAUSES = (timedelta(seconds=1), timedelta(seconds=3))
_BANNED_UNTIL = re.compile(r"banned until (\d{13})\b")
_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")


class BinanceFailure(Exception):  # noqa: N818 - an outcome on its way up, nothing of ours went wrong
    """A question that could not be answered, as the outcome of the fetch that asked it."""

    def __init__(self, outcome: Failure) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class UnknownPairError(Exception):
    """Binance says once that it does not know a pair."""


class _PassingError(Exception):
    """Worth asking again at once."""


class _Session(requests.Session):
    """Reads the environment's proxy and certificates once: before each request it would cost a fifth of what Binance itself needs."""

    _read: Any = None

    def merge_environment_settings(self, *args: Any, **kwargs: Any) -> Any:
        """As :class:`requests.Session` does; all requests go to one address."""
        if self._read is None:
            self._read = super().merge_environment_settings(*args, **kwargs)
        return dict(self._read)


class BinanceRest:
    """Questions about pairs by Binance's own names (``BTCUSDT``).

    Parameters
    ----------
    access
        Where and as whom.
    quota
        Binance's quota; every request is acquired and settled there.
    timeout
        How long to wait for an answer.
    """

    def __init__(self, access: BinanceAccess, quota: Quota, timeout: timedelta) -> None:
        self._quota = quota
        self._place = access.rest
        self._timeout = timeout
        self._status = 0
        self._headers: Mapping[str, str] = {}
        self._offset: timedelta | None = None
        exchange = ccxt.binance(
            {
                "apiKey": access.key,
                "secret": access.secret,
                "urls": {"api": {"public": f"{access.rest}/api/v3"}},
                "enableRateLimit": False,  # its bucket knows only its own process; the quota knows all
                "timeout": timeout // timedelta(milliseconds=1),
                "session": _Session(),
            }
        )
        exchange.on_rest_response = self._note
        self._calls: dict[str, Callable[[dict[str, Any]], Any]] = {
            "ping": exchange.public_get_ping,
            "klines": exchange.public_get_klines,
            "exchangeInfo": exchange.public_get_exchangeinfo,
        }

    @property
    def now(self) -> datetime:
        """The earlier of our time and Binance's, so that no bar is taken for finished too soon (UTC)."""
        now = datetime.now(UTC)
        return now if self._offset is None else min(now, now + self._offset)

    def ping(self) -> None:
        """Ask whether anybody is there."""
        self._ask("ping", {}, _nothing_in)

    def bars(self, pair: str, timeframe: str, start: datetime, end: datetime) -> pa.Table:
        """First bars, at most :data:`PAGE`, that open in the half-open interval; the last one may be unfinished.

        Raises
        ------
        UnknownPairError
            If Binance says so.
        BinanceFailure
            If there is no sensible answer.
        """
        params = {"startTime": milliseconds(start), "endTime": milliseconds(end) - 1, "limit": PAGE}
        return self._klines(pair, timeframe, params, start, end)

    def first_opening(self, pair: str, timeframe: str, start: datetime) -> datetime | None:
        """Opening of the first bar at ``start`` or later, or None. Raises like :meth:`bars`."""
        return self._one(pair, timeframe, {"startTime": milliseconds(start), "limit": 1}, start)

    def newest_opening(self, pair: str, timeframe: str) -> datetime | None:
        """Opening of the newest bar, or None. Raises like :meth:`bars`."""
        return self._one(pair, timeframe, {"limit": 1}, datetime(1970, 1, 1, tzinfo=UTC))

    def status(self, pair: str) -> str | None:
        """What Binance says about a pair: ``TRADING``, ``BREAK`` (delisted) and others; None where its list does not hold the pair.

        Raises
        ------
        BinanceFailure
            If there is no sensible answer.
        """
        try:
            return self._ask("exchangeInfo", {"symbol": pair}, lambda answer: _status_in(answer, pair))
        except UnknownPairError:
            return None

    def _one(self, pair: str, timeframe: str, params: dict[str, Any], start: datetime) -> datetime | None:
        bars = self._klines(pair, timeframe, params, start, datetime(9999, 1, 1, tzinfo=UTC))
        moment: datetime | None = bars["timestamp"][0].as_py() if bars.num_rows else None
        return moment

    def _klines(self, pair: str, timeframe: str, params: dict[str, Any], start: datetime, end: datetime) -> pa.Table:
        return self._ask("klines", {"symbol": pair, "interval": timeframe, **params}, lambda answer: read_answer(answer, start, end))

    def _ask(self, path: str, params: dict[str, Any], read: Callable[[Any], _T]) -> _T:
        for pause in (*_PAUSES, None):
            try:
                return read(self._once(path, params))
            except (_PassingError, SourceError) as error:
                reason = f"{self._place}: {error}"
                if pause is None:
                    raise BinanceFailure(Transient(reason)) from error
                _LOG.info("%s; asking again in %d s", reason, pause.total_seconds())
                self._quota.ledger.clock.sleep(pause.total_seconds())
        raise AssertionError

    def _once(self, path: str, params: dict[str, Any]) -> Any:
        try:
            granted = self._quota.acquire(Request(weight=_WEIGHTS[path]))
        except QuotaWait as wait:
            raise BinanceFailure(RateLimited(wait.until, wait.reason)) from wait
        self._status, self._headers = 0, {}
        try:
            return self._calls[path](params)
        except ccxt.BaseError as error:
            raise self._failure(error) from error
        finally:
            self._quota.settle(granted, self._used_weight())

    def _note(self, code: int, _reason: str, _url: str, _method: str, headers: Any, body: str, *_: Any) -> str:
        self._status, self._headers = code, headers
        try:
            self._offset = parsedate_to_datetime(headers["Date"]).astimezone(UTC) - datetime.now(UTC)
        except (KeyError, ValueError, TypeError, OverflowError):
            self._offset = None
        return body.strip()

    def _used_weight(self) -> int | None:
        text = self._headers.get("X-MBX-USED-WEIGHT-1M", "")
        return int(text) if re.fullmatch(r"\d{1,9}", text) else None

    def _failure(self, error: ccxt.BaseError) -> Exception:
        """What an error of ccxt means; ccxt's own classes do not tell enough."""
        status = self._status
        if status in {403, 418, 429}:
            return self._blocked(str(error))
        if status == 451:
            return self._permanent(
                "it does not serve this place (HTTP 451); run it where Binance may serve you, or set another REST address in the connection"
            )
        if isinstance(error, ccxt.BadSymbol):
            return UnknownPairError(str(error))
        if status == 0:
            return self._no_answer(error)
        if status >= 500 or (status == 400 and isinstance(error, ccxt.OperationFailed)):
            return _PassingError(f"it answered with HTTP {status}")
        return self._permanent(f"it refused the request with HTTP {status} ({_said(error)}); is this the address of Binance's REST API?")

    def _no_answer(self, error: ccxt.BaseError) -> Exception:
        if why := _why_unreachable(error.__cause__):
            text = (
                f"Binance cannot be reached at {self._place} ({why}): look at the network and HTTPS_PROXY, or set another REST address in "
                "the connection, then run the same again"
            )
            return BinanceFailure(Unreachable(text))
        if isinstance(error, ccxt.RequestTimeout):
            return _PassingError(f"no answer in {self._timeout.total_seconds():g} s")
        return _PassingError(f"no whole answer ({type(error.__cause__ or error).__name__})")

    def _permanent(self, text: str) -> BinanceFailure:
        return BinanceFailure(Permanent(f"{self._place}: {text}"))

    def _blocked(self, text: str) -> BinanceFailure:
        status = self._status
        waits = []
        if re.fullmatch(r"\d{1,9}", seconds := self._headers.get("Retry-After", "")):
            waits.append(timedelta(seconds=int(seconds)))
        if found := _BANNED_UNTIL.search(text):
            there = datetime.now(UTC) + (self._offset or timedelta())
            waits.append(datetime.fromtimestamp(int(found[1]) / 1000, UTC) - there)
        reason = f"Binance answered with HTTP {status}: {'banned' if status == 418 else 'too many requests'}"
        wait = max(waits, default=timedelta())
        until = self._quota.ledger.block(self._quota.vendor, wait if wait > timedelta() else None, reason)
        return BinanceFailure(RateLimited(until, reason))


def _why_unreachable(error: BaseException | None) -> str:
    """Why no conversation came about, in a few words; empty where one did, and broke off."""
    if isinstance(error, requests.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is refused; behind a proxy of your own set REQUESTS_CA_BUNDLE"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy does not answer"
    reason = getattr(error.args[0], "reason", None) if isinstance(error, requests.ConnectionError) and error.args else None
    if isinstance(reason, NameResolutionError):
        return "its name is not found"
    return "no connection" if isinstance(reason, NewConnectionError) else ""


def _nothing_in(answer: Any) -> None:
    if not isinstance(answer, dict):
        raise SourceError("the answer is not Binance's")


def _status_in(answer: Any, pair: str) -> str | None:
    pairs = answer.get("symbols") if isinstance(answer, dict) else None
    if not isinstance(pairs, list) or not pairs or not all(isinstance(entry, dict) for entry in pairs):
        raise SourceError("the list of pairs is empty or none")
    return next((str(entry.get("status")) for entry in pairs if entry.get("symbol") == pair), None)


def _said(error: ccxt.BaseError) -> str:
    text = re.sub(r"\s+", " ", str(error)).removeprefix("binance ")
    return text[:200]
