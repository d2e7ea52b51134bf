"""``python -m tests.servers.http.binance --bars BTC/USDT:5m=FILE``: the stand-in as a process, until it is interrupted."""

from __future__ import annotations

import sys

from tests.servers.http.binance.server import BinanceStandIn
from tests.servers.http.command_line import parser, serve


def main() -> int:
    """Run the stand-in; the exit code."""
    options = parser("tests.servers.http.binance", __doc__)
    options.add_argument("--delisted", action="append", default=[], metavar="SYMBOL", help="may be repeated")
    options.add_argument("--weight-limit", type=int, default=6000, help="request weight per minute")
    options.add_argument("--overruns", type=int, default=5, help="429 answers before a ban")
    options.add_argument("--first-ban", type=float, default=120.0, help="seconds")
    arguments = options.parse_args()
    return serve(
        arguments,
        lambda bars, clock: BinanceStandIn(
            bars,
            delisted=arguments.delisted,
            clock=clock,
            port=arguments.port,
            weight_limit=arguments.weight_limit,
            overruns=arguments.overruns,
            first_ban=arguments.first_ban,
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
