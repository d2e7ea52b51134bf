"""The list of pairs and rules that ``/exchangeInfo`` gives."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

_ORDER_TYPES = ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"]


def wire_name(symbol: str) -> str:
    """``BTCUSDT`` for ``BTC/USDT``.

    Raises
    ------
    ValueError
        If the symbol is no pair.
    """
    base, slash, quote = symbol.partition("/")
    if not (base and slash and quote):
        raise ValueError(f"{symbol!r} is no pair such as BTC/USDT")
    return base + quote


def exchange_info(symbols: Iterable[str], delisted: set[str], weight_limit: int, now: datetime) -> dict[str, Any]:
    """The whole answer; delisted pairs have status BREAK."""
    return {
        "timezone": "UTC",
        "serverTime": int(now.timestamp() * 1000),
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": weight_limit},
            {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61000},
        ],
        "exchangeFilters": [],
        "symbols": [_pair(symbol, "BREAK" if symbol in delisted else "TRADING") for symbol in symbols],
    }


def _pair(symbol: str, status: str) -> dict[str, Any]:
    base, _, quote = symbol.partition("/")
    return {
        "symbol": wire_name(symbol),
        "status": status,
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": _ORDER_TYPES,
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": "0.00000001",
                "maxPrice": "1000000.00",
                "tickSize": "0.00000001",
            },
            {"filterType": "LOT_SIZE", "minQty": "0.00000100", "maxQty": "9000000.00", "stepSize": "0.00000100"},
            {
                "filterType": "NOTIONAL",
                "minNotional": "5.00000000",
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
        ],
        "permissions": [],
        "permissionSets": [["SPOT", "MARGIN"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    }
