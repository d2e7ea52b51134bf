"""The ``extra`` of an Airflow connection, which anybody may have written by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from include.errors import ConfigurationError

if TYPE_CHECKING:
    from airflow.sdk import Connection


def read_extra(connection: Connection, name: str, known: tuple[str, ...]) -> dict[str, Any]:
    """Read the fields; none where there is no ``extra``. What stands there is not shown: it may be a secret.

    Raises
    ------
    ConfigurationError
        If it is no JSON object (Airflow would take one that cannot be read for an empty one), or has a field that is not ``known``.
    """
    try:
        is_object = isinstance(json.loads(connection.extra or "{}"), dict)
    except (TypeError, ValueError, RecursionError):
        is_object = False
    if not is_object:
        raise ConfigurationError(f'extra of the {name} connection is no JSON object of the form {{"field": value}}')
    fields: dict[str, Any] = connection.extra_dejson
    if set(fields) - set(known):
        raise ConfigurationError(f"extra of the {name} connection has a field that is none of {', '.join(known)}")
    return fields
