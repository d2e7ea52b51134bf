"""Landing: every answer of a source as one immutable file, and which part of time the answers cover.

A file is never changed or deleted. Where two fetches hold the same bar, the later fetch is the source's present opinion.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.errors import ConfigurationError, LakeError
from include.lake import Lake, parquet_bytes
from include.schemas import LANDING, TIMESTAMP, conform

_METADATA_KEY = b"marketmill"
_REMEDY = "bring it back from a copy, or take it away and fetch that time again"
_STAMP = "%Y%m%dT%H%M%S%fZ"
_TIMES = ("start", "end", "fetched_at", "as_of", "history_from", "history_until")

Interval = tuple[datetime, datetime]


class Adjustment(StrEnum):
    """On which scale a source gives its prices."""

    RAW = "raw"
    """As traded on the day."""
    SPLIT = "split"
    """Adjusted for all splits up to the day of the fetch (Yahoo, IBKR TRADES)."""
    SPLIT_AND_DIVIDEND = "split_and_dividend"
    """Adjusted for splits and dividends up to the day of the fetch."""
    NONE = "none"
    """Nothing to adjust: index levels, currencies, crypto."""


@dataclass(frozen=True)
class Landed:
    """What a landing file says about itself.

    ``start`` and ``end`` bound the half-open UTC interval that was asked for; an answer covers it even where it holds no bar.
    ``as_of`` is the time up to which its prices are adjusted: the fetch, unless the source is a file made earlier.
    ``history_from`` and ``history_until``: the source itself says that it has nothing that opens before the one, or from the other on
    (not listed yet, delisted); None: it does not say, and bars that lack at an end are missing.
    Times may come in any zone and are held in UTC.

    Raises
    ------
    LakeError
        If a time has no zone, or the interval is empty.
    """

    source: str
    symbol: str
    timeframe: str
    adjustment: Adjustment
    start: datetime
    end: datetime
    fetched_at: datetime
    request: str = ""
    as_of: datetime | None = None
    history_from: datetime | None = None
    history_until: datetime | None = None

    def __post_init__(self) -> None:
        """Hold times in UTC, so that names of files sort by time."""
        if self.as_of is None:
            object.__setattr__(self, "as_of", self.fetched_at)
        for name in _TIMES:
            moment = getattr(self, name)
            if moment is None:
                continue
            if moment.tzinfo is None:
                raise LakeError(f"landing of {self.symbol} from {self.source}: {name} {moment} has no time zone")
            object.__setattr__(self, name, moment.astimezone(UTC))
        if self.start >= self.end:
            raise LakeError(f"landing of {self.symbol} from {self.source}: the interval {self.start} to {self.end} is empty")

    @property
    def without_history(self) -> list[Interval]:
        """The parts of the interval for which the source says that it has no history."""
        ends = (self.start, min(self.history_from or self.start, self.end)), (max(self.history_until or self.end, self.start), self.end)
        return [(low, high) for low, high in ends if low < high]

    @property
    def path(self) -> str:
        """Place of the file below the lake's root."""
        return f"{Lake.landing(self.source, self.timeframe, self.symbol)}/{self.fetched_at.strftime(_STAMP)}.parquet"


def write_landing(lake: Lake, landed: Landed, rows: pa.Table) -> str:
    """Store one answer (schema :data:`include.schemas.LANDING`, any number of rows, in the source's order) and return its path.

    Raises
    ------
    LakeError
        If the rows do not fit the schema, or a file of that instant is there already (landing is never rewritten).
    """
    table = conform(rows, LANDING, f"landing of {landed.symbol} from {landed.source}")
    if lake.exists(landed.path):
        raise LakeError(f"{lake.url}/{landed.path} exists already; landing is never rewritten")
    facts = {name: getattr(landed, name) for name in ("source", "symbol", "timeframe", "adjustment", "request")}
    facts |= {name: moment.isoformat() for name in _TIMES if (moment := getattr(landed, name))}
    lake.write(landed.path, parquet_bytes(table.replace_schema_metadata({_METADATA_KEY: json.dumps(facts)})))
    return landed.path


def list_landed(lake: Lake, source: str, timeframe: str, symbol: str) -> list[Landed]:
    """All answers held for a symbol, oldest fetch first."""
    folder = Lake.landing(source, timeframe, symbol)
    return [_describe(lake, f"{folder}/{name}") for name in lake.files(folder) if name.endswith(".parquet")]


def missing_intervals(wanted: Interval, covered: Iterable[Interval]) -> list[Interval]:
    """The parts of the half-open interval ``wanted`` that no interval of ``covered`` holds, in order."""
    missing, start = [], wanted[0]
    for low, high in sorted(covered):
        if high <= start:
            continue
        if low >= wanted[1]:
            break
        if low > start:
            missing.append((start, low))
        start = high
    if start < wanted[1]:
        missing.append((start, wanted[1]))
    return missing


