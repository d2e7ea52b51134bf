"""From the name of a source to its hook."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from include.errors import ConfigurationError
from include.settings import settings
from include.sources import SourceName
from marketmill.hooks.base import BarsHook

if TYPE_CHECKING:
    from marketmill.quota.spending import Quota

_HOOKS = {
    SourceName.SAMPLE: ("marketmill.hooks.sample", "SampleHook"),
    SourceName.CSV: ("marketmill.hooks.csv_folder", "CsvFolderHook"),
    SourceName.YAHOO: ("marketmill.hooks.yahoo", "YahooHook"),
    SourceName.IBKR: ("marketmill.hooks.ibkr", "IbkrHook"),
    SourceName.BINANCE: ("marketmill.hooks.binance", "BinanceHook"),
}


def parse_source(name: str | None) -> SourceName:
    """Read a source's name; None is the source of the settings.

    Raises
    ------
    ConfigurationError
        If there is no such source.
    """
    if not name:
        return settings().source
    try:
        return SourceName(name)
    except ValueError:
        raise ConfigurationError(f"source {name!r} is unknown; use one of {', '.join(SourceName)}") from None


def hook_of(source: SourceName) -> type[BarsHook]:
    """Class of a source's hook; its module is imported here and not before."""
    module, name = _HOOKS[source]
    kind: type[BarsHook] = getattr(import_module(module), name)
    return kind


def open_source(source: SourceName, *, csv_folder: str | None = None, quota: Quota | None = None, client_id: int | None = None) -> BarsHook:
    """Make the hook of a source.

    A source that counts requests spends those of ``quota``, by default the ledger's without a limit of the run's own.
    ``client_id`` is the preferred one at IBKR, by default that of the connection or of the settings.

    Raises
    ------
    ConfigurationError
        If something that the source needs was not given.
    """
    needs: dict[SourceName, dict[str, Any]] = {
        SourceName.SAMPLE: {},
        SourceName.CSV: {"folder": csv_folder or settings().csv_folder},
        SourceName.IBKR: {"quota": quota, "client_id": client_id},
    }
    return hook_of(source)(**needs.get(source, {"quota": quota}))
