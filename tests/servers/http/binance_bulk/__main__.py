"""``python -m tests.servers.http.binance_bulk --bars BTC/USDT:5m=FILE``: the stand-in as a process."""

from __future__ import annotations

import sys

from tests.servers.http.binance_bulk.server import BinanceBulkStandIn
from tests.servers.http.command_line import parser, serve


def main() -> int:
    """Run the stand-in; the exit code."""
    arguments = parser("tests.servers.http.binance_bulk", __doc__).parse_args()
    return serve(arguments, lambda bars, clock: BinanceBulkStandIn(bars, clock=clock, port=arguments.port))


if __name__ == "__main__":
    sys.exit(main())
