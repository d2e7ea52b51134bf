"""The four ways to bars behind one face: a stand-in on a clock that waiting moves, a hook that asks it, and its faults by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest

from marketmill.hooks.base import BarsHook
from tests.servers import tws
from tests.servers.common import Row
from tests.servers.common_tables import package_tables
from tests.servers.http import faults as http
from tests.unit.marketmill.hooks import binance_market, ibkr_stand_in, yahoo_market

#: What can go wrong, as the sources' documents and users tell it.
FAULTS = (
    "pacing error",
    "silent timeout",
    "drop mid-answer",
    "client id in use",
    "429",
    "418",
    "500",
    "503",
    "truncated body",
    "garbage",
    "wrong checksum",
    "localised error text",
)
_SPANISH = "Servicio no disponible por el momento"


class Vendor(ABC):
    """One source of two symbols with the same bars.

    Parameters
    ----------
    market
        The opened stand-in with its ledger, as the tests of the source's hook have it.
    """

    source: ClassVar[str]
    symbols: ClassVar[tuple[str, str]]
    timeframe: ClassVar[str]
    #: The months that are wanted, and the one in their middle.
    span: ClassVar[tuple[str, str]]
    middle: ClassVar[tuple[str, str]]
    #: When all is over; while the last bar is under way; when that is over.
    now: ClassVar[str]
    opens: ClassVar[str]
    closes: ClassVar[str]
    #: Fault -> why there is none of it here.
    absent: ClassVar[Mapping[str, str]]

    def __init__(self, market: Any) -> None:
        self.market = market

    @classmethod
    @abstractmethod
    def rows(cls) -> list[Row]:
        """The bars of both symbols."""

    @classmethod
    @abstractmethod
    def opened(cls, patch: pytest.MonkeyPatch, folder: Path, now: str) -> Any:
        """A context manager around the market."""

    @property
    @abstractmethod
    def server(self) -> Any:
        """The stand-in that the faults strike."""

    @abstractmethod
    def fault(self, name: str) -> Any:
        """One of :data:`FAULTS` for every request for bars of the first symbol."""

    @abstractmethod
    def asked(self, symbol: str) -> int:
        """Requests for bars of a symbol since the record was emptied."""

    @abstractmethod
    def hook(self, *, impatient: bool = False) -> BarsHook:
        """A new hook, as a new task has it; an impatient one does not wait long for an answer that never comes."""

    def strike(self, name: str) -> None:
        """Let a fault last until it is mended."""
        self.server.faults.add(self.fault(name))

    def mend(self) -> None:
        """End it, and let the time pass for which the vendor wants to be left alone."""
        self.server.faults.clear()
        self.server.advance(4000)

    def forget(self) -> None:
        """Empty the record of requests."""
        self.server.record.clear()

    def revise(self, rows: list[Row]) -> None:
        """Restate the history of the first symbol."""
        self.server.replace(self.symbols[0], self.timeframe, rows)

    @staticmethod
    def held(rows: list[Row], start: str, end: str) -> list[tuple[Any, ...]]:
        """Rows of the half-open interval, as the lake has them."""
        return [tuple(row[:6]) for row in rows if _day(start) <= row[0] < _day(end)]  # type: ignore[operator]

    def violations(self) -> list[Any]:
        """Rules that were broken."""
        return list(self.server.violations())


class Yahoo(Vendor):
    """Daily bars; the fault strikes charts."""

    source, symbols, timeframe = "yahoo", ("AAPL", "MSFT"), "1d"
    span, middle = ("2018-01-01", "2018-04-01"), ("2018-02-01", "2018-03-01")
    now, opens, closes = "2018-05-01T12:00", "2018-03-29T15:00", "2018-03-29T21:00"
    absent: ClassVar[Mapping[str, str]] = {
        "pacing error": "it says 429",
        "client id in use": "there are no clients",
        "wrong checksum": "there are no files",
    }

    @classmethod
    def rows(cls) -> list[Row]:
        return _apple()

    @classmethod
    def opened(cls, patch: pytest.MonkeyPatch, folder: Path, now: str) -> Any:
        return yahoo_market.open_market(patch, folder, {symbol: {"1d": cls.rows()} for symbol in cls.symbols}, now)

    @property
    def server(self) -> Any:
        return self.market.yahoo

    def fault(self, name: str) -> Any:
        return _http_fault(name, f"chart/{self.symbols[0]}")

    def asked(self, symbol: str) -> int:
        return int(self.market.charts(symbol))

    def hook(self, *, impatient: bool = False) -> BarsHook:
        return self.market.hook(timeout=0.5 if impatient else 20.0)


class BinanceRest(Vendor):
    """Hourly bars by REST alone."""

    source, symbols, timeframe = "binance", ("BTC/USDT", "ETH/USDT"), "1h"
    span, middle = ("2024-04-01", "2024-07-01"), ("2024-05-01", "2024-06-01")
    now, opens, closes = "2024-07-02T12:00", "2024-06-30T23:30", "2024-07-01T00:10"
    absent: ClassVar[Mapping[str, str]] = {
        "pacing error": "it says 429",
        "client id in use": "there are no clients",
        "wrong checksum": "answers have none",
    }

    @classmethod
    def rows(cls) -> list[Row]:
        return _walk()

    @classmethod
    def opened(cls, patch: pytest.MonkeyPatch, folder: Path, now: str) -> Any:
        return binance_market.open_market(patch, folder, {symbol: {"1h": cls.rows()} for symbol in cls.symbols}, now)

    def __init__(self, market: Any) -> None:
        super().__init__(market)
        market.connect(use_bulk=False)

    @property
    def server(self) -> Any:
        return self.market.rest

    def fault(self, name: str) -> Any:
        return _http_fault(name, _wire(self.symbols[0]))

    def asked(self, symbol: str) -> int:
        return sum(entry.query.get("symbol") == _wire(symbol) for entry in self.market.rest.requests("/klines"))

    def hook(self, *, impatient: bool = False) -> BarsHook:
        self.market.timeout = timedelta(seconds=0.5 if impatient else 20)
        return self.market.hook()


class BinanceBulk(BinanceRest):
    """Hourly bars by bulk files, whose faults REST makes good."""

    absent: ClassVar[Mapping[str, str]] = {"pacing error": "files have no limit", "client id in use": "there are no clients"}

    def __init__(self, market: Any) -> None:
        super().__init__(market)
        market.connect(use_bulk=True)

    @property
    def server(self) -> Any:
        return self.market.bulk

    def fault(self, name: str) -> Any:
        if name == "wrong checksum":
            return http.Fault("wrong_checksum", ".CHECKSUM", times=None)
        return _http_fault(name, _wire(self.symbols[0]))

    def asked(self, symbol: str) -> int:
        return sum(_wire(symbol) in entry.path and entry.path.endswith(".zip") for entry in self.market.bulk.requests())

    def violations(self) -> list[Any]:
        return [*self.market.rest.violations(), *super().violations()]


class Ibkr(Vendor):
    """Daily bars from TWS."""

    source, symbols, timeframe = "ibkr", ("AAPL", "MSFT"), "1d"
    span, middle = ("2018-01-01", "2018-04-01"), ("2018-02-01", "2018-03-01")
    now, opens, closes = "2018-05-01T12:00", "2018-03-29T15:00", "2018-03-29T21:00"
    absent: ClassVar[Mapping[str, str]] = {
        "429": "it says pacing violation",
        "418": "it says pacing violation",
        "503": "it has error codes of its own",
        "wrong checksum": "there are no files",
    }
    _FAULTS: ClassVar[Mapping[str, tws.Fault]] = {
        "pacing error": tws.Fault.pacing(symbol="AAPL", times=None),
        "silent timeout": tws.Fault("silent", symbol="AAPL", times=None),
        "drop mid-answer": tws.Fault("drop", symbol="AAPL", times=None),
        "client id in use": tws.Fault("client_id_in_use", request="connect", times=3),
        "500": tws.Fault("error", symbol="AAPL", times=None, code=504, text="Not connected"),
        "truncated body": tws.Fault("truncated", symbol="AAPL", times=None),
        "garbage": tws.Fault("garbage", symbol="AAPL", times=None),
        "localised error text": tws.Fault.localised("es", symbol="AAPL", times=None),
    }

    @classmethod
    def rows(cls) -> list[Row]:
        return _apple()

    @classmethod
    @contextmanager
    def opened(cls, patch: pytest.MonkeyPatch, folder: Path, now: str) -> Iterator[Any]:
        tables = {symbol: {"1d": cls.rows()} for symbol in cls.symbols}
        with ibkr_stand_in.mill(tables, _day(now), folder, patch) as market:
            yield market

    @property
    def server(self) -> Any:
        return self.market.server

    def fault(self, name: str) -> Any:
        return self._FAULTS[name]

    def asked(self, symbol: str) -> int:
        return sum(entry.symbol == symbol for entry in self.market.histories())

    def forget(self) -> None:
        self.server.forget()

    def hook(self, *, impatient: bool = False) -> BarsHook:
        self.market.wait_at_most(0.5 if impatient else 20)
        return self.market.hook()


VENDORS: tuple[type[Vendor], ...] = (Yahoo, BinanceRest, BinanceBulk, Ibkr)


def _http_fault(name: str, matching: str) -> http.Fault:
    kinds = {"silent timeout": "silent", "drop mid-answer": "drop", "truncated body": "truncated", "garbage": "garbage"}
    if name in kinds:
        return http.Fault(kinds[name], matching, times=None)
    if name == "localised error text":
        return http.Fault("status", matching, times=None, status=400, text=_SPANISH)
    return http.Fault("status", matching, times=None, status=int(name))


def _wire(pair: str) -> str:
    return pair.replace("/", "")


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@cache
def _apple() -> list[Row]:
    return [row for row in package_tables()["AAPL"]["1d"] if row[0].year in {2017, 2018}]  # type: ignore[union-attr]


@cache
def _walk() -> list[Row]:
    return binance_market.walk("2024-03-01", "2024-07-03")
