"""Binance's bulk files on 127.0.0.1, below ``/data/spot``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import ClassVar

from include.errors import ConfigurationError
from include.months import month_end, month_start
from tests.servers.common import BarStore, Row, between
from tests.servers.common_clock import Clock
from tests.servers.http.binance.exchange_info import wire_name
from tests.servers.http.binance.intervals import INTERVALS, MONTH, bars_of
from tests.servers.http.binance_bulk.archive import SPOILT, checksum_line, csv_text, zipped
from tests.servers.http.faults import Fault
from tests.servers.http.messages import Answer, Request
from tests.servers.http.stand_in import StandIn

_FILE = re.compile(
    r"/data/spot/(?P<span>daily|monthly)/klines/(?P<symbol>[A-Z0-9]+)/(?P<interval>\w+)"
    r"/(?P<stem>(?P=symbol)-(?P=interval)-(?P<period>\d{4}-\d{2}(?:-\d{2})?))\.zip(?P<checksum>\.CHECKSUM)?"
)
_CODES = {403: "AccessDenied", 404: "NoSuchKey", 500: "InternalError", 503: "SlowDown"}
_MONTH_IN_NAMES = "1mo"


@dataclass(frozen=True)
class _File:
    stem: str
    symbol: str
    interval: str
    start: datetime
    end: datetime
    published: datetime
    is_checksum: bool


class BinanceBulkStandIn(StandIn):
    """The bulk files; :attr:`url` stands for ``https://data.binance.vision``.

    A daily file is published when its day is over, a monthly one on the first Monday of the next month; before that,
    and without any bar, the answer is 404 ``NoSuchKey``. Replacing a table revises its files.

    Parameters
    ----------
    bars
        Symbols are pairs such as ``BTC/USDT``.
    clock, port
        See :class:`StandIn`.
    """

    name = "binance_bulk"
    own_faults: ClassVar[Mapping[str, str]] = {**SPOILT, "wrong_checksum": "a checksum of other bytes (with matching='.CHECKSUM')"}

    def __init__(self, bars: BarStore, *, clock: Clock | None = None, port: int = 0) -> None:
        super().__init__(bars, clock=clock, port=port)
        self._symbols = {wire_name(symbol): symbol for symbol in bars.symbols}
        self._revised: dict[str, datetime] = {}
        self._archives: dict[tuple[str, str, int], bytes] = {}

    @property
    def url(self) -> str:
        """Base address of the files."""
        return self.address

    def replace(self, symbol: str, timeframe: str, rows: Iterable[Row]) -> None:
        """Revise the files of a symbol."""
        self.bars.replace(symbol, timeframe, rows)
        self._symbols[wire_name(symbol)] = symbol
        self._revised[symbol] = self.clock.now()

    def answer(self, request: Request, fault: Fault | None) -> Answer:
        """The file, its checksum, or 404."""
        kind = fault.kind if fault else ""
        file = self._file(request.path)
        data = self._archive(file, kind if kind in SPOILT else "") if file else b""
        if file is None or not data:
            return _error(404, request)
        changed = max(file.published, self._revised.get(file.symbol, file.published))
        headers = {
            "Last-Modified": format_datetime(changed.replace(microsecond=0), usegmt=True),
            "ETag": f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"',
            "Accept-Ranges": "bytes",
        }
        if not file.is_checksum:
            return Answer(200, data, "application/zip", headers)
        line = checksum_line(f"{file.stem}.zip", data[1:] if kind == "wrong_checksum" else data)
        return Answer(200, line.encode(), "binary/octet-stream", headers)

    def refusal(self, request: Request, fault: Fault) -> Answer:
        """The storage's error in XML."""
        return _error(fault.status, request, fault.text)

    def empty(self, request: Request) -> Answer:
        """A zip with an empty CSV, or the checksum of it."""
        file = self._file(request.path)
        if file is None:
            return _error(404, request)
        data = zipped(file.stem, "")
        if file.is_checksum:
            return Answer(200, checksum_line(f"{file.stem}.zip", data).encode(), "binary/octet-stream")
        return Answer(200, data, "application/zip")

    def _file(self, path: str) -> _File | None:
        found = _FILE.fullmatch(path)
        if found is None or found["symbol"] not in self._symbols:
            return None
        interval = MONTH if found["interval"] == _MONTH_IN_NAMES else found["interval"]
        span = _span(found["span"], found["period"])
        if interval not in INTERVALS or span is None or (interval == MONTH) != (found["interval"] == _MONTH_IN_NAMES):
            return None
        start, end, published = span
        symbol = self._symbols[found["symbol"]]
        return _File(found["stem"], symbol, interval, start, end, published, bool(found["checksum"]))

    def _archive(self, file: _File, spoilt: str) -> bytes:
        if self.clock.now() < file.published:
            return b""
        key = (file.stem, spoilt, self.bars.version)
        if key not in self._archives:
            bars = bars_of(self.bars.tables(file.symbol), file.interval)
            inside = between(bars, file.start.timestamp(), file.end.timestamp() - 1)
            text = csv_text(inside, file.interval, file.start)
            self._archives[key] = zipped(file.stem, text, spoilt) if inside else b""
        return self._archives[key]


def _span(span: str, period: str) -> tuple[datetime, datetime, datetime] | None:
    """Beginning, end and publication of a file; None where the name is no day or month."""
    try:
        if span == "daily":
            start = datetime.strptime(period, "%Y-%m-%d").replace(tzinfo=UTC)
            return start, start + timedelta(days=1), start + timedelta(days=1)
        start, end = month_start(period), month_end(period)
    except (ValueError, ConfigurationError):
        return None
    return start, end, end + timedelta(days=-end.weekday() % 7)


def _error(status: int, request: Request, text: str = "") -> Answer:
    code = _CODES.get(status, "Error")
    text = text or {404: "The specified key does not exist.", 503: "Please reduce your request rate."}.get(status, code)
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{text}</Message>'
    key = request.path.lstrip("/").replace("&", "&amp;").replace("<", "&lt;")
    return Answer(status, f"{body}<Key>{key}</Key></Error>".encode(), "application/xml")
