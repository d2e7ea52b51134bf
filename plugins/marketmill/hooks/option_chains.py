"""What a source of option chains offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

import pyarrow as pa

from include.sources import SourceName
from include.universes import Instrument
from marketmill.hooks.base import RemoteHook
from marketmill.outcomes import ConfirmedEmpty, Failure


@dataclass(frozen=True)
class Expiries:
    """The expiries that the source lists today, oldest first, at least one."""

    listed: tuple[date, ...]


@dataclass(frozen=True)
class Chain:
    """All options of one expiry; ``rows`` has the columns of :data:`include.option_chains.OPTION_CHAIN`, at least one row.

    ``fetched_at`` is when the source answered (UTC).
    """

    rows: pa.Table
    fetched_at: datetime


ExpiriesOutcome = Expiries | ConfirmedEmpty | Failure
ChainOutcome = Chain | Failure


class OptionChainsHook(RemoteHook, ABC):
    """A source of option chains."""

    source: ClassVar[SourceName]

    @abstractmethod
    def list_expiries(self, instrument: Instrument) -> ExpiriesOutcome:
        """Ask which expiries of one symbol are listed; :class:`ConfirmedEmpty` where it has no options."""

    @abstractmethod
    def fetch_chain(self, instrument: Instrument, expiry: date) -> ChainOutcome:
        """Ask for the chain of one listed expiry."""

    def close(self) -> None:
        """Let go of what the source holds open; the next question opens it again."""
