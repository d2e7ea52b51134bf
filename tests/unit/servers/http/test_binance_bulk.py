"""The bulk files: equal to the REST rows, published late, revised, spoilt."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
import requests

from tests.servers.common import BarStore
from tests.servers.common_clock import AdjustableClock
from tests.servers.http.binance import BinanceStandIn
from tests.servers.http.binance_bulk import BinanceBulkStandIn
from tests.servers.http.binance_bulk.archive import BOMB_BYTES
from tests.servers.http.faults import GARBAGE, Fault
from tests.unit.servers.http.conftest import Walk

START = datetime(2024, 12, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOW = datetime(2025, 2, 2, 23, 30, tzinfo=UTC)  # a Sunday: the next day January's file appears
DECEMBER = "/data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-12.zip"
JANUARY = DECEMBER.replace("2024-12", "2025-01")


@pytest.fixture
def bars(walk: Walk) -> BarStore:
    return BarStore({"BTC/USDT": {"1h": walk(START, HOUR, 64 * 24)}})


@pytest.fixture
def bulk(bars: BarStore) -> Iterator[BinanceBulkStandIn]:
    with BinanceBulkStandIn(bars, clock=AdjustableClock(NOW)) as running:
        yield running


def fetch(bulk: BinanceBulkStandIn, path: str) -> requests.Response:
    return requests.get(bulk.url + path, timeout=30)


def csv_rows(data: bytes) -> list[list[str]]:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        [member] = archive.namelist()
        return [line.split(",") for line in archive.read(member).decode().splitlines()]


def agrees(bulk: BinanceBulkStandIn, path: str) -> bool:
    digest, name = fetch(bulk, path + ".CHECKSUM").text.split()
    assert name == path.rpartition("/")[2]
    return digest == hashlib.sha256(fetch(bulk, path).content).hexdigest()


def test_a_file_equals_the_rest_rows(bulk: BinanceBulkStandIn, bars: BarStore) -> None:
    with BinanceStandIn(bars, clock=bulk.clock) as rest:
        query = f"symbol=BTCUSDT&interval=1h&limit=1000&startTime={int(START.timestamp() * 1000)}"
        raw = requests.get(f"{rest.url}/klines?{query}", timeout=5).json()
    december = csv_rows(fetch(bulk, DECEMBER).content)
    assert len(december) == 31 * 24
    assert december == [[str(value) for value in row] for row in raw[: 31 * 24]]
    assert agrees(bulk, DECEMBER)


def test_times_are_microseconds_from_2025_on(bulk: BinanceBulkStandIn) -> None:
    bulk.advance(1800)
    first = csv_rows(fetch(bulk, JANUARY).content)[0]
    opened = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
    assert (int(first[0]), int(first[6])) == (opened, opened + 3_600_000_000 - 1)
    assert len(csv_rows(fetch(bulk, DECEMBER).content)[0][0]) == 13


def test_monthly_files_appear_on_the_first_monday_and_daily_ones_the_next_day(bulk: BinanceBulkStandIn) -> None:
    daily = "/data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2025-02-02.zip"
    for path in (JANUARY, JANUARY + ".CHECKSUM", daily):
        missing = fetch(bulk, path)
        assert missing.status_code == 404
        assert missing.headers["Content-Type"] == "application/xml"
        assert "<Code>NoSuchKey</Code>" in missing.text
    bulk.advance(1800)
    assert fetch(bulk, JANUARY).headers["Last-Modified"] == "Mon, 03 Feb 2025 00:00:00 GMT"
    assert len(csv_rows(fetch(bulk, daily).content)) == 24


@pytest.mark.parametrize(
    "path",
    [
        DECEMBER.replace("2024-12", "2019-01"),
        DECEMBER.replace("2024-12", "2024-13"),
        DECEMBER.replace("BTC", "ETH"),
        DECEMBER.replace("BTCUSDT-", "ETHUSDT-"),
        DECEMBER.replace("1h", "1M"),
        DECEMBER.replace("spot", "futures"),
        DECEMBER.replace("monthly", "daily"),
    ],
)
def test_what_is_not_there(bulk: BinanceBulkStandIn, path: str) -> None:
    assert fetch(bulk, path).status_code == 404


def test_names_of_monthly_bars(bulk: BinanceBulkStandIn) -> None:
    [row] = csv_rows(fetch(bulk, DECEMBER.replace("1h", "1mo")).content)
    assert int(row[0]) == int(START.timestamp() * 1000)
    assert int(row[6]) == int(datetime(2025, 1, 1, tzinfo=UTC).timestamp() * 1000) - 1


def test_a_revised_file_has_other_bytes_and_a_later_date(bulk: BinanceBulkStandIn, walk: Walk) -> None:
    before = fetch(bulk, DECEMBER)
    assert fetch(bulk, DECEMBER).content == before.content
    bulk.replace("BTC/USDT", "1h", walk(START, 2 * HOUR, 300))
    after = fetch(bulk, DECEMBER)
    assert len(csv_rows(after.content)) == 300
    assert before.headers["ETag"] != after.headers["ETag"]
    assert before.headers["Last-Modified"] == "Mon, 06 Jan 2025 00:00:00 GMT"
    assert after.headers["Last-Modified"] == "Sun, 02 Feb 2025 23:30:00 GMT"
    assert agrees(bulk, DECEMBER)


def test_wrong_checksum_once(bulk: BinanceBulkStandIn) -> None:
    bulk.faults.add(Fault("wrong_checksum", matching=".CHECKSUM"))
    assert not agrees(bulk, DECEMBER)
    assert agrees(bulk, DECEMBER)


def test_spoilt_files_agree_with_their_checksums(bulk: BinanceBulkStandIn) -> None:
    spoilt = {}
    for kind in ("broken_zip", "evil_name", "garbage_rows", "header"):
        bulk.faults.add(Fault(kind, matching="2024-12", times=None))
        assert agrees(bulk, DECEMBER)
        spoilt[kind] = fetch(bulk, DECEMBER).content
        bulk.faults.clear()
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(BytesIO(spoilt["broken_zip"]))
    assert zipfile.ZipFile(BytesIO(spoilt["evil_name"])).namelist() == ["../../../BTCUSDT-1h-2024-12.csv"]
    assert csv_rows(spoilt["garbage_rows"])[0] == ["a", "b", "c"]
    header, *rows = csv_rows(spoilt["header"])
    assert header[:2] == ["open_time", "open"]
    assert rows == csv_rows(fetch(bulk, DECEMBER).content)


def test_a_zip_bomb_is_small_on_the_wire(bulk: BinanceBulkStandIn) -> None:
    bulk.faults.add(Fault("zip_bomb"))
    data = fetch(bulk, DECEMBER).content
    [member] = zipfile.ZipFile(BytesIO(data)).infolist()
    assert member.file_size > BOMB_BYTES > 50 * len(data)


def test_faults_of_the_transport(bulk: BinanceBulkStandIn) -> None:
    whole = fetch(bulk, DECEMBER).content
    bulk.faults.add(Fault("truncated"), Fault("garbage"), Fault("empty"), Fault("status", status=503))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        fetch(bulk, DECEMBER)
    assert fetch(bulk, DECEMBER).content == GARBAGE
    assert csv_rows(fetch(bulk, DECEMBER).content) == []
    refused = fetch(bulk, DECEMBER)
    assert (refused.status_code, "SlowDown" in refused.text) == (503, True)
    assert fetch(bulk, DECEMBER).content == whole


def test_head_gives_the_size_without_the_file(bulk: BinanceBulkStandIn) -> None:
    head = requests.head(bulk.url + DECEMBER, timeout=5)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["Content-Length"]) == len(fetch(bulk, DECEMBER).content)
