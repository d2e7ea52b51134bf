"""Stand-in for Binance's spot REST API, ``/api/v3``: ping, time, exchangeInfo, klines."""

from tests.servers.http.binance.server import BinanceStandIn

__all__ = ["BinanceStandIn"]
