"""The MongoDB of an Airflow connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from include.errors import ConfigurationError
from marketmill.hooks.connection_extra import read_extra
from marketmill.hooks.mongo_connection import CONNECTION, DATABASE, PORT

if TYPE_CHECKING:
    from pymongo import MongoClient

_WAIT_MILLISECONDS = 5000


class MongoHook(BaseHook):
    """Opens the MongoDB of a connection."""

    conn_name_attr = "mongo_conn_id"
    default_conn_name = CONNECTION
    conn_type = "mongo"
    hook_name = "MongoDB"

    def __init__(self, mongo_conn_id: str = CONNECTION) -> None:
        super().__init__()
        self.mongo_conn_id = mongo_conn_id

    def connected(self) -> bool:
        """Whether there is such a connection; it is not tried."""
        try:
            self.get_connection(self.mongo_conn_id)
        except AirflowNotFoundException:
            return False
        return True

    def get_conn(self) -> MongoClient[dict[str, Any]]:
        """Make a client whose default database is the connection's; to be closed by who asked for it. It connects when it is used.

        Raises
        ------
        ConfigurationError
            If a field of the connection is wrong.
        """
        from pymongo import MongoClient
        from pymongo.errors import ConfigurationError as AddressError

        connection = self.get_connection(self.mongo_conn_id)
        extra = read_extra(connection, "MongoDB", ("tls", "auth_source"))
        user: dict[str, Any] = {}
        if connection.login:
            user = {"username": connection.login, "password": connection.password, "authSource": extra.get("auth_source") or "admin"}
        try:
            return MongoClient(
                connection.host or "127.0.0.1",
                connection.port or PORT,
                tls=bool(extra.get("tls")),
                tz_aware=True,
                serverSelectionTimeoutMS=_WAIT_MILLISECONDS,
                appname="marketmill",
                **user,
            )
        except (AddressError, ValueError) as error:
            raise ConfigurationError(f"connection {self.mongo_conn_id} is no MongoDB's: {error}") from None

    def database_name(self) -> str:
        """Name of the database to write to."""
        return self.get_connection(self.mongo_conn_id).schema or DATABASE

    def test_connection(self) -> tuple[bool, str]:
        """Ask the server whether it is there."""
        from pymongo.errors import PyMongoError

        try:
            with self.get_conn() as client:
                client.admin.command("ping")
        except (PyMongoError, ConfigurationError) as error:
            return False, str(error)
        return True, "the server answers"
