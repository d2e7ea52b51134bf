"""The bytes of one bulk file: CSV rows in a zip, right or spoilt, and its checksum line."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO

from tests.servers.common import Bar
from tests.servers.http.binance.intervals import following
from tests.servers.http.binance.rows import kline

#: From this day on both time columns count microseconds.
MICROSECONDS_FROM = datetime(2025, 1, 1, tzinfo=UTC)
BOMB_BYTES = 1 << 27

#: Kinds of spoilt files; a file and its checksum are spoilt alike while the fault lasts (``times=None``).
SPOILT = {
    "broken_zip": "the first half of the zip; its checksum agrees",
    "zip_bomb": f"a zip that unpacks to {BOMB_BYTES >> 20} MiB; its checksum agrees",
    "evil_name": "a zip whose member would be unpacked outside the folder; its checksum agrees",
    "garbage_rows": "a zip with rows that are none; its checksum agrees",
    "header": "a zip whose CSV begins with a header line, as some files do; its checksum agrees",
}

_HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n"
_CHUNK = 1 << 20


def csv_text(bars: Sequence[Bar], interval: str, start: datetime) -> str:
    """Rows without header.

    Parameters
    ----------
    bars
        Bars of the file's day or month.
    interval
        Binance's name of the bar size.
    start
        Beginning of the day or month; decides the unit of time.
    """
    per_second = 1_000_000 if start >= MICROSECONDS_FROM else 1000
    rows = (kline(bar, following(bar.start, interval), per_second=per_second) for bar in bars)
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


def zipped(stem: str, text: str, spoilt: str = "") -> bytes:
    """The zip with one member ``<stem>.csv``; the same bytes for the same text.

    Parameters
    ----------
    stem, text
        Name without ending, and content.
    spoilt
        One of :data:`SPOILT`, or empty.
    """
    if spoilt == "header":
        text = _HEADER + text
    if spoilt == "garbage_rows":
        text = "\n".join(["a,b,c", "", "1;2;3", "9" * 400, "-1,nan,inf,-5,x", "\x00"]) + "\n"
    member = f"../../../{stem}.csv" if spoilt == "evil_name" else f"{stem}.csv"
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo(member, date_time=(1980, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(entry, "w") as handle:
            handle.write(text.encode())
            if spoilt == "zip_bomb":
                chunk = (text.splitlines(keepends=True)[-1] * _CHUNK).encode()[:_CHUNK]
                for _ in range(BOMB_BYTES // _CHUNK):
                    handle.write(chunk)
    data = buffer.getvalue()
    return data[: len(data) // 2] if spoilt == "broken_zip" else data


def checksum_line(name: str, data: bytes) -> str:
    """One line as ``sha256sum`` writes it."""
    return f"{hashlib.sha256(data).hexdigest()}  {name}\n"
