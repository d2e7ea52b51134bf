"""Bars and clients for the stand-ins' own tests."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import ccxt
import pytest

from tests.servers.common import Row
from tests.servers.http.binance import BinanceStandIn
from tests.servers.http.yahoo import YahooStandIn

Walk = Callable[[datetime, timedelta, int], list[Row]]
YahooClient = Callable[[YahooStandIn], AbstractContextManager[Any]]


@pytest.fixture
def walk() -> Walk:
    """``walk(start, step, count)``: rows with prices of two and volumes of six decimals, no two alike."""

    def make(start: datetime, step: timedelta, count: int) -> list[Row]:
        rows: list[Row] = []
        for number in range(count):
            opening = round(100 + 9 * math.sin(number / 5) + number / 100, 2)
            close = round(opening + (number % 7 - 3) * 0.21, 2)
            high, low = round(max(opening, close) + 0.13, 2), round(min(opening, close) - 0.11, 2)
            rows.append((start + step * number, opening, high, low, close, round(1000 + number * 1.000321, 6)))
        return rows

    return make


def exchange(stand_in: BinanceStandIn, **options: Any) -> ccxt.binance:
    """An unmodified ccxt client that calls the stand-in."""
    urls = {"api": {"public": stand_in.url}}
    return ccxt.binance({"urls": urls, "options": {"fetchMarkets": {"types": ["spot"]}}, "timeout": 2000, **options})


@pytest.fixture
def yahoo_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[YahooClient]:
    """``with yahoo_client(stand_in) as yf``: an unmodified yfinance whose process has just begun."""
    import yfinance
    from yfinance import cache
    from yfinance.data import YfData

    yfinance.set_tz_cache_location(str(tmp_path / "yfinance"))
    monkeypatch.setattr(cache._TzCacheManager, "_tz_cache", None)  # an open store stays where it was
    monkeypatch.setattr(cache._CookieCacheManager, "_Cookie_cache", None)
    hidden = yfinance.config.debug.hide_exceptions
    yfinance.config.debug.hide_exceptions = False

    @contextmanager
    def client(stand_in: YahooStandIn) -> Iterator[Any]:
        for name, value in stand_in.environment.items():
            monkeypatch.setenv(name, value)
        type(YfData)._instances.pop(YfData, None)
        YfData.cache_get.cache_clear()
        try:
            yield yfinance
        finally:
            type(YfData)._instances.pop(YfData, None)
            YfData.cache_get.cache_clear()

    yield client
    yfinance.config.debug.hide_exceptions = hidden
