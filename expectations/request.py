"""What is to be checked, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from include.errors import ConfigurationError
from include.months import months_between
from include.timeframes import timeframe_length
from include.universes import Instrument

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class CheckRequest:
    """Landed bars of some instruments from one source.

    ``start`` and ``end`` bound a half-open UTC interval. It is widened to whole months, so that a published month always
    follows from everything that landed for it. ``universe`` chooses the thresholds; None: those for all. ``left_out`` names by symbol
    the months that did not land whole: they keep the bars that they have, and what landed of them is not looked at. ``not_fetched``
    says by symbol, also of such that are not among the instruments, what could not be fetched and why; it is only told.

    Raises
    ------
    ConfigurationError
        If the interval or the list of instruments is empty, or the source or timeframe is no name of one.
    """

    source: str
    timeframe: str
    instruments: tuple[Instrument, ...]
    start: datetime
    end: datetime
    universe: str | None = None
    left_out: Mapping[str, Collection[str]] = field(default_factory=dict)
    not_fetched: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what cannot be checked."""
        timeframe_length(self.timeframe)
        if not _NAME.fullmatch(self.source):
            raise ConfigurationError(f"{self.source!r} is not the name of a source, for example sample or csv")
        if not self.instruments:
            raise ConfigurationError("there is nothing to check: no symbols were given")
        if not self.months:
            raise ConfigurationError(f"there is nothing to check: the start {self.start} is not before the end {self.end}")

    @property
    def months(self) -> list[str]:
        """Keys of the months that the interval touches, in order."""
        return months_between(self.start, self.end)


@dataclass(frozen=True)
class SymbolCounts:
    """Rows of one symbol: ``landed = superseded + fetched`` and ``fetched = kept + quarantined``.

    ``superseded`` rows were left out because a later answer of the same source covers their time.
    """

    landed: int
    superseded: int
    fetched: int
    kept: int
    quarantined: int


@dataclass(frozen=True)
class SymbolCoverage:
    """Bars of one symbol against its exchange's calendar, from its first bar on.

    ``refused`` of the ``missing`` bars came as rows that were refused. ``moved`` sessions were held on a day beside their date.
    ``gaps`` are the missing bars for which no row came, in words, ``refused_gaps`` the others, ``outages`` those that a known outage
    explains; they are not missing. ``begins`` and ``ends`` say where its bars begin after or end before the time asked for.
    """

    expected: int
    missing: int
    refused: int
    moved: int
    gaps: str
    refused_gaps: str
    outages: str
    begins: str
    ends: str


@dataclass(frozen=True)
class Warned:
    """Kept rows of one symbol that carry one warning: how many ``bars``, and the time of the ``first`` (ISO 8601, UTC)."""

    bars: int
    first: str


@dataclass(frozen=True)
class CheckSummary:
    """What a check found.

    ``rules`` counts the quarantined rows by the first rule they break, in the suite's order (rules that refused nothing stand
    there with 0). ``flags`` counts the kept rows by the warnings they carry, and ``warned`` says of which symbols they are, those that
    are held back among them. ``coverage`` tells by symbol what is missing, ``held`` why a symbol is held back, none of its rows being
    published as a bar, and what to do; ``not_fetched`` is that of the request. ``months`` are those with kept or quarantined rows.
    ``plan`` is the argument of :func:`expectations.checked.publish_checked`; ``plan`` and ``docs`` are paths below
    the lake's root.
    """

    run: str
    source: str
    timeframe: str
    symbols: dict[str, SymbolCounts]
    rules: dict[str, int]
    flags: dict[str, int]
    warned: dict[str, dict[str, Warned]]
    coverage: dict[str, SymbolCoverage]
    held: dict[str, str]
    not_fetched: dict[str, str]
    months: list[str]
    plan: str
    docs: str

    def total(self) -> SymbolCounts:
        """Add up the rows of all symbols."""
        counts = self.symbols.values()
        return SymbolCounts(
            landed=sum(count.landed for count in counts),
            superseded=sum(count.superseded for count in counts),
            fetched=sum(count.fetched for count in counts),
            kept=sum(count.kept for count in counts),
            quarantined=sum(count.quarantined for count in counts),
        )

    def as_dict(self) -> dict[str, Any]:
        """Tell the same as plain strings, numbers, lists and dicts, with ``total`` beside ``symbols``."""
        return asdict(self) | {"total": asdict(self.total())}
