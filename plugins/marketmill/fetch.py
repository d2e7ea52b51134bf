"""Fetch what is missing: plan a universe's symbols into batches, ask the source, land the answers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from include.errors import MarketmillError
from include.lake import Lake
from include.landing import Adjustment, Interval, Landed, list_landed, missing_intervals, write_landing
from include.months import months_between
from include.schemas import LANDING
from include.universes import Instrument, load_universe, pick_instruments
from marketmill.asking import Asking
from marketmill.hooks.base import BarsHook
from marketmill.outcomes import MAY_PASS, ConfirmedEmpty, Data, Outcome, Permanent, tell

_LOG = logging.getLogger(__name__)
_SHOWN = 60


@dataclass(frozen=True)
class FetchPlan:
    """Bars that are wanted; ``start`` and ``end`` (ISO 8601, UTC) bound a half-open interval of whole months. JSON-safe.

    With ``since`` (ISO 8601, UTC) answers that landed before it are asked for again, those after it are not: a forced fetch that
    is interrupted goes on where it was.
    """

    source: str
    universe: str
    timeframe: str
    start: str
    end: str
    symbols: list[str]
    since: str | None = None
    csv_folder: str | None = None

    @property
    def interval(self) -> Interval:
        """``start`` and ``end`` as moments."""
        return datetime.fromisoformat(self.start), datetime.fromisoformat(self.end)

    @property
    def instruments(self) -> list[Instrument]:
        """The symbols with what is known about them."""
        return pick_instruments(load_universe(self.universe), self.symbols)

    def batches(self, size: int) -> list[FetchPlan]:
        """Split into plans of at most ``size`` symbols."""
        return [replace(self, symbols=self.symbols[first : first + size]) for first in range(0, len(self.symbols), size)]

    def as_dict(self) -> dict[str, Any]:
        """Tell the same as plain values, with ``title`` for people."""
        return asdict(self) | {"title": short_list(self.symbols)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> FetchPlan:
        """Inverse of :meth:`as_dict`."""
        return cls(**{name: value for name, value in values.items() if name != "title"})


def short_list(symbols: Sequence[str]) -> str:
    """Name all of a few symbols, and of many the first and the last."""
    names = ", ".join(symbols)
    return names if len(names) <= _SHOWN else f"{symbols[0]} to {symbols[-1]} ({len(symbols)})"


@dataclass(frozen=True)
class Fetched:
    """What came of one symbol; JSON-safe.

    ``state`` is ``complete``: every part of the interval has landed, ``rows`` of it now; or a failure as
    :func:`marketmill.outcomes.tell` tells it, with ``reason`` and ``until``. What landed before it stays; ``missing`` names what did
    not, as dates in UTC, and ``months`` are those that did not land whole.
    """

    symbol: str
    state: str
    rows: int = 0
    asked: int = 0
    reason: str = ""
    until: str | None = None
    missing: str = ""
    months: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether something is missing still."""
        return self.state != "complete"

    @property
    def may_pass(self) -> bool:
        """Whether asking again later is right."""
        return self.state in MAY_PASS


def fetch_batch(lake: Lake, hook: BarsHook, plan: FetchPlan) -> list[Fetched]:
    """Fetch each symbol of a batch; one that fails does not stop the others.

    A source that wants to be left alone does, and a source that cannot be reached is not asked about the others.

    Raises
    ------
    LakeError
        If an answer cannot be stored.
    """
    results, asking = [], Asking()
    with closing(hook):
        for number, instrument in enumerate(plan.instruments, start=1):
            is_news = asking.gone is None
            result = fetch_symbol(lake, hook, plan, instrument, asking)
            results.append(result)
            said = f"{result.rows} rows landed" if result.asked else "everything has landed already"
            if is_news or not result.failed:
                _LOG.info("%d/%d %s: %s", number, len(plan.symbols), instrument.symbol, result.reason if result.failed else said)
            if result.state == "rate_limited":
                break
    return results


def fetch_symbol(lake: Lake, hook: BarsHook, plan: FetchPlan, instrument: Instrument, asking: Asking) -> Fetched:
    """Ask for each missing interval of one symbol and land the answers, until one fails."""
    edition = hook.edition(instrument, plan.timeframe)
    result = _fetch(lake, hook, plan, instrument, edition, asking)
    if not result.failed:
        return result
    gaps = _missing(lake, hook, plan, instrument, edition)
    return replace(result, missing=", ".join(_span(*gap) for gap in gaps), months=_months_of(gaps))


