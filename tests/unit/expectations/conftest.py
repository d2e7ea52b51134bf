"""Landed answers for the checks."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from expectations.check import CheckRequest
from include.lake import Lake
from include.landing import Adjustment, Landed, write_landing
from include.schemas import LANDING
from include.universes import Instrument, Kind

Land = Callable[..., None]
Request = Callable[..., CheckRequest]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def land(lake: Lake) -> Land:
    """Write one answer: ``land("AAPL", rows)``, rows as dicts with ``date`` and any prices, or a frame of a CSV file."""
    fetched = instant("2026-01-01")

    def write(
        symbol: str, rows: list[dict[str, Any]] | pd.DataFrame, *, start: str = "2018-01-01", end: str = "2018-12-31", source: str = "csv"
    ) -> None:
        nonlocal fetched
        fetched += timedelta(minutes=1)
        frame = pd.DataFrame(rows, columns=None if len(rows) else ["date"]).rename(columns=str.lower)
        frame = frame.rename(columns={"adj_close": "adjusted_close", "adj close": "adjusted_close"})
        frame["timestamp"] = pd.to_datetime(frame["date"], utc=True)
        table = pa.Table.from_pandas(frame.reindex(columns=LANDING.names), schema=LANDING, preserve_index=False)
        write_landing(lake, Landed(source, symbol, "1d", Adjustment.SPLIT, instant(start), instant(end), fetched), table)

    return write


@pytest.fixture
def request_for() -> Request:
    """A request for daily bars: ``request_for("AAPL", "^VIX", start="2018-01-01", end="2018-12-31")``."""

    def make(*symbols: str, start: str = "2018-01-01", end: str = "2018-12-31", source: str = "csv") -> CheckRequest:
        instruments = tuple(
            Instrument(
                symbol=symbol, name=symbol, kind=Kind.INDEX, calendar="XCBF" if symbol == "^VIX" else "XNYS", trades_volume=symbol != "^VIX"
            )
            for symbol in symbols
        )
        return CheckRequest(source, "1d", instruments, instant(start), instant(end))

    return make


def good(date: str, **changes: float | None) -> dict[str, Any]:
    """A bar that breaks no rule, but for ``changes``."""
    return {"date": date, "open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 100.0, "adjusted_close": 11.0} | changes


@pytest.fixture
def bar() -> Callable[..., dict[str, Any]]:
    """:func:`good`."""
    return good
