"""Binance's two stand-ins on one clock, a hook that asks them, and a real ledger that goes by the same clock."""

from __future__ import annotations

import atexit
import json
import math
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import Engine

from include.lake import Lake
from include.landing import read_landed
from include.results.address import parse_address
from include.results.engine import open_engine
from include.results.migrate import migrate
from include.universes import Instrument, Kind
from marketmill.fetch import Fetched, FetchPlan, fetch_batch
from marketmill.hooks.binance import BinanceHook
from marketmill.quota.ledger import Ledger
from marketmill.quota.rules import Minute
from marketmill.quota.spending import Quota
from marketmill.quota.vendors import BackOff, Limits
from tests.servers.common import BarStore, Row
from tests.servers.common_clock import AdjustableClock
from tests.servers.http.binance import BinanceStandIn
from tests.servers.http.binance_bulk import BinanceBulkStandIn

STEPS = {
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
}


def day(text: str) -> datetime:
    """``2024-06-01`` or ``2024-06-01T12:30`` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def walk(start: str, end: str, timeframe: str = "1h") -> list[Row]:
    """Bars from ``start`` up to, not including, ``end``: prices of two and volumes of five decimals, no two alike."""
    rows: list[Row] = []
    moment, step = day(start), STEPS[timeframe]
    while moment < day(end):
        number = int(moment.timestamp()) // 60
        opening = round(100 + 9 * math.sin(number / 577) + number % 9973 / 100, 2)
        close = round(opening + (number % 7 - 3) * 0.21, 2)
        high, low = round(max(opening, close) + 0.13, 2), round(min(opening, close) - 0.11, 2)
        rows.append((moment, opening, high, low, close, round(1000 + number % 7919 * 1.00021, 5)))
        moment += step
    return rows


def instrument(symbol: str, *aliases: str) -> Instrument:
    """A pair."""
    return Instrument(symbol=symbol, name=symbol, kind=Kind.CRYPTO, calendar="24/7", trades_volume=True, aliases=aliases)


class StandInClock:
    """The stand-ins' clock as the ledger's; who waits moves it on."""

    def __init__(self, clock: AdjustableClock) -> None:
        self._clock = clock
        self.slept = 0.0

    def now(self, connection: object) -> int:
        return round(self._clock.now().timestamp() * 1_000_000)

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self._clock.advance(seconds)


class Market:
    """What a test needs; ``rest`` and ``bulk`` hold the same bars unless ``bulk_bars`` says otherwise."""

    def __init__(
        self, rest: BinanceStandIn, bulk: BinanceBulkStandIn, ledger: Ledger, clock: StandInClock, patch: pytest.MonkeyPatch
    ) -> None:
        self.rest, self.bulk, self.ledger, self.clock = rest, bulk, ledger, clock
        self._patch = patch
        self.timeout = timedelta(seconds=20)
        self.connect()

    def connect(self, *, use_bulk: bool = True) -> None:
        """Point the connection at the stand-ins."""
        extra = {"bulk_url": self.bulk.address, "use_bulk": use_bulk}
        connection = {"conn_type": "binance", "host": self.rest.address, "extra": extra}
        self._patch.setenv("AIRFLOW_CONN_BINANCE_DEFAULT", json.dumps(connection))

    def hook(self, patience: float = 30) -> BinanceHook:
        """A new hook, as a new task has it."""
        return BinanceHook(quota=Quota(self.ledger, "binance", patience=timedelta(seconds=patience)), timeout=self.timeout)

    def fetch(self, lake: Lake, symbol: str, timeframe: str, start: str, end: str) -> Fetched:
        """What the fetch task does for one symbol."""
        plan = FetchPlan("binance", "crypto", timeframe, day(start).isoformat(), day(end).isoformat(), [symbol])
        [fetched] = fetch_batch(lake, self.hook(), plan)
        return fetched

    def asked(self) -> tuple[int, int]:
        """Requests for bars by REST, and for files."""
        return len(self.rest.requests("/klines")), len(self.bulk.requests())

    def forget(self) -> None:
        """Empty both records."""
        self.rest.record.clear()
        self.bulk.record.clear()

    def close(self) -> None:
        """No rule was broken."""
        assert self.rest.violations() == []
        assert self.bulk.violations() == []


def _engine(folder: Path) -> Engine:
    return open_engine(parse_address(f"sqlite:///{folder / 'results.db'}", Path("/nowhere")))


@cache
def _migrated() -> Path:
    """A migrated results database, to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="marketmill-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    engine = _engine(folder)
    migrate(engine)
    engine.dispose()
    return folder / "results.db"


@contextmanager
def open_market(
    patch: pytest.MonkeyPatch,
    folder: Path,
    bars: Mapping[str, Mapping[str, list[Row]]],
    now: str,
    *,
    bulk_bars: Mapping[str, Mapping[str, list[Row]]] | None = None,
    delisted: tuple[str, ...] = (),
    weight_limit: int = 6000,
) -> Iterator[Market]:
    """Start both stand-ins; when the test is over no rule of Binance was broken."""
    clock = AdjustableClock(day(now))
    shutil.copyfile(_migrated(), folder / "results.db")
    engine = _engine(folder)
    limits = Limits((Minute("weight", weight_limit, 0.88),), timedelta(minutes=1), BackOff(timedelta(minutes=1), timedelta(hours=1)))
    ledger_clock = StandInClock(clock)
    ledger = Ledger(engine, ledger_clock, {"binance": limits})
    with (
        BinanceStandIn(BarStore(bars), delisted=delisted, clock=clock, weight_limit=weight_limit) as rest,
        BinanceBulkStandIn(BarStore(bars if bulk_bars is None else bulk_bars), clock=clock) as bulk,
    ):
        market = Market(rest, bulk, ledger, ledger_clock, patch)
        yield market
        market.close()


def landed(lake: Lake, symbol: str, timeframe: str, start: str, end: str) -> list[Row]:
    """Rows of the lake, as the stand-ins have them (None for null)."""
    table = read_landed(lake, "binance", timeframe, symbol, day(start), day(end)).rows
    return [tuple(row[name] for name in ("timestamp", "open", "high", "low", "close", "volume")) for row in table.to_pylist()]


def rows_of(table: object) -> list[Row]:
    """Rows of an outcome's table."""
    return [tuple(row[name] for name in ("timestamp", "open", "high", "low", "close", "volume")) for row in table.to_pylist()]  # type: ignore[attr-defined]
