"""Read one file of bars that a user made: every fault is one error that names file, line and column."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from include.errors import SourceError
from include.landing import Adjustment
from include.schemas import LANDING
from include.timeframes import timeframe_length
from include.universes import Kind

_REQUIRED = ("open", "high", "low", "close", "volume")
_LONGEST_LINE = 65_536
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_MISSING = frozenset({"", "null", "nan", "na"})
_YEARS = range(1900, 2200)
_EPOCH = re.compile(r"-?([0-9]{9,})(\.[0-9]*)?")
#: 20180629143000 is no number of anything.
_COMPACT = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{6}")
#: Units since 1970 by the most digits that a time before the year 2286 has in them, and what makes milliseconds of them.
_UNITS = (
    (10, "seconds", "multiply by 1000"),
    (13, "milliseconds", ""),
    (16, "microseconds", "divide by 1000"),
    (19, "nanoseconds", "divide by 1000000"),
)
_SPLIT = 1.25
#: Rows whose median is looked at instead of each: one wrong close, or two, is no split.
_ROWS_OF_A_LEVEL = 5


@dataclass(frozen=True)
class CsvFile:
    """The bars of one file (schema :data:`include.schemas.LANDING`) and the scale of their prices.

    ``leap`` is when its close leaves its adj_close behind as only a split does; None where it never does.
    """

    rows: pa.Table
    adjustment: Adjustment
    first: datetime
    last: datetime
    leap: datetime | None = None


def read_csv_file(path: Path, timeframe: str, kind: Kind) -> CsvFile:
    """Read a file with the columns ``date`` or ``timestamp``, open, high, low, close, volume and maybe adj_close.

    Times are ISO 8601 (without an offset: UTC) or milliseconds since 1970; daily bars are labelled by the date as written. An
    empty field, ``null``, ``nan`` and ``NA`` are missing values. Other columns are ignored.

    A file does not say how its prices are adjusted, so this is assumed: stocks and funds are as traded (``raw``); where there is
    an adj_close they are split-adjusted, as in files from Yahoo, unless the ratio of the two leaps by a quarter and stays there,
    which only a split does that close does not know. Anything else needs no adjustment.

    Raises
    ------
    SourceError
        If the file cannot be read as bars of ``timeframe``.
    """
    lines = _lines(path)
    header = _header(path, next(lines, (1, [])))
    columns: dict[str, list[datetime | float | None]] = {name: [] for name in LANDING.names}
    clock = "timestamp" if "timestamp" in header else "date"
    for number, fields in lines:
        if len(fields) != len(header):
            raise SourceError(f"{path.name}, line {number}: {len(fields)} fields, but the header names {len(header)} columns")
        row = dict(zip(header, fields, strict=True))
        columns["timestamp"].append(_time(path, number, clock, row[clock], timeframe))
        for name in (*_REQUIRED, "adj_close"):
            field = _number(path, number, name, row[name]) if name in row else None
            columns["adjusted_close" if name == "adj_close" else name].append(field)
    times = [time for time in columns["timestamp"] if isinstance(time, datetime)]
    if not times:
        raise SourceError(f"{path.name}, line 1: there is a header and no bar below it")
    _check_spacing(path, times, timeframe)
    rows = pa.table(columns, schema=LANDING)
    adjustment, leap = _adjustment(rows, kind)
    return CsvFile(rows, adjustment, min(times), max(times), leap)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the fields of each line that is not blank."""
    try:
        with path.open("rb") as stream:
            number = 0
            while line := stream.readline(_LONGEST_LINE + 1):
                number += 1
                if line.strip():
                    yield number, _fields(path, number, line)
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read ({error.strerror})") from error


def _fields(path: Path, number: int, line: bytes) -> list[str]:
    where = f"{path.name}, line {number}"
    if len(line) > _LONGEST_LINE:
        raise SourceError(f"{where}: the line is longer than {_LONGEST_LINE} bytes; this is no file of bars")
    if b"\0" in line:
        raise SourceError(f"{where}: holds a NUL byte; save the file as UTF-8 text")
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        return [field.strip() for field in next(csv.reader([text.rstrip("\r\n")], strict=True))]
    except UnicodeDecodeError as error:
        raise SourceError(f"{where}: byte {error.start + 1} is not UTF-8; save the file as UTF-8 text") from error
    except csv.Error as error:
        raise SourceError(f"{where}: is not CSV ({error})") from error


