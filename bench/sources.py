"""The sources against their stand-ins: what a request costs, how near a backfill comes to the limits, bulk files beside REST."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import structlog

from bench.made_bars import around, daily_bars, steady_bars, write_bars
from bench.measure import BenchError
from bench.row import median_ratio, row
from include.lake import Lake
from include.results.address import parse_address
from include.results.engine import open_engine
from include.results.migrate import migrate
from include.universes import Instrument, Kind, load_universe
from marketmill.fetch import FetchPlan, fetch_batch
from marketmill.hooks.base import BarsHook
from marketmill.hooks.binance import BinanceHook
from marketmill.hooks.ibkr import IbkrHook
from marketmill.hooks.yahoo import YahooHook
from marketmill.outcomes import Data, Outcome
from marketmill.quota.ledger import Ledger
from marketmill.quota.spending import Quota
from tests.servers.common import BarStore
from tests.servers.common_clock import AdjustableClock
from tests.servers.common_process import Running, started
from tests.servers.http.binance import BinanceStandIn
from tests.servers.http.yahoo import YahooStandIn
from tests.servers.tws import TwsServer, TwsSettings

_INTERVAL = 1.0  # of training_snapshot_interval
_TEN_YEARS = datetime(2014, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
_MONTH = datetime(2023, 2, 1, tzinfo=UTC), datetime(2023, 3, 1, tzinfo=UTC)
_NOW = datetime(2024, 1, 9, 3, tzinfo=UTC)
_PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
#: So long ago, seen from the clock of the stand-in, that three whole months have files and some days have none.
_HUNDRED_DAYS = datetime(2024, 6, 1, tzinfo=UTC), datetime(2024, 9, 9, tzinfo=UTC)


def rows(quick: bool) -> list[dict[str, Any]]:  # noqa: FBT001
    """Measure; ``quick`` asks less often."""
    with tempfile.TemporaryDirectory() as name, patch.dict(os.environ), _quiet():
        folder = Path(name)
        return [
            *_overheads(folder, 30 if quick else 200),
            *(line for source in ("yahoo", "binance", "ibkr") for line in _ten_years(folder, source)),
            _bulk_beside_rest(folder, 1 if quick else 5),
        ]


@contextmanager
def _quiet() -> Iterator[None]:
    """Hooks tell of each request, which would be measured as well."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        structlog.configure(**before)


class _Clock:
    """The clock of a stand-in as the ledger's; who waits moves it on."""

    def __init__(self, clock: AdjustableClock) -> None:
        self._clock = clock

    def now(self, _connection: object) -> int:
        return round(self._clock.now().timestamp() * 1_000_000)

    def sleep(self, seconds: float) -> None:
        self._clock.advance(seconds)


def _overheads(folder: Path, times: int) -> list[dict[str, Any]]:
    """Milliseconds of a request by the hook, ledger and reading included, beyond those of the bare request with the same library."""
    return [*_binance(folder, times), *_yahoo(folder, times)]


def _binance(folder: Path, times: int) -> list[dict[str, Any]]:
    import ccxt
    import requests

    path = write_bars(folder / "hours.csv", steady_bars(*around(_MONTH), timedelta(hours=1)))
    with started("tests.servers.http.binance", "--bars", f"BTC/USDT:1h={path}") as running, requests.Session() as session:
        _connect_binance(running.address, None)
        session.trust_env = False

        def bare(entry: dict[str, Any]) -> object:
            return session.get(f"{running.address}{entry['path']}", params=entry["query"]).content

        first, last = (round(moment.timestamp()) * 1000 for moment in _MONTH)
        addresses = {"api": {"public": f"{running.address}/api/v3"}}
        exchange = ccxt.binance({"urls": addresses, "options": {"fetchMarkets": {"types": ["spot"]}}, "enableRateLimit": False})
        exchange.load_markets()

        def peer() -> Any:
            return exchange.fetch_ohlcv("BTC/USDT", "1h", first, 1000, {"endTime": last - 1})

        clock = AdjustableClock(datetime.now(UTC))
        hook = BinanceHook(quota=Quota(_ledger(folder, clock), "binance"))
        pair = Instrument(symbol="BTC/USDT", name="BTC/USDT", kind=Kind.CRYPTO, calendar="24/7", trades_volume=True)
        return [
            *_overhead(running, clock, "to Binance (a month of 1h bars)", lambda: hook.fetch(pair, "1h", *_MONTH), bare, times, 5.0),
            *_overhead(running, clock, "to Binance by ccxt's own fetch_ohlcv alone", peer, bare, times),
        ]


