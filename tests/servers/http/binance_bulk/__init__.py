"""Stand-in for Binance's bulk files: zipped CSV bars by day and month, each with its checksum."""

from tests.servers.http.binance_bulk.server import BinanceBulkStandIn

__all__ = ["BinanceBulkStandIn"]