def _header(path: Path, line: tuple[int, list[str]]) -> list[str]:
    number, fields = line
    where = f"{path.name}, line {number}"
    if not fields:
        raise SourceError(f"{path.name} is empty; it needs a header such as date,open,high,low,close,volume")
    header = [re.sub(r"[ _]+", "_", field.lower()) for field in fields]
    doubled = sorted(name for name, count in Counter(header).items() if count > 1 and name)
    if doubled:
        raise SourceError(f"{where}: column {doubled[0]} is named twice")
    clocks = [name for name in ("date", "timestamp") if name in header]
    if len(clocks) == 2:
        raise SourceError(f"{where}: columns date and timestamp are both there; keep one")
    missing = [name for name in (() if clocks else ("date",)) + _REQUIRED if name not in header]
    if missing:
        hint = " (fields must be separated by commas)" if len(header) == 1 else ""
        raise SourceError(f"{where}: column {', '.join(missing)} is missing{hint}; there is {', '.join(fields)[:200]}")
    return header


def _number(path: Path, number: int, column: str, text: str) -> float | None:
    if text.lower() in _MISSING:
        return None
    if not _NUMBER.fullmatch(text) or abs(value := float(text)) == float("inf"):
        raise SourceError(
            f"{path.name}, line {number}, column {column}: {_shown(text)} is not a number (write 1234.5: a point, no thousands separator)"
        )
    return value


def _time(path: Path, number: int, column: str, text: str, timeframe: str) -> datetime:
    where = f"{path.name}, line {number}, column {column}"
    moment = _parse_time(where, text)
    if timeframe == "1d":
        if moment.time() != datetime.min.time():
            raise SourceError(f"{where}: {_shown(text)} has a time of day, but daily bars carry their date only; is the timeframe right?")
        moment = moment.replace(tzinfo=UTC)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if moment.year not in _YEARS:
        raise SourceError(f"{where}: {_shown(text)} lies in the year {moment.year}")
    return moment


def _parse_time(where: str, text: str) -> datetime:
    try:
        if (number := _EPOCH.fullmatch(text)) and not _COMPACT.fullmatch(text):
            _refuse_other_units(where, text, len(number[1]))
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(text))
        return datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise SourceError(
            f"{where}: {_shown(text)} is no time; write 2018-06-29, 2018-06-29T14:30:00+00:00 or milliseconds since 1970 as a whole number"
        ) from None


def _refuse_other_units(where: str, text: str, digits: int) -> None:
    """Only milliseconds are taken: who guesses a unit may be wrong by a thousand, and a number of so many digits hardly means another."""
    unit, cure = next(((unit, cure) for most, unit, cure in _UNITS if digits <= most), ("", ""))
    if cure:
        raise SourceError(
            f"{where}: {_shown(text)} looks like {unit} since 1970; milliseconds are needed: {cure} the whole column, "
            "or write the times as 2018-06-29T14:30:00+00:00"
        )


def _check_spacing(path: Path, times: list[datetime], timeframe: str) -> None:
    """Refuse bars that are mostly nearer to one another than the timeframe says."""
    steps = Counter(after - before for before, after in pairwise(sorted(set(times))))
    if steps and (usual := steps.most_common(1)[0][0]) < timeframe_length(timeframe):
        raise SourceError(f"{path.name}: its bars are {usual} apart, so they are no {timeframe} bars; set the timeframe")


def _adjustment(rows: pa.Table, kind: Kind) -> tuple[Adjustment, datetime | None]:
    """Scale of the prices, and the first leap of close against adjusted close."""
    if kind not in (Kind.STOCK, Kind.FUND):
        return Adjustment.NONE, None
    order = np.argsort(rows["timestamp"].to_numpy(), kind="stable")
    close, adjusted = (rows[name].to_numpy()[order] for name in ("close", "adjusted_close"))
    both = np.flatnonzero((close > 0) & (adjusted > 0))
    if not both.size:
        return Adjustment.RAW, None
    ratios = np.log(close[both]) - np.log(adjusted[both])
    around = np.pad(ratios, _ROWS_OF_A_LEVEL // 2, mode="edge")
    levels = np.median(np.lib.stride_tricks.sliding_window_view(around, _ROWS_OF_A_LEVEL), axis=1)
    leaps = np.flatnonzero(np.abs(np.diff(levels)) > np.log(_SPLIT))
    if not leaps.size:
        return Adjustment.SPLIT, None
    return Adjustment.RAW, rows["timestamp"][int(order[both[leaps[0] + 1]])].as_py()


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