def _fetch(lake: Lake, hook: BarsHook, plan: FetchPlan, instrument: Instrument, edition: str, asking: Asking) -> Fetched:
    symbol, rows, asked, late = instrument.symbol, 0, 0, ""
    gaps = _missing(lake, hook, plan, instrument, edition)
    for start, end in [chunk for gap in gaps for chunk in hook.chunks(plan.timeframe, *gap)]:
        asked += 1
        outcome = _ask(asking, hook, instrument, plan.timeframe, start, end)
        if isinstance(outcome, Data | ConfirmedEmpty):
            covered = _covered(plan, outcome, end)
            landed = _landed(plan, hook, symbol, (start, covered), edition, outcome)
            table = outcome.rows if isinstance(outcome, Data) else LANDING.empty_table()
            write_landing(lake, landed, table)
            rows += table.num_rows
            if isinstance(outcome, ConfirmedEmpty):
                _LOG.info("%s: no bars from %s to %s: %s", symbol, start.date(), end.date(), outcome.reason)
            if isinstance(outcome, Data) and covered < end:
                if not outcome.late:
                    return Fetched(symbol, "transient", rows, asked, f"bars from {covered:%Y-%m-%d %H:%M} UTC on are not finished yet")
                late = outcome.late
            continue
        return Fetched(symbol, rows=rows, asked=asked, **tell(symbol, outcome))
    return Fetched(symbol, "transient" if late else "complete", rows, asked, late)


def is_anything_missing(lake: Lake, hook: BarsHook, plan: FetchPlan) -> bool:
    """Whether a source has to be asked for bars at all."""
    return any(_missing(lake, hook, plan, one, hook.edition(one, plan.timeframe)) for one in plan.instruments)


def missing_months(lake: Lake, plan: FetchPlan, symbol: str) -> list[str]:
    """Months of the plan for which there is no answer about a symbol, or not for all of their time."""
    covered = [(answer.start, answer.end) for answer in list_landed(lake, plan.source, plan.timeframe, symbol)]
    missing = missing_intervals(plan.interval, covered)
    return list(_months_of(missing))


def _months_of(intervals: Sequence[Interval]) -> tuple[str, ...]:
    return tuple(sorted({month for start, end in intervals for month in months_between(start, end)}))


def _missing(lake: Lake, hook: BarsHook, plan: FetchPlan, instrument: Instrument, edition: str) -> list[Interval]:
    landed = list_landed(lake, hook.source, plan.timeframe, instrument.symbol)
    if plan.since:
        since = datetime.fromisoformat(plan.since)
        landed = [answer for answer in landed if answer.fetched_at >= since]
    return missing_intervals(plan.interval, _answered(landed, edition))


def _answered(landed: Sequence[Landed], edition: str) -> list[Interval]:
    """Time whose newest answer is of the present edition: a file that is what it once was is read again too."""
    if not edition:
        return [(answer.start, answer.end) for answer in landed]
    answered: list[Interval] = []
    newer: list[Interval] = []
    for answer in reversed(landed):
        if answer.request == edition:
            answered += missing_intervals((answer.start, answer.end), newer)
        newer.append((answer.start, answer.end))
    return answered


def _span(start: datetime, end: datetime) -> str:
    days = (f"{moment:%Y-%m-%d %H:%M}".removesuffix(" 00:00") for moment in (start, end))
    return " to ".join(days)


def _ask(asking: Asking, hook: BarsHook, instrument: Instrument, timeframe: str, start: datetime, end: datetime) -> Outcome:
    try:
        return asking.ask(instrument.symbol, partial(hook.fetch, instrument, timeframe, start, end))
    except MarketmillError as error:
        return Permanent(str(error))


def _covered(plan: FetchPlan, outcome: Data | ConfirmedEmpty, end: datetime) -> datetime:
    """Where an answer ends: what lacks at an end that later bars follow is a hole like others."""
    if not isinstance(outcome, Data) or outcome.covers_until is None or (outcome.late and end < plan.interval[1]):
        return end
    return min(outcome.covers_until, end)


def _landed(plan: FetchPlan, hook: BarsHook, symbol: str, interval: Interval, edition: str, outcome: Data | ConfirmedEmpty) -> Landed:
    return Landed(
        source=hook.source,
        symbol=symbol,
        timeframe=plan.timeframe,
        adjustment=outcome.adjustment if isinstance(outcome, Data) else Adjustment.NONE,
        start=interval[0],
        end=interval[1],
        fetched_at=datetime.now(UTC),
        request=edition or f"{plan.timeframe} bars from {interval[0].isoformat()} to {interval[1].isoformat()}",
        as_of=outcome.as_of if isinstance(outcome, Data) else None,
        history_from=outcome.history_from if isinstance(outcome, Data) else None,
        history_until=outcome.history_until if isinstance(outcome, Data) else None,
    )
