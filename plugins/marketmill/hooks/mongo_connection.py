"""The optional Airflow connection ``mongo_default``: a MongoDB that mirrors bars and models."""

from __future__ import annotations

from typing import Any

CONNECTION = "mongo_default"
DATABASE = "trading_system"
PORT = 27017

#: How Airflow shows the connection's form; one entry of ``connection-types`` in a provider's info.
CONNECTION_TYPE: dict[str, Any] = {
    "connection-type": "mongo",
    "hook-class-name": "marketmill.hooks.mongo.MongoHook",
    "hook-name": "MongoDB",
    "ui-field-behaviour": {
        "hidden-fields": ["extra"],
        "relabeling": {"schema": "Database", "login": "User"},
        "placeholders": {"host": "127.0.0.1", "port": str(PORT), "schema": DATABASE},
    },
    "conn-fields": {
        "tls": {
            "label": "Encrypt the connection (TLS)",
            "schema": {"type": ["boolean", "null"], "default": False},
        },
        "auth_source": {
            "label": "Database that knows the user",
            "description": "Empty: admin",
            "schema": {"type": ["string", "null"]},
        },
    },
}
