"""Binance's rows of bars, from REST or a bulk file, as tables of landing."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv

from include.errors import SourceError
from include.landing import Interval
from include.schemas import LANDING, TIMESTAMP

_PRICES = ("open", "high", "low", "close", "volume")
#: Columns of a row: opening time, prices, volume, and six that are not landed.
_COLUMNS = ("opened", *_PRICES, "closed", "quote_volume", "trades", "taker_base", "taker_quote", "ignore")
_HEADER = b"open_time"
#: Files count milliseconds up to 2024 and microseconds since; a millisecond beyond this number is in the year 5138.
_MICROSECONDS_FROM = 10**14


def read_answer(answer: Any, start: datetime, end: datetime) -> pa.Table:
    """Bars of one REST answer.

    Parameters
    ----------
    answer
        Decoded JSON: a list of rows with 12 columns; prices and volumes are text.
    start, end
        Half-open UTC interval that was asked for.

    Returns
    -------
    pyarrow.Table
        Schema :data:`include.schemas.LANDING`, in order, possibly without a row.

    Raises
    ------
    SourceError
        If it is not what Binance answers to that question.
    """
    if not isinstance(answer, list) or not set(map(type, answer)) <= {list} or not set(map(len, answer)) <= {len(_COLUMNS)}:
        raise SourceError("the answer is not a list of bars")
    times, *values = list(zip(*answer, strict=True))[: 1 + len(_PRICES)] or [()] * (1 + len(_PRICES))
    if not set(map(type, times)) <= {int}:
        raise SourceError("the answer holds rows without a time")
    try:
        opened = pa.array(times, pa.int64())
        prices = {name: pa.array(texts, pa.string()).cast(pa.float64()) for name, texts in zip(_PRICES, values, strict=True)}
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise SourceError(f"the answer holds rows that are no bars ({error})") from error
    return _as_landing(opened, prices, start, end)


def read_csv(data: bytes, start: datetime, end: datetime) -> pa.Table:
    """Bars of the CSV inside a bulk file, with or without a header line.

    Raises
    ------
    SourceError
        If a line is no bar, or not one of that time.
    """
    options = pc_csv.ReadOptions(column_names=list(_COLUMNS), skip_rows=int(data.startswith(_HEADER)), use_threads=False)
    types = {"opened": pa.int64(), **dict.fromkeys(_PRICES, pa.float64())}
    try:
        table = pc_csv.read_csv(
            io.BytesIO(data), read_options=options, convert_options=pc_csv.ConvertOptions(column_types=types, include_columns=list(types))
        )
    except pa.ArrowException as error:
        raise SourceError(f"the file holds lines that are no bars ({error})") from error
    table = table.combine_chunks()
    return _as_landing(_array(table["opened"]), {name: _array(table[name]) for name in _PRICES}, start, end)


def bars_inside(bars: pa.Table, start: datetime, end: datetime) -> pa.Table:
    """Rows of bars in order of time that open in the half-open interval."""
    if not bars.num_rows:
        return bars
    low, high = np.searchsorted(_microseconds(bars), (_moment(start), _moment(end)))
    return bars.slice(low, max(0, high - low))


def join_bars(tables: Sequence[pa.Table]) -> pa.Table:
    """All rows in order of time, as each table is in itself; where several hold the same time, the row of the last one."""
    held = [table for table in tables if table.num_rows]
    if len(held) < 2:  # as a rule: what one answer held
        return held[0] if held else LANDING.empty_table()
    joined = pa.concat_tables(held).combine_chunks()
    moments = _microseconds(joined)
    if np.all(np.diff(moments) > 0):
        return joined
    _, from_the_end = np.unique(moments[::-1], return_index=True)
    return joined.take(pa.array(moments.size - 1 - from_the_end))


def missing_spans(bars: pa.Table, start: datetime, end: datetime, step: timedelta) -> list[Interval]:
    """Parts of the half-open interval whose bars are not there, in order."""
    length = step // timedelta(microseconds=1)
    expected = np.arange(-(-_moment(start) // length) * length, _moment(end), length, dtype=np.int64)
    if not bars.num_rows:
        return [(_time(expected[0]), end)] if expected.size else []
    held = _microseconds(bars)
    held = held[slice(*np.searchsorted(held, (_moment(start), _moment(end))))]
    if np.array_equal(held, expected):  # as a rule, and told without any sorting
        return []
    missing = np.setdiff1d(expected, held, assume_unique=True)
    breaks = np.flatnonzero(np.diff(missing) != length) + 1
    return [(_time(part[0]), min(_time(part[-1]) + step, end)) for part in np.split(missing, breaks)]


def opening_of(moment: datetime, step: timedelta) -> datetime:
    """Opening of the bar that holds ``moment``."""
    length = step // timedelta(microseconds=1)
    return _time(_moment(moment) // length * length)


def last_opening(bars: pa.Table) -> datetime:
    """Opening of the last row, UTC."""
    return _time(int(_microseconds(bars)[-1]))


def milliseconds(moment: datetime) -> int:
    """Binance's unit of time; part of a millisecond is rounded down."""
    return _moment(moment) // 1000


def _as_landing(opened: pa.Array, prices: dict[str, pa.Array], start: datetime, end: datetime) -> pa.Table:
    if opened.null_count:
        raise SourceError("the file holds rows without a time")
    raw = opened.to_numpy()
    times = np.where(raw < _MICROSECONDS_FROM, raw * 1000, raw)
    if np.any(times < _moment(start)) or np.any(times >= _moment(end)):
        raise SourceError(f"there are bars outside of {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}")
    if np.any(np.diff(times) <= 0):
        raise SourceError("the bars are not in order of time, or doubled")
    columns = {"timestamp": pa.array(times, pa.int64()).cast(TIMESTAMP)}
    for name in _PRICES:
        values = prices[name].to_numpy(zero_copy_only=False)
        if np.any(np.isinf(values)):
            raise SourceError(f"column {name} holds an infinite number")
        columns[name] = pa.array(values, pa.float64(), from_pandas=True)
    if len(times) and columns["close"].null_count == len(times):
        raise SourceError("all rows are without a price")
    columns["adjusted_close"] = pa.nulls(len(times), pa.float64())
    return pa.table(columns, schema=LANDING)


def _array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _microseconds(bars: pa.Table) -> np.ndarray:
    moments: np.ndarray = bars["timestamp"].cast(pa.int64()).to_numpy()
    return moments


def _moment(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _time(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(microseconds))
