"""Binance's bulk files: bars of a month or a day as a zipped CSV with its checksum, free of any request weight."""

from __future__ import annotations

import hashlib
import io
import logging
import zipfile
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
import requests

from include.errors import SourceError
from include.months import month_end, month_start, months_between
from include.schemas import LANDING
from marketmill.hooks.binance_rows import bars_inside, join_bars, read_csv

TIMEFRAMES = ("1m", "5m", "15m", "1h")
#: Whose bars of one day are more than one REST answer; only for these are files of days worth asking for.
_TIMEFRAMES_BY_DAY = ("1m",)
_DAY = timedelta(days=1)
#: A month of bars of one minute is about 2 MiB zipped and 6 MiB plain.
_MOST_ZIPPED, _MOST_PLAIN = 16 << 20, 32 << 20
_TRIES = 2
_PATIENCE = 3
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _File:
    path: str
    stem: str
    start: datetime
    end: datetime


class BinanceFiles:
    """The bulk files as far as they can be had. Whatever is wrong with one is logged, and its bars are left to REST.

    Parameters
    ----------
    address
        Base address; None: there are no files.
    timeout
        How long to wait for an answer, and for its next piece.
    """

    def __init__(self, address: str | None, timeout: timedelta) -> None:
        self._address = address
        self._seconds = timeout.total_seconds()
        self._session = requests.Session()
        self._failures = 0

    def bars(self, pair: str, timeframe: str, start: datetime, end: datetime) -> pa.Table:
        """Bars of the half-open interval that files hold, in order: all of them, some or none.

        A month is taken from its file where all of it is wanted, bars of one minute also from files of days, since the file of a
        month is published some days after its end.
        """
        if not self._address or timeframe not in TIMEFRAMES:
            return LANDING.empty_table()
        tables = []
        for month in months_between(start, end):
            whole = month_start(month), month_end(month)
            low, high = max(start, whole[0]), min(end, whole[1])
            found = self._file(_file("monthly", pair, timeframe, month, *whole)) if (low, high) == whole else None
            if found is not None:
                tables.append(found)
            elif timeframe in _TIMEFRAMES_BY_DAY:
                tables += self._days(pair, timeframe, low, high)
        return bars_inside(join_bars(tables), start, end)

    def check(self) -> None:
        """Ask whether anybody is there.

        Raises
        ------
        SourceError
            If nobody is.
        """
        if self._address:
            try:
                status = self._session.head(self._address, timeout=self._seconds).status_code
            except requests.RequestException as error:
                raise SourceError(f"{self._address}: no answer ({type(error).__name__})") from error
            if status >= 500:
                raise SourceError(f"{self._address}: HTTP {status}")

    def _days(self, pair: str, timeframe: str, start: datetime, end: datetime) -> list[pa.Table]:
        tables = []
        day = start.replace(hour=0, minute=0, second=0, microsecond=0)
        if day < start:
            day += _DAY
        while day + _DAY <= end:
            found = self._file(_file("daily", pair, timeframe, f"{day:%Y-%m-%d}", day, day + _DAY))
            if found is None:
                break
            tables.append(found)
            day += _DAY
        return tables

    def _file(self, file: _File) -> pa.Table | None:
        """Verified bars of one file; None where there is none, or none that can be used."""
        if self._failures >= _PATIENCE:
            return None
        problem = ""
        for _ in range(_TRIES):
            try:
                found = self._load(file)
            except (SourceError, requests.RequestException) as error:
                problem = str(error) if isinstance(error, SourceError) else f"no whole answer ({type(error).__name__})"
                continue
            self._failures = 0
            return found
        self._failures += 1
        more = "; no more files are asked for in this task" if self._failures == _PATIENCE else ""
        _LOG.warning("%s.zip cannot be used (%s), its bars are taken by REST%s", file.stem, problem, more)
        return None

    def _load(self, file: _File) -> pa.Table | None:
        zipped = self._get(f"{file.path}.zip", _MOST_ZIPPED)
        if zipped is None:
            return None
        line = self._get(f"{file.path}.zip.CHECKSUM", 1 << 10)
        if line is None:
            raise SourceError("its checksum is missing")
        if line.split() != [hashlib.sha256(zipped).hexdigest().encode(), f"{file.stem}.zip".encode()]:
            raise SourceError("its checksum does not agree")
        return read_csv(_unzip(zipped, f"{file.stem}.csv"), file.start, file.end)

    def _get(self, path: str, most: int) -> bytes | None:
        with self._session.get(f"{self._address}/{path}", timeout=self._seconds, stream=True) as answer:
            if answer.status_code == 404:
                return None
            if answer.status_code != 200:
                raise SourceError(f"HTTP {answer.status_code}")
            data = bytearray()
            for piece in answer.iter_content(1 << 16):
                data += piece
                if len(data) > most:
                    raise SourceError(f"it is larger than {most >> 10} KiB")
        return bytes(data)


def _unzip(zipped: bytes, name: str) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
            if archive.namelist() != [name]:
                raise SourceError(f"the zip holds something else than {name}")
            with archive.open(name) as member:
                data = member.read(_MOST_PLAIN + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise SourceError(f"the zip is broken ({error})") from error
    if len(data) > _MOST_PLAIN:
        raise SourceError(f"the zip unpacks to more than {_MOST_PLAIN >> 20} MiB")
    return data


def _file(span: str, pair: str, timeframe: str, period: str, start: datetime, end: datetime) -> _File:
    stem = f"{pair}-{timeframe}-{period}"
    return _File(f"data/spot/{span}/klines/{pair}/{timeframe}/{stem}", stem, start, end)
