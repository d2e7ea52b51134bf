"""``python -m tests.servers.http.yahoo --packages --certificates FOLDER``: the stand-in as a process."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from datetime import date
from pathlib import Path

from tests.servers.common import BarStore
from tests.servers.common_clock import Clock
from tests.servers.http.command_line import parser, serve
from tests.servers.http.yahoo.instruments import Action
from tests.servers.http.yahoo.options import read_option_lines
from tests.servers.http.yahoo.server import YahooStandIn


def main() -> int:
    """Run the stand-in; the exit code."""
    options = parser("tests.servers.http.yahoo", __doc__)
    options.add_argument(
        "--certificates", type=Path, required=True, help="folder for authority.pem (REQUESTS_CA_BUNDLE); made where it is not there"
    )
    options.add_argument("--actions", action="append", default=[], metavar="SYMBOL:YYYY-MM-DD:split|dividend:VALUE")
    options.add_argument("--options", action="append", default=[], metavar="SYMBOL=FILE", help="a chain from yfinance")
    options.add_argument("--per-minute", type=int, default=120, help="requests before 429")
    options.add_argument("--pause", type=float, default=60.0, help="seconds of 429")
    arguments = options.parse_args()
    return serve(arguments, lambda bars, clock: _build(arguments, bars, clock))


def _build(arguments: argparse.Namespace, bars: BarStore, clock: Clock) -> YahooStandIn:
    actions: dict[str, list[Action]] = defaultdict(list)
    for piece in arguments.actions:
        symbol, day, kind, value = piece.split(":")
        actions[symbol].append(Action(date.fromisoformat(day), kind, float(value)))
    chains = dict(piece.split("=", 1) for piece in arguments.options)
    return YahooStandIn(
        bars,
        actions=actions,
        options={symbol: read_option_lines(Path(name)) for symbol, name in chains.items()},
        clock=clock,
        port=arguments.port,
        per_minute=arguments.per_minute,
        pause=arguments.pause,
        certificates=arguments.certificates,
    )


if __name__ == "__main__":
    sys.exit(main())