def _yahoo(folder: Path, times: int) -> list[dict[str, Any]]:
    from curl_cffi import requests

    path = write_bars(folder / "days.csv", daily_bars("XNYS", *around(_MONTH)))
    options = ["--bars", f"AAPL:1d={path}", "--certificates", str(folder), "--per-minute", "1000000"]
    with started("tests.servers.http.yahoo", *options) as running:
        os.environ.update(dict.fromkeys(("HTTPS_PROXY", "https_proxy"), running.address))
        os.environ.update(dict.fromkeys(("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), str(folder / "authority.pem")))
        session: Any = requests.Session(impersonate="chrome")

        def bare(entry: dict[str, Any]) -> object:
            return session.get(f"https://{entry['host']}{entry['path']}", params=entry["query"]).content

        clock = AdjustableClock(datetime.now(UTC))
        hook = YahooHook(quota=Quota(_ledger(folder, clock), "yahoo"))
        share = Instrument(symbol="AAPL", name="AAPL", kind=Kind.STOCK, calendar="XNYS", trades_volume=True)
        return _overhead(running, clock, "to Yahoo (a month of daily bars)", lambda: hook.fetch(share, "1d", *_MONTH), bare, times, 5.0)


def _overhead(
    running: Running,
    clock: AdjustableClock,
    name: str,
    contestant: Callable[[], Any],
    bare: Callable[[Any], object],
    times: int,
    at_most: float | None = None,
) -> list[dict[str, Any]]:
    """Median difference of two requests that follow each other; the ledger's clock moves on, so that nothing waits.

    The processor time of this process alone is beside it: what else runs on the machine does not lengthen it.
    """
    if isinstance(answer := contestant(), Outcome) and not isinstance(answer, Data):
        raise BenchError(f"{running.address} gave no bars: {answer.reason}")
    entry = running.call("requests")[-1]
    bare(entry)
    walls, processors = [], []
    for _ in range(times):
        clock.advance(2)
        marks = []
        for do in (lambda: None, lambda: bare(entry), contestant):
            do()
            marks.append((time.perf_counter(), time.process_time()))
        (wall, processor), (wall_bare, processor_bare), (wall_all, processor_all) = marks
        walls.append(wall_all - wall_bare - (wall_bare - wall))
        processors.append(processor_all - processor_bare - (processor_bare - processor))
    return [
        row(f"sources, a request {name}, above the server's own time", 1000 * median(walls), "ms", at_most),
        row(f"sources, a request {name}, above the server's own time: processor time", 1000 * median(processors), "ms"),
    ]


def _ten_years(folder: Path, source: str) -> list[dict[str, Any]]:
    """A backfill of 26 symbols: broken rules, and seconds by the stand-in's clock beside the least that the limits allow."""
    clock, lake = AdjustableClock(_NOW), Lake(str(folder / source))
    symbols = [f"C{number:02}/USDT" for number in range(26)] if source == "binance" else [one.symbol for one in _universe()]
    with _server(source, clock) as server:
        ledger = _ledger(folder, clock)
        quota = Quota(ledger, source, interval=_INTERVAL if source == "ibkr" else 0.0, patience=timedelta(hours=1))
        hooks: dict[str, Callable[[], BarsHook]] = {
            "yahoo": lambda: YahooHook(quota=quota, now=clock.now),
            "binance": lambda: BinanceHook(quota=quota),
            "ibkr": lambda: IbkrHook(quota=quota),
        }
        plan = _plan(source, "1d", _TEN_YEARS, symbols)
        missing = [result for result in fetch_batch(lake, hooks[source](), plan) if result.failed]
        if missing:
            raise BenchError(f"{source}: {missing[0].symbol} is not complete: {missing[0].reason}")
        seconds = (clock.now() - _NOW).total_seconds()
        return [
            row(f"sources, ten years of 26 symbols from {source}: broken rules", len(server.violations()), "", 0),
            row(f"sources, ten years of 26 symbols from {source}: time by the vendor's clock", seconds, "s", 1.2 * _least(source, server)),
        ]


def _least(source: str, server: Any) -> float:
    """Seconds that the limits ask for, given how many requests there were."""
    if source == "yahoo":
        return 0.5 * (len(server.requests("/chart/")) - 1)
    if source == "ibkr":
        counted = len(server.requests("history")) + len(server.requests("head_timestamp"))
        return max(_INTERVAL * (counted - 1), 600.0 * ((counted - 1) // 60))
    return 60.0 * (2 * len(server.requests("/klines")) // 6000)


@contextmanager
def _server(source: str, clock: AdjustableClock) -> Iterator[Any]:
    if source == "binance":
        pair = {"1d": steady_bars(*around(_TEN_YEARS), timedelta(days=1))}
        with BinanceStandIn(BarStore({f"C{number:02}/USDT": pair for number in range(26)}), clock=clock) as rest:
            _connect_binance(rest.address, None)
            yield rest
        return
    calendars = {one.calendar: daily_bars(one.calendar, *around(_TEN_YEARS)) for one in _universe()}
    store = BarStore({one.symbol: {"1d": calendars[one.calendar]} for one in _universe()})
    if source == "yahoo":
        with YahooStandIn(store, clock=clock) as yahoo:
            os.environ.update(yahoo.environment)
            yield yahoo
        return
    with TwsServer(store, clock=clock, settings=TwsSettings(pace_every_size=True)) as tws:
        os.environ["AIRFLOW_CONN_IBKR_DEFAULT"] = json.dumps({"conn_type": "ibkr", "host": tws.host, "port": tws.port})
        yield tws


def _bulk_beside_rest(folder: Path, rounds: int) -> dict[str, Any]:
    """Time of a fetch into a new lake by bulk files over that by REST alone."""
    path = write_bars(folder / "minutes.csv", steady_bars(*around(_HUNDRED_DAYS), timedelta(minutes=5)))
    options = [*(part for pair in _PAIRS for part in ("--bars", f"{pair}:5m={path}")), "--now", "2024-09-09T00:10:00"]
    plan = _plan("binance", "5m", _HUNDRED_DAYS, list(_PAIRS))
    with started("tests.servers.http.binance", *options) as rest, started("tests.servers.http.binance_bulk", *options) as bulk:

        def seconds(files: str | None) -> float:
            _connect_binance(rest.address, files)
            clock = AdjustableClock(datetime.now(UTC))
            hook = BinanceHook(quota=Quota(_ledger(folder, clock), "binance"))
            with tempfile.TemporaryDirectory() as lake:
                began = time.perf_counter()
                results = fetch_batch(Lake(lake), hook, plan)
                passed = time.perf_counter() - began
            if any(result.rows != 28800 for result in results):
                raise BenchError(f"not all of the bars came: {results}")
            return passed

        seconds(bulk.address)  # the files are made when they are first asked for
        pairs = [(seconds(bulk.address), seconds(None)) for _ in range(rounds)]
    ratio = median_ratio([by_files for by_files, _ in pairs], [by_rest for _, by_rest in pairs])
    return row("sources, 100 days of 5m bars of 3 pairs: time by bulk files over time by REST", ratio, "x", 1 / 3)


def _plan(source: str, timeframe: str, span: tuple[datetime, datetime], symbols: list[str]) -> FetchPlan:
    return FetchPlan(source, "global26", timeframe, span[0].isoformat(), span[1].isoformat(), symbols)


def _connect_binance(rest: str, files: str | None) -> None:
    extra = {"use_bulk": False} if files is None else {"bulk_url": files}
    os.environ["AIRFLOW_CONN_BINANCE_DEFAULT"] = json.dumps({"conn_type": "binance", "host": rest, "extra": extra})


def _ledger(folder: Path, clock: AdjustableClock) -> Ledger:
    path = Path(tempfile.mkdtemp(dir=folder)) / "results.db"
    engine = open_engine(parse_address(f"sqlite:///{path}", folder))
    migrate(engine)
    return Ledger(engine, _Clock(clock))


def _universe() -> tuple[Instrument, ...]:
    return load_universe("global26").instruments


if __name__ == "__main__":
    from bench.page import table

    print(table(rows(quick=False)))
