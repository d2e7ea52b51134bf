"""Write what the lake holds as CSV files, one a symbol, for people who like spreadsheets; the source ``csv`` reads bars back.

python -m include.export_csv bars --timeframe 1d --symbols AAPL ^GSPC --out exports
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc

from include.csv_tables import append_csv
from include.errors import ConfigurationError, LakeError, MarketmillError
from include.held_rows import DATASETS, held_rows
from include.lake import Lake
from include.months import as_utc
from include.schemas import TIMESTAMP
from include.settings import open_lake
from include.symbols import parse_symbol, symbol_in_path
from include.timeframes import TIMEFRAMES

#: Columns by which rows are placed in time; ``timestamp`` in the others.
_TIMES = {"actions": "date", "option_chains": "fetched_at"}
#: Where what is not there comes from.
_MAKER = "the DAG backfill_market makes them"
_MAKERS = {
    "option_chains": "the DAG snapshot_option_chains makes them",
    "actions": "backfill_market fetches them from sources that tell of them, such as yahoo",
}
#: Their daily rows are surely labelled by midnight.
_CHECKED = ("bars", "features")
#: With rows of two sources a file of these would hold every bar twice.
_OF_ONE_SOURCE = ("bars", "landing")


@dataclass(frozen=True)
class Wish:
    """Rows from ``start`` up to (not including) ``end`` (UTC) of ``symbols`` (none: of all) and of ``source`` (none: of any)."""

    dataset: str
    timeframe: str = "1d"
    symbols: tuple[str, ...] = ()
    source: str | None = None
    start: datetime | None = None
    end: datetime | None = None

    def __str__(self) -> str:
        """What it is, for messages."""
        words = [*([] if self.dataset in _TIMES else [self.timeframe]), self.dataset, *([f"from {self.source}"] if self.source else [])]
        return " ".join(words)


def export_csv(lake: Lake, wish: Wish, out: Path) -> dict[str, int]:
    """Write a file for each symbol into the folder ``out``, or none at all; the rows by symbol.

    Raises
    ------
    ConfigurationError
        If a file is there already, the folder cannot be written, or a symbol has bars of several sources and none was named.
    LakeError
        If the lake holds none of what is asked for, or is damaged.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=out, prefix=".unfinished-") as folder:
            rows = _write(lake, wish, Path(folder))
            names = [f"{symbol_in_path(symbol)}.csv" for symbol in rows]
            if taken := [name for name in names if (out / name).exists()]:
                raise ConfigurationError(f"{out / taken[0]} is there already, and nothing is written over; name an empty folder")
            for name in names:
                Path(folder, name).rename(out / name)
    except OSError as error:
        raise ConfigurationError(f"the folder {out} cannot be written ({error.strerror}); name another") from error
    return rows


def _write(lake: Lake, wish: Wish, folder: Path) -> dict[str, int]:
    rows: Counter[str] = Counter()
    sources: defaultdict[str, set[str]] = defaultdict(set)
    for table in _wanted(lake, wish):
        for symbol in table["symbol"].unique().to_pylist():
            held = table.filter(pc.equal(table["symbol"], symbol))
            append_csv(folder / f"{symbol_in_path(symbol)}.csv", _for_people(held, wish))
            rows[symbol] += held.num_rows
            if wish.dataset in _OF_ONE_SOURCE:
                sources[symbol] |= set(held["source"].to_pylist())
    if not rows or (missing := [symbol for symbol in wish.symbols if symbol not in rows]):
        of = f" of {', '.join(missing)}" if rows else ""
        raise LakeError(f"the lake {lake.url} holds no {wish}{of} in this time; {_MAKERS.get(wish.dataset, _MAKER)}")
    for symbol, names in sources.items():
        if len(names) > 1:
            raise ConfigurationError(f"{symbol} has {wish} from {' and from '.join(sorted(names))}; name one of them as the source")
    return dict(rows)


def _wanted(lake: Lake, wish: Wish) -> Iterator[pa.Table]:
    """The rows, those of a symbol in the order of time."""
    time = _TIMES.get(wish.dataset, "timestamp")
    for table in held_rows(lake, wish.dataset, wish.timeframe):
        if wish.source and "source" not in table.column_names:
            raise ConfigurationError(f"{wish.dataset} are of no single source; leave the source out")
        keep = pa.chunked_array([pa.repeat(True, table.num_rows)])
        if wish.symbols:
            keep = pc.and_(keep, pc.is_in(table["symbol"], pa.array(wish.symbols, pa.string())))
        if wish.source:
            keep = pc.and_(keep, pc.equal(table["source"], wish.source))
        if wish.start:
            keep = pc.and_(keep, pc.greater_equal(table[time], pa.scalar(wish.start, TIMESTAMP)))
        if wish.end:
            keep = pc.and_(keep, pc.less(table[time], pa.scalar(wish.end, TIMESTAMP)))
        rows = table.filter(keep)
        if rows.num_rows:
            yield rows.sort_by([("symbol", "ascending"), (time, "ascending")])


def _for_people(table: pa.Table, wish: Wish) -> pa.Table:
    """Checked daily bars carry their date, and the adjusted close the name that it has in Yahoo's files."""
    if wish.timeframe == "1d" and wish.dataset in _CHECKED:
        table = table.set_column(table.column_names.index("timestamp"), "date", table["timestamp"].cast(pa.date32()))
    return table.rename_columns(["adj_close" if name == "adjusted_close" else name for name in table.column_names])


def main(arguments: Sequence[str]) -> int:
    """Obey the command line; the exit code."""
    parser = ArgumentParser(prog="python -m include.export_csv", description="Write what the lake holds as CSV files, one a symbol.")
    parser.add_argument("dataset", choices=DATASETS)
    parser.add_argument("--out", type=Path, required=True, help="folder of the files; made where it is missing")
    parser.add_argument("--timeframe", choices=TIMEFRAMES, default="1d")
    parser.add_argument("--symbols", nargs="+", default=[], help="all of them, where none is named")
    parser.add_argument("--source", help="where one symbol came from several")
    parser.add_argument("--start", help="first day, YYYY-MM-DD")
    parser.add_argument("--end", help="first day not wanted")
    given = parser.parse_args(arguments)
    try:
        symbols = tuple(parse_symbol(symbol) for symbol in given.symbols)
        wish = Wish(given.dataset, given.timeframe, symbols, given.source, _day("start", given.start), _day("end", given.end))
        rows = export_csv(open_lake(), wish, given.out)
    except MarketmillError as error:
        print(f"export_csv: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"{sum(rows.values())} rows of {len(rows)} symbols: {given.out}")  # noqa: T201
    return 0


def _day(name: str, text: str | None) -> datetime | None:
    try:
        return as_utc(datetime.fromisoformat(text)) if text else None
    except ValueError:
        raise ConfigurationError(f"{name} {text!r} is not a date of the form YYYY-MM-DD") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
