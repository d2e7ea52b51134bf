"""The Airflow connection ``binance_default``: where Binance is. Public bars need none of it, so it may be missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from include.errors import ConfigurationError
from marketmill.hooks.connection_extra import read_extra

if TYPE_CHECKING:
    from airflow.sdk import Connection

REST = "https://api.binance.com"
BULK = "https://data.binance.vision"

#: How Airflow shows the connection's form; one entry of ``connection-types`` in a provider's info.
CONNECTION_TYPE: dict[str, Any] = {
    "connection-type": "binance",
    "hook-class-name": "marketmill.hooks.binance.BinanceHook",
    "hook-name": "Binance",
    "ui-field-behaviour": {
        "hidden-fields": ["schema", "port", "extra"],
        "relabeling": {"host": "REST address", "login": "API key", "password": "API secret"},
        "placeholders": {"host": REST, "login": "not needed for bars", "password": "not needed for bars"},
    },
    "conn-fields": {
        "bulk_url": {
            "label": "Address of the bulk files",
            "description": f"Empty: {BULK}",
            "schema": {"type": ["string", "null"]},
        },
        "use_bulk": {
            "label": "Use bulk files",
            "description": "Whole months of bars up to 1h as files, which cost no request weight; off: by REST alone.",
            "schema": {"type": ["boolean", "null"], "default": True},
        },
    },
}


@dataclass(frozen=True)
class BinanceAccess:
    """Where Binance is.

    Parameters
    ----------
    rest
        Base address, without ``/api/v3``.
    bulk
        Base address of the bulk files; None: they are not used.
    key, secret
        Handed to ccxt, which sends them with no request for bars.

    Raises
    ------
    ConfigurationError
        If an address is none.
    """

    rest: str = REST
    bulk: str | None = BULK
    key: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be asked; the address itself is not shown, since a wrong one may hold a password."""
        for name, address in (("REST address", self.rest), ("address of the bulk files", self.bulk)):
            if address is not None and not _is_base(address):
                raise ConfigurationError(f"the {name} of the Binance connection is not of the form https://host or http://host:port")


def read_access(connection: Connection) -> BinanceAccess:
    """Read an Airflow connection.

    Raises
    ------
    ConfigurationError
        If a field is wrong.
    """
    extra = read_extra(connection, "Binance", ("use_bulk", "bulk_url"))
    use_bulk = extra.get("use_bulk")
    if use_bulk not in (None, "") and not isinstance(use_bulk, bool):
        raise ConfigurationError("use_bulk of the Binance connection is neither true nor false")
    return BinanceAccess(
        rest=_base(connection.host) or REST,
        bulk=None if use_bulk is False else _base(extra.get("bulk_url")) or BULK,
        key=connection.login or None,
        secret=connection.password or None,
    )


def _base(text: Any) -> str:
    return str(text or "").strip().rstrip("/").removesuffix("/api/v3")


def _is_base(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False
