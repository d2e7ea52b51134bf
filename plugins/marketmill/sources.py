"""From the name of a source to its hook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.errors import ConfigurationError
from include.settings import settings
from include.sources import SourceName
from marketmill.hooks.base import BarsHook

if TYPE_CHECKING:
    from marketmill.quota.spending import Quota


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


def open_source(source: SourceName, *, csv_folder: str | None = None, quota: Quota | None = None, client_id: int | None = None) -> BarsHook:
    """Make the hook of a source; its libraries are imported here and not before.

    A source that counts requests spends those of ``quota``, by default the ledger's without a limit of the run's own.
    ``client_id`` is the preferred one at IBKR, by default that of the connection or of the settings.

    Raises
    ------
    ConfigurationError
        If something that the source needs was not given.
    """
    if source is SourceName.SAMPLE:
        from marketmill.hooks.sample import SampleHook

        return SampleHook()
    if source is SourceName.CSV:
        from marketmill.hooks.csv_folder import CsvFolderHook

        return CsvFolderHook(csv_folder or settings().csv_folder)
    if source is SourceName.YAHOO:
        from marketmill.hooks.yahoo import YahooHook

        return YahooHook(quota=quota)
    if source is SourceName.BINANCE:
        from marketmill.hooks.binance import BinanceHook

        return BinanceHook(quota=quota)
    from marketmill.hooks.ibkr import IbkrHook

    return IbkrHook(quota=quota, client_id=client_id)
