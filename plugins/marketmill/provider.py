"""The forms of our connections, for Airflow, which reads them from providers and finds those by the metadata beside this package.

Airflow loads this while it is being imported itself: nothing here may import it.
"""

from __future__ import annotations

from typing import Any

from marketmill.hooks import binance_connection, ibkr_connection, mongo_connection


def get_provider_info() -> dict[str, Any]:
    """Describe the types of connections, in the form of Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "marketmill",
        "name": "Marketmill",
        "description": "Sources of market data, and a mirror of the lake.",
        "versions": ["0.1.0"],
        "connection-types": [binance_connection.CONNECTION_TYPE, ibkr_connection.CONNECTION_TYPE, mongo_connection.CONNECTION_TYPE],
    }
