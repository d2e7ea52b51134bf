"""The Airflow connection ``ibkr_default``: where TWS or IB Gateway listens. It holds no secret: the login is made in TWS itself."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.errors import ConfigurationError
from marketmill.hooks.connection_extra import read_extra

if TYPE_CHECKING:
    from airflow.sdk import Connection

CONNECTION_ID = "ibkr_default"
HOST = "127.0.0.1"
#: TWS, paper account. The others: TWS live 7496, IB Gateway paper 4002, live 4001.
PORT = 7497
TIMEOUT = 60.0
# The quota ledger gives a request up after three minutes.
_LONGEST_TIMEOUT = 150.0
_HOST = re.compile(r"[A-Za-z0-9_.\-:]{1,253}")

#: How Airflow shows the connection's form; one entry of ``connection-types`` in a provider's info.
CONNECTION_TYPE: dict[str, Any] = {
    "connection-type": "ibkr",
    "hook-class-name": "marketmill.hooks.ibkr.IbkrHook",
    "hook-name": "Interactive Brokers (TWS or IB Gateway)",
    "ui-field-behaviour": {
        "hidden-fields": ["schema", "login", "password", "extra"],
        "relabeling": {"host": "Host of TWS or IB Gateway"},
        "placeholders": {"host": HOST, "port": f"{PORT} TWS paper, 7496 TWS live, 4002 Gateway paper, 4001 Gateway live"},
    },
    "conn-fields": {
        "client_id": {
            "label": "Client id",
            "description": "Kept for Marketmill alone; parallel tasks take the ids after it. Empty: the setting training_client_id.",
            "schema": {"type": ["integer", "null"], "minimum": 1},
        },
        "timeout": {
            "label": "Timeout",
            "description": f"Seconds to wait for one answer, at most {_LONGEST_TIMEOUT:.0f}. Empty: {TIMEOUT:.0f}.",
            "schema": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": _LONGEST_TIMEOUT},
        },
    },
}


@dataclass(frozen=True)
class Gateway:
    """Where TWS or IB Gateway listens.

    Parameters
    ----------
    host, port
        Its address.
    client_id
        Preferred client id; None: the one of the settings.
    timeout
        Seconds to wait for one answer.

    Raises
    ------
    ConfigurationError
        If a field cannot be used.
    """

    host: str = HOST
    port: int = PORT
    client_id: int | None = None
    timeout: float = TIMEOUT

    def __post_init__(self) -> None:
        """Refuse what cannot be connected to."""
        if not _HOST.fullmatch(self.host):
            raise ConfigurationError("the host of the IBKR connection is neither a name nor an address")
        if not 0 < self.port < 65536:
            raise ConfigurationError(f"port {self.port} of the IBKR connection is none; TWS paper listens on {PORT}")
        if self.client_id is not None and not 0 < self.client_id < 2**31:
            raise ConfigurationError(f"client_id {self.client_id} of the IBKR connection is not a whole number from 1 to {2**31 - 1}")
        if not 0 < self.timeout <= _LONGEST_TIMEOUT:
            raise ConfigurationError(f"timeout {self.timeout} of the IBKR connection is not above 0 and up to {_LONGEST_TIMEOUT:.0f} s")

    def __str__(self) -> str:
        """The address, as it stands in messages."""
        return f"{self.host}:{self.port}"


def read_gateway(connection: Connection) -> Gateway:
    """Read an Airflow connection; empty fields take the defaults.

    Raises
    ------
    ConfigurationError
        If a field is wrong.
    """
    extra = read_extra(connection, "IBKR", ("client_id", "timeout"))
    client_id, timeout = _number(extra, "client_id"), _number(extra, "timeout")
    if client_id is not None and client_id != int(client_id):
        raise ConfigurationError("client_id of the IBKR connection is no whole number")
    return Gateway(
        host=(connection.host or HOST).strip(),
        port=PORT if connection.port is None else connection.port,
        client_id=None if client_id is None else int(client_id),
        timeout=TIMEOUT if timeout is None else timeout,
    )


def _number(extra: dict[str, Any], name: str) -> float | None:
    value = extra.get(name)
    if value is None or value == "":
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
        int(number)  # neither NaN nor infinite
    except (TypeError, ValueError, OverflowError):
        raise ConfigurationError(f"{name} of the IBKR connection is no number") from None
    return number