@dataclass(frozen=True)
class LandedRows:
    """The rows of one symbol in a time range as their source gives them today.

    Columns of ``rows``: symbol, the columns of landing, source, adjustment, as_of, fetched_at, row (place in the landing file).
    Ordered as landed; duplicates within one answer are kept for the checks. ``superseded`` counts rows left out because
    a later fetch of the same source covers their time. ``empty`` are the parts of the range for which the newest answer says that
    there is nothing: it is an answer without any row, or its source's history begins later or has ended.
    """

    rows: pa.Table
    superseded: int
    empty: tuple[Interval, ...] = ()


class SymbolLanding:
    """All answers held for one symbol of one source, described once and read piece by piece.

    Attributes
    ----------
    answers
        Oldest fetch first.
    """

    def __init__(self, lake: Lake, source: str, timeframe: str, symbol: str) -> None:
        self._lake = lake
        self.answers = list_landed(lake, source, timeframe, symbol)

    def read(self, start: datetime, end: datetime, *, look_back: timedelta = timedelta(0)) -> LandedRows:
        """Rows with ``start - look_back <= timestamp < end`` (UTC), each time taken from the newest answer that covers it.

        ``superseded`` counts those from ``start`` on.
        """
        tables: list[pa.Table] = []
        empty: list[Interval] = []
        superseded = 0
        newer: list[Interval] = []
        for landed in reversed(self.answers):
            low, high = max(start - look_back, landed.start), min(end, landed.end)
            if low < high:
                held = _table_of(self._lake, landed)
                inside = is_within(held, low, high)
                fresh = _newest(held, inside, newer)
                tables.append(_with_origin(held, landed).filter(fresh))
                superseded += pc.sum(pc.and_(is_within(held, max(start, low), high), pc.invert(fresh))).as_py() or 0
                for first, last in landed.without_history if held.num_rows else [(low, high)]:
                    if (nothing := (max(first, low), min(last, high)))[0] < nothing[1]:
                        empty += missing_intervals(nothing, newer)
            newer.append((landed.start, landed.end))
        if not tables:
            return LandedRows(pa.Table.from_batches([], _ROWS), 0)
        return LandedRows(pa.concat_tables(reversed(tables)), superseded, tuple(sorted(empty)))


def read_landed(lake: Lake, source: str, timeframe: str, symbol: str, start: datetime, end: datetime) -> LandedRows:
    """:meth:`SymbolLanding.read` for one range."""
    return SymbolLanding(lake, source, timeframe, symbol).read(start, end)


_ROWS = pa.schema(
    [
        pa.field("symbol", pa.string()),
        *LANDING,
        pa.field("source", pa.string()),
        pa.field("adjustment", pa.string()),
        pa.field("as_of", TIMESTAMP),
        pa.field("fetched_at", TIMESTAMP),
        pa.field("row", pa.int64()),
    ]
)


def _table_of(lake: Lake, landed: Landed) -> pa.Table:
    return conform(lake.read_table(landed.path), LANDING, f"{lake.url}/{landed.path}")


def _newest(table: pa.Table, inside: pa.ChunkedArray, newer: list[Interval]) -> pa.ChunkedArray:
    """Which of the rows ``inside`` no newer answer covers."""
    for start, end in newer:
        inside = pc.and_(inside, pc.invert(is_within(table, start, end)))
    return inside


def _with_origin(table: pa.Table, landed: Landed) -> pa.Table:
    count = table.num_rows
    return (
        table.add_column(0, "symbol", pa.repeat(landed.symbol, count))
        .append_column("source", pa.repeat(landed.source, count))
        .append_column("adjustment", pa.repeat(landed.adjustment.value, count))
        .append_column("as_of", pa.repeat(pa.scalar(landed.as_of, TIMESTAMP), count))
        .append_column("fetched_at", pa.repeat(pa.scalar(landed.fetched_at, TIMESTAMP), count))
        .append_column("row", pa.array(np.arange(count, dtype=np.int64)))
        .cast(_ROWS)
    )


def is_within(table: pa.Table, low: datetime, high: datetime) -> pa.ChunkedArray:
    """Which rows open in the half-open interval."""
    times = table["timestamp"]
    return pc.and_(pc.greater_equal(times, pa.scalar(low, TIMESTAMP)), pc.less(times, pa.scalar(high, TIMESTAMP)))


def _describe(lake: Lake, path: str) -> Landed:
    try:
        with lake.filesystem.open_input_file(lake.full(path)) as stream:
            facts = json.loads((pq.read_schema(stream).metadata or {})[_METADATA_KEY])
        landed = Landed(
            source=facts["source"],
            symbol=facts["symbol"],
            timeframe=facts["timeframe"],
            adjustment=Adjustment(facts["adjustment"]),
            start=datetime.fromisoformat(facts["start"]),
            end=datetime.fromisoformat(facts["end"]),
            fetched_at=datetime.fromisoformat(facts["fetched_at"]),
            request=facts["request"],
            as_of=datetime.fromisoformat(facts["as_of"]),
            **{name: datetime.fromisoformat(facts[name]) for name in ("history_from", "history_until") if name in facts},
        )
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError, LakeError, ConfigurationError) as error:
        raise LakeError(f"{lake.url}/{path} is not a landing file ({error}); it was changed from outside: {_REMEDY}") from error
    if landed.path != path:
        raise LakeError(f"{lake.url}/{path} says that it is {landed.path}; it was moved from outside: {_REMEDY}")
    return landed
