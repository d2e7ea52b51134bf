"""The connection to MLflow: its file is made whole or not at all; a server that cannot be reached is said soon and in one sentence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from include.errors import RegistryError

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SQLITE = "sqlite:///"
#: What MLflow reads from the environment, where a user's own values win: by its own a refused connection is tried for four minutes.
_DEFAULTS = MappingProxyType(
    {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    }
)


@lru_cache(maxsize=4)
def connect(uri: str) -> MlflowClient:
    """Return the client of a registry with its tables; each of its methods raises RegistryError as :func:`reaching` does.

    Where the registry is a SQLite file, the caller is alone with it.
    """
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    if (file := sqlite_file(uri)) and not file.exists():
        _make(file)
    client = cast("MlflowClient", _Reaching(MlflowClient(tracking_uri=uri, registry_uri=uri), uri))
    client.search_registered_models(max_results=1)  # makes the tables of a server's database
    return client


def sqlite_file(uri: str) -> Path | None:
    """The file that a registry is, if it is one."""
    return Path(uri.removeprefix(_SQLITE)).absolute() if uri.startswith(_SQLITE) else None


def _make(file: Path) -> None:
    """Make a registry's file under another name first: what is left of a making that was killed, MLflow would refuse for ever."""
    from mlflow import MlflowClient

    half = file.with_name(f"{file.name}.half")
    for left in (half, half.with_name(f"{half.name}-journal")):
        left.unlink(missing_ok=True)
    uri = f"{_SQLITE}{half}"
    MlflowClient(tracking_uri=uri, registry_uri=uri).search_registered_models(max_results=1)
    half.replace(file)


@contextmanager
def reaching(uri: str) -> Iterator[None]:
    """Say in one sentence that a server did not answer; what it answers passes, errors too.

    Raises
    ------
    RegistryError
        If it cannot be reached.
    """
    from mlflow.exceptions import MlflowException
    from requests.exceptions import HTTPError, RequestException

    try:
        yield
    except (MlflowException, RequestException) as error:
        cause = error if isinstance(error, RequestException) else error.__context__
        if not isinstance(cause, RequestException) or isinstance(cause, HTTPError):
            raise
        parts = urlsplit(uri)
        address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"  # a name and a password before it are nobody's business
        raise RegistryError(
            f"the registry of models at {address} cannot be reached; start that MLflow server, or set MLFLOW_TRACKING_URI to one that runs"
        ) from None


class _Reaching:
    """A client whose methods are called inside :func:`reaching`."""

    def __init__(self, client: MlflowClient, uri: str) -> None:
        self._client = client
        self._uri = uri

    def __getattr__(self, name: str) -> Any:
        return reaching(self._uri)(getattr(self._client, name))
