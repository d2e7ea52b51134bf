"""Landed answers for the checks."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from expectations.check import CheckRequest
from include.calendars import exchange_calendar
from include.lake import Lake
from include.landing import Adjustment, Landed, write_landing
from include.schemas import LANDING
from include.timeframes import timeframe_length
from include.universes import load_universe, pick_instruments

Land = Callable[..., None]
Request = Callable[..., CheckRequest]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def land(lake: Lake) -> Land:
    """Write one answer: ``land("AAPL", rows)``, rows as dicts with ``date`` and any prices, or a frame of a CSV file.

    ``whole``: the source says that its history begins with the first row and ends with the last.
    """
    clock = instant("2026-11-01")

    def write(
        symbol: str,
        rows: list[dict[str, Any]] | pd.DataFrame,
        *,
        start: str = "2018-01-01",
        end: str = "2018-12-31",
        source: str = "csv",
        timeframe: str = "1d",
        adjustment: Adjustment = Adjustment.SPLIT,
        fetched_at: str | None = None,
        whole: bool = True,
    ) -> None:
        nonlocal clock
        clock += timedelta(minutes=1)
        fetched = instant(fetched_at) if fetched_at else clock
        frame = pd.DataFrame(rows, columns=None if len(rows) else ["date"]).rename(columns=str.lower)
        frame = frame.rename(columns={"adj_close": "adjusted_close", "adj close": "adjusted_close"})
        frame["timestamp"] = pd.to_datetime(frame["date"], utc=True, format="mixed")
        table = pa.Table.from_pandas(frame.reindex(columns=LANDING.names), schema=LANDING, preserve_index=False)
        landed = Landed(source, symbol, timeframe, adjustment, instant(start), instant(end), fetched)
        if whole and len(rows):
            first, last = frame["timestamp"].min().to_pydatetime(), frame["timestamp"].max().to_pydatetime()
            landed = replace(landed, history_from=first, history_until=last + timeframe_length(timeframe))
        write_landing(lake, landed, table)

    return write


@pytest.fixture
def request_for() -> Request:
    """A request for daily bars: ``request_for("AAPL", "^VIX", start="2018-01-01", end="2018-12-31")``."""

    def make(
        *symbols: str,
        start: str = "2018-01-01",
        end: str = "2018-12-31",
        source: str = "csv",
        timeframe: str = "1d",
        universe: str | None = None,
    ) -> CheckRequest:
        known = pick_instruments(load_universe("global26"), list(symbols)) if symbols else ()
        return CheckRequest(source, timeframe, tuple(known), instant(start), instant(end), universe)

    return make


def good(date: str, **changes: float | None) -> dict[str, Any]:
    """A bar that breaks no rule, but for ``changes``."""
    return {"date": date, "open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 100.0, "adjusted_close": 11.0} | changes


def sessions(start: str, end: str, **changes: float | None) -> list[dict[str, Any]]:
    """A good bar for each New York session of ``start`` to ``end``, each with a volume of its own."""
    days = exchange_calendar("XNYS").sessions_in_range(start, end)
    return [good(f"{day:%Y-%m-%d}", **{"volume": 100.0 + number} | changes) for number, day in enumerate(days)]


@pytest.fixture
def bars() -> Callable[..., list[dict[str, Any]]]:
    """:func:`sessions`."""
    return sessions


@pytest.fixture
def few_bars_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """No symbol is held back: for tests that need no whole months."""
    monkeypatch.setattr("include.quality.Thresholds.missing_allowed", lambda _, expected: expected)


@pytest.fixture
def bar() -> Callable[..., dict[str, Any]]:
    """:func:`good`."""
    return good
