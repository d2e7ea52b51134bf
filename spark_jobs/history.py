"""Read the whole past of some symbols out of the months of bars."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.lake import Lake
from include.publish import read_month
from include.schemas import BARS

Column = npt.NDArray[Any]


@dataclass(frozen=True)
class History:
    """Rows of some symbols, ordered by symbol and timestamp, one row a timestamp.

    ``symbols`` are sorted; ``bounds[i]`` to ``bounds[i + 1]`` are the rows of symbol i. ``month`` is each row's place in the list of
    months that was read. ``columns`` are arrays of one length; times are microseconds since 1970, UTC.
    """

    symbols: tuple[str, ...]
    bounds: npt.NDArray[np.int64]
    month: npt.NDArray[np.int32]
    columns: Mapping[str, Column] = field(repr=False)

    def rows(self, place: int) -> slice:
        """Rows of the symbol at that place."""
        return slice(int(self.bounds[place]), int(self.bounds[place + 1]))


def read_history(lake: Lake, timeframe: str, months: Sequence[str], wanted: Callable[[str], bool], columns: Sequence[str]) -> History:
    """Rows of the wanted symbols in ``months``, which are in order; ``timestamp`` comes with any columns.

    The rows of a month may lie in any order. Where two rows have one symbol and timestamp the later one counts.
    """
    names = list(dict.fromkeys(["timestamp", *columns]))
    tables = ((place, read_month(lake, lake.bars(timeframe), month, ["symbol", *names])) for place, month in enumerate(months))
    return make_history(((table, np.full(table.num_rows, place, np.int32)) for place, table in tables if table is not None), names, wanted)


def make_history(tables: Iterable[tuple[pa.Table, npt.NDArray[np.int32]]], names: Sequence[str], wanted: Callable[[str], bool]) -> History:
    """Rows of the wanted symbols, from tables of bars, each with the place of the month of each of its rows."""
    found: dict[str, int] = {}
    codes, places = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
    chunks: dict[str, list[Column]] = {name: [np.empty(0, _dtype(BARS.field(name).type))] for name in names}
    for table, months in tables:
        names_here, code = encode(table["symbol"])
        occurring = np.flatnonzero(np.bincount(code, minlength=len(names_here)))
        of_code = np.full(len(names_here), -1, np.int32)
        for number, name in zip(occurring, names_here.take(pa.array(occurring)).to_pylist(), strict=True):
            if wanted(name):
                of_code[number] = found.setdefault(name, len(found))
        code = of_code[code]
        keep = None if (code >= 0).all() else np.flatnonzero(code >= 0)
        codes.append(code if keep is None else code[keep])
        places.append(months if keep is None else months[keep])
        for name in names:
            column = to_numpy(table[name])
            chunks[name].append(column if keep is None else column[keep])
    symbols = tuple(sorted(found))
    rank = {name: number for number, name in enumerate(symbols)}
    code = np.array([rank[name] for name in found], np.int32)[np.concatenate(codes)]
    joined = {name: np.concatenate(chunks.pop(name)) for name in names}
    order = _order(code, joined["timestamp"])
    bounds = np.searchsorted(code[order], np.arange(len(symbols) + 1))
    return History(symbols, bounds, np.concatenate(places)[order], {name: joined.pop(name)[order] for name in names})


def encode(symbols: pa.ChunkedArray) -> tuple[pa.Array, npt.NDArray[np.int32]]:
    """Names, and the number of each row's name among them; not every name needs to occur."""
    encoded = symbols.combine_chunks()
    if not pa.types.is_dictionary(encoded.type):
        encoded = encoded.dictionary_encode()
    return encoded.dictionary, np.asarray(encoded.indices.to_numpy())


def to_numpy(column: pa.ChunkedArray | pa.Array) -> Column:
    """Times as microseconds, null numbers as NaN."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    elif pa.types.is_floating(column.type) and column.null_count:
        column = pc.fill_null(column, float("nan"))
    return np.asarray(column.to_numpy())


def _order(code: Column, timestamp: Column) -> Column:
    """Row numbers by symbol, then time; of rows alike in both only the last."""
    order = np.argsort(code, kind="stable")
    if _rising(code[order], timestamp[order]).all():
        return order
    order = np.lexsort((timestamp, code))  # stable
    last = np.ones(order.size, bool)
    last[:-1] = _rising(code[order], timestamp[order])
    return order[last]


def _rising(code: Column, timestamp: Column) -> Column:
    """Whether each row but the first comes strictly after the one before it."""
    rising: Column = (code[1:] != code[:-1]) | (timestamp[1:] > timestamp[:-1])
    return rising


def _dtype(kind: pa.DataType) -> type:
    if pa.types.is_string(kind):
        return np.object_
    return np.int64 if pa.types.is_timestamp(kind) else np.float64
