"""Hostile answers of the vendors: the error that stands for one, or bars of the interval in order; never another exception.

``make fuzz CASES=10000`` is the long form.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.errors import SourceError
from include.option_chains import OPTION_CHAIN
from include.schemas import LANDING
from marketmill.hooks.binance_rows import read_answer, read_csv
from marketmill.hooks.yahoo_chart import GarbledError, parse_chart
from marketmill.hooks.yahoo_options import parse_chain, parse_expiries
from tests.fuzz.hostile import shown, spoil, spoil_bytes, spoil_tree
from tests.unit.marketmill.hooks import test_yahoo_chart

CASES = int(os.environ.get("FUZZ_CASES", "500"))
SEED = int(os.environ.get("FUZZ_SEED", "7"))
START, END = datetime(2020, 8, 1, tzinfo=UTC), datetime(2020, 8, 2, tzinfo=UTC)
OPENED = [int((START + timedelta(hours=hour)).timestamp() * 1000) for hour in range(24)]
KLINES = [[at, "1.0", "2.0", "0.5", "1.5", "10.0", at + 3_599_999, "15.0", 7, "5.0", "7.5", "0"] for at in OPENED]
BULK = "\n".join(",".join(map(str, row)) for row in KLINES).encode() + b"\n"
EXPIRY = date(2020, 9, 18)
SECONDS = int(datetime(2020, 9, 18, tzinfo=UTC).timestamp())
CONTRACT = {"contractSymbol": "AAPL200918C00100000", "strike": 100.0, "currency": "USD", "lastPrice": 30.1, "bid": 30.0, "ask": 30.4, "volume": 5,
            "openInterest": 9, "contractSize": "REGULAR", "expiration": SECONDS, "lastTradeDate": SECONDS - 86400, "impliedVolatility": 0.4}  # fmt: skip
CHAIN = {"result": [{
    "expirationDates": [SECONDS], "quote": {"regularMarketPrice": 130.0},
    "options": [{"expirationDate": SECONDS, "calls": [CONTRACT], "puts": [CONTRACT | {"strike": 110.0}]}],
}]}  # fmt: skip

Read = Callable[[Any], Any]


def of_binance(answer: Any) -> None:
    rows = read_answer(answer, START, END)
    in_order_inside(rows)


def of_binance_files(data: bytes) -> None:
    in_order_inside(read_csv(data, START, END))


def of_yahoo(content: Any) -> None:
    chart = parse_chart(content, "AAPL", "1d")
    assert chart.rows.schema == LANDING
    in_order(chart.rows)
    assert all(finite(chart.rows[name]) for name in LANDING.names[1:])
    assert all(action.value > 0 for action in chart.actions)


def of_yahoo_options(content: Any) -> None:
    rows = parse_chain(content, EXPIRY)
    assert rows.schema == OPTION_CHAIN
    assert all(strike > 0 for strike in rows["strike"].to_pylist())
    parse_expiries(content)


def in_order(rows: pa.Table) -> None:
    times = rows["timestamp"].to_pylist()
    assert times == sorted(set(times))


def in_order_inside(rows: pa.Table) -> None:
    assert rows.schema == LANDING
    in_order(rows)
    times = rows["timestamp"].to_pylist()
    assert all(START <= time < END for time in times)
    assert all(finite(rows[name]) for name in LANDING.names[1:])


def finite(column: pa.ChunkedArray) -> bool:
    return bool(pc.all(pc.is_finite(pc.drop_null(column))).as_py() in (True, None))


SOURCES: dict[str, tuple[Read, Any, Callable[[random.Random, Any], Any], type[Exception]]] = {
    "binance": (of_binance, KLINES, spoil_tree, SourceError),
    "binance's files": (of_binance_files, BULK, spoil_bytes, SourceError),
    "yahoo": (of_yahoo, test_yahoo_chart.content(), spoil_tree, GarbledError),
    "yahoo's options": (of_yahoo_options, CHAIN, spoil_tree, GarbledError),
}


@pytest.mark.parametrize("source", SOURCES)
def test_a_hostile_answer_is_its_error_or_bars(source: str) -> None:
    read, whole, how, error = SOURCES[source]
    read(whole)
    draw, refused = random.Random(f"{SEED}-{source}"), 0
    for number in range(CASES // len(SOURCES)):
        case = spoil(draw, whole, how)
        said = "not read"
        try:
            said = read(case)
        except error as refusal:
            refused += 1
            said = str(refusal)
        except Exception as other:
            raise AssertionError(f"case {number}: {other!r} of {shown(case)}") from other
        assert said != "", (number, shown(case))
    assert refused


def test_bytes_that_are_no_json_are_no_answer() -> None:
    from marketmill.hooks.yahoo_client import _parsed

    draw, whole = random.Random(SEED), json.dumps({"chart": test_yahoo_chart.content()}).encode()
    for _ in range(CASES // 4):
        case = spoil(draw, whole, spoil_bytes)
        answer = _parsed(case)
        assert answer is None or isinstance(answer, dict | list | str | int | float | bool), shown(case)
