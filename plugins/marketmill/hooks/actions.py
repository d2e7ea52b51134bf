"""What a source of splits and dividends offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from include.actions import Action
from include.sources import SourceName
from include.universes import Instrument
from marketmill.outcomes import Failure


@dataclass(frozen=True)
class Actions:
    """The source answered in full; ``actions`` may well be none. ``fetched_at`` is when it answered (UTC)."""

    actions: tuple[Action, ...]
    fetched_at: datetime


ActionsOutcome = Actions | Failure


class ActionsHook(ABC):
    """A source of splits and dividends."""

    source: ClassVar[SourceName]

    @abstractmethod
    def fetch_actions(self, instrument: Instrument, start: datetime) -> ActionsOutcome:
        """Ask for the splits and dividends of one symbol from ``start`` (UTC) up to now.

        Dividends are as paid, whatever scale the source keeps them on.
        """

    def close(self) -> None:  # noqa: B027  (most sources hold nothing open)
        """Let go of what the source holds open; the next question opens it again."""
