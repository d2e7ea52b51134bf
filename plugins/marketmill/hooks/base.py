"""What every source of bars offers to the fetch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import date, datetime
from typing import ClassVar

from airflow.sdk import BaseHook

from include.landing import Interval
from include.sources import SourceName
from include.timeframes import TIMEFRAMES
from include.universes import Instrument
from marketmill.outcomes import Outcome, Unreachable


class BarsHook(BaseHook, ABC):
    """A source of bars.

    A hook owns all input and output with its source, its retries within one request and the reading of its answers; it knows
    neither the lake nor which parts of time are wanted.
    """

    source: ClassVar[SourceName]
    timeframes: ClassVar[tuple[str, ...]] = tuple(TIMEFRAMES)

    @abstractmethod
    def fetch(self, instrument: Instrument, timeframe: str, start: datetime, end: datetime) -> Outcome:
        """Ask for the bars of one symbol that open in the half-open UTC interval ``[start, end)``.

        Whatever the source does is an outcome; an exception is a fault of the hook.
        """

    def chunks(self, timeframe: str, start: datetime, end: datetime) -> Sequence[Interval]:  # noqa: ARG002
        """Split a missing interval into the parts that are fetched one by one; each lands by itself, so that none is asked for twice."""
        return [(start, end)]

    def close(self) -> None:
        """Let go of what :meth:`fetch` keeps open; it may be asked again afterwards."""
        return

    def edition(self, instrument: Instrument, timeframe: str) -> str:  # noqa: ARG002
        """Name the content behind a symbol where that can be told without a fetch, or answer with an empty string.

        Landed answers of another edition are out of date and are fetched again: a corrected file is taken at once.
        """
        return ""

    def last_day(self, instruments: Sequence[Instrument], timeframe: str) -> date | None:  # noqa: ARG002
        """Last day for which the source can have bars of ``instruments``; None for a source that goes on."""
        return None

    def tell_unused(self, instruments: Sequence[Instrument]) -> str:  # noqa: ARG002
        """Say in one sentence what the user put there for nothing, if anything, when bars of ``instruments`` alone are asked for."""
        return ""


class RemoteHook(ABC):
    """A source that is somewhere else, and may be out of reach."""

    @abstractmethod
    def reach(self) -> Unreachable | None:
        """Ask once whether anybody is there; None also where somebody answers, but not well."""
