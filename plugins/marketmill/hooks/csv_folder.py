"""Source ``csv``: a folder of the user's own files, one per symbol."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from include.errors import ConfigurationError, SourceError
from include.months import as_utc
from include.schemas import TIMESTAMP
from include.sources import SourceName
from include.symbols import symbol_from_path, symbol_in_path
from include.timeframes import timeframe_length
from include.universes import Instrument
from marketmill.hooks.base import BarsHook
from marketmill.hooks.csv_file import CsvFile, read_csv_file
from marketmill.outcomes import ConfirmedEmpty, Data, Outcome, Permanent

_SHOWN = 10
_PAIR = re.compile("([A-Z0-9]{2,})[-_]([A-Z]{3,5})")
_NO_NAMES = "name a file after its symbol, for example AAPL.csv"


class CsvFolderHook(BarsHook):
    """Files of a folder.

    The file of ``AAPL`` is ``AAPL.csv``, that of ``^GSPC`` is ``^GSPC.csv`` (or percent-encoded); a pair such as ``BTC/USDT``
    may be ``BTC-USDT.csv``, ``BTC_USDT.csv`` or ``BTCUSDT.csv``. Where there is none, one of an earlier name is taken.

    Raises
    ------
    ConfigurationError
        If no folder was given or it is not there.
    """

    source = SourceName.CSV

    def __init__(self, folder: str | None) -> None:
        super().__init__()
        if not folder:
            raise ConfigurationError("source csv needs csv_folder: the folder with one file per symbol, for example AAPL.csv")
        self._folder = Path(folder).expanduser()
        if not self._folder.is_dir():
            raise ConfigurationError(f"csv_folder {folder} is not a folder on this machine")

    def fetch(self, instrument: Instrument, timeframe: str, start: datetime, end: datetime) -> Outcome:
        """Take the rows of the interval out of the symbol's file; a bad file is a permanent failure.

        So is one that ends before the interval, or begins after it: that is no proof that there was nothing to trade, unless the
        universe says when the instrument was listed or delisted.
        """
        try:
            file = self._read(instrument, timeframe)
        except SourceError as error:
            return Permanent(str(error))
        if file.leap:
            self.log.warning(
                "%s: its close leaps against its adj_close on %s and stays there, as only a split does that close does not know; "
                "its prices are taken as traded",
                instrument.symbol,
                f"{file.leap:%Y-%m-%d}",
            )
        times = file.rows["timestamp"]
        inside = file.rows.filter(pc.and_(pc.greater_equal(times, pa.scalar(start, TIMESTAMP)), pc.less(times, pa.scalar(end, TIMESTAMP))))
        if not inside.num_rows:
            return _nothing(instrument, file, start, end)
        return Data(inside, file.adjustment, as_of=file.last + timeframe_length(timeframe))

    def edition(self, instrument: Instrument, timeframe: str) -> str:  # noqa: ARG002
        """Name and SHA-256 of the file: a corrected file is read again, and one that is gone is missed."""
        try:
            path = self._find(instrument)
            return f"{path.name} sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        except (SourceError, OSError):
            return "no file"

    def last_day(self, instruments: Sequence[Instrument], timeframe: str) -> date | None:
        """Last date in the files of ``instruments``; files that cannot be read say nothing."""
        days = []
        for instrument in instruments:
            try:
                days.append(self._read(instrument, timeframe).last.date())
            except SourceError as error:
                self.log.warning("%s", error)
        return max(days, default=None)

    def tell_unused(self, instruments: Sequence[Instrument]) -> str:
        """Name the CSV files of other symbols, and what to type to use them."""
        used = {name for instrument in instruments for symbol in (instrument.symbol, *instrument.aliases) for name in _file_names(symbol)}
        unused = sorted(path for path in self._folder.glob("*.csv") if path.name not in used)
        if not unused:
            return ""
        names = ", ".join(path.name for path in unused[:_SHOWN]) + (f" and {len(unused) - _SHOWN} more" if len(unused) > _SHOWN else "")
        symbols = [symbol for path in unused if (symbol := _symbol_of(path))]
        asked = {"source": "csv", "csv_folder": str(self._folder), "symbols": symbols[:_SHOWN]}
        cure = (
            f"for their bars and features: airflow dags test backfill_market --conf '{json.dumps(asked)}'; for models too, enter them in a "
            "universe, a file of include/config/universes, and run with UNIVERSE= its name"
        )
        return f"not used, since neither the universe nor symbols names what they hold: {names}; {cure if symbols else _NO_NAMES}"

    def _find(self, instrument: Instrument) -> Path:
        looked_for = []
        for symbol in (instrument.symbol, *instrument.aliases):
            names = _file_names(symbol)
            candidates = [path for name in names if (path := self._folder / name).is_file()]
            if len(candidates) > 1:
                raise SourceError(f"{' and '.join(path.name for path in candidates)} are both bars of {symbol}; keep one")
            if candidates:
                return candidates[0]
            looked_for += names
        raise SourceError(f"{self._folder} holds no file {' or '.join(looked_for)}")

    def _read(self, instrument: Instrument, timeframe: str) -> CsvFile:
        path = self._find(instrument)
        changed = path.stat()
        return _read_once(path, timeframe, instrument, changed.st_mtime_ns, changed.st_size)


def _nothing(instrument: Instrument, file: CsvFile, start: datetime, end: datetime) -> ConfirmedEmpty | Permanent:
    if instrument.listed and as_utc(instrument.listed) >= end:
        return ConfirmedEmpty(f"it was listed on {instrument.listed}")
    if instrument.delisted and as_utc(instrument.delisted) < start:
        return ConfirmedEmpty(f"it was delisted on {instrument.delisted}")
    return Permanent(
        f"its file holds {file.first:%Y-%m-%d} to {file.last:%Y-%m-%d}, no bar from {start:%Y-%m-%d} up to (not including) {end:%Y-%m-%d}; "
        "put the bars into it, or say in the universe when the symbol was listed or delisted"
    )


def _file_names(symbol: str) -> list[str]:
    names = [symbol, symbol_in_path(symbol)]
    if "/" in symbol:
        names = [symbol_in_path(symbol), *(symbol.replace("/", sign) for sign in "-_"), symbol.replace("/", "")]
    return [f"{name}.csv" for name in dict.fromkeys(names)]


def _symbol_of(path: Path) -> str:
    """Symbol that a file seems to be about; empty where its name is none."""
    try:
        found = _PAIR.fullmatch(path.stem)
        return symbol_from_path("/".join(found.groups()) if found else path.stem)
    except ConfigurationError:
        return ""


@lru_cache(maxsize=4)
def _read_once(path: Path, timeframe: str, instrument: Instrument, _mtime: int, _size: int) -> CsvFile:
    return read_csv_file(path, timeframe, instrument.kind)
