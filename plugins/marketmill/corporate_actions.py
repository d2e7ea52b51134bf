"""Bring the store of splits and dividends up to date."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from include.actions import append_actions, note_told, told_at
from include.errors import MarketmillError, SourceError
from include.lake import Lake
from include.landing import list_landed
from include.timeframes import TIMEFRAMES
from include.universes import Instrument, Kind
from marketmill.asking import Asking
from marketmill.hooks.actions import Actions, ActionsHook
from marketmill.outcomes import Permanent, tell

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class FetchedActions:
    """What came of one symbol; JSON-safe.

    ``new`` actions were not known, ``asked`` whether the source was; ``state`` as in :class:`marketmill.fetch.Fetched`.
    """

    symbol: str
    state: str = "complete"
    new: int = 0
    reason: str = ""
    asked: bool = True
    until: str | None = None


def fetch_actions(lake: Lake, hook: ActionsHook, instruments: Sequence[Instrument], start: datetime) -> list[FetchedActions]:
    """Ask for the actions of each share since its first landed bar, or ``start`` (UTC) where that is earlier, and store the new ones.

    A share whose actions were told since its last bars landed is not asked for again: no split is missing between them, and a run
    with few requests gets on. A symbol that fails does not stop the others. A source that wants to be left alone does, and a source
    that cannot be reached is not asked about the others.

    Raises
    ------
    LakeError
        If an action cannot be stored.
    """
    results, asking = [], Asking()
    wanted = shares(instruments)
    with closing(hook):
        for number, share in enumerate(wanted, start=1):
            is_news = asking.gone is None
            result = _fetch(lake, hook, share, start, asking)
            results.append(result)
            if is_news:
                said = result.reason or (f"{result.new} new splits and dividends" if result.asked else "told since its bars landed")
                _LOG.info("%d/%d %s: %s", number, len(wanted), share.symbol, said)
            if result.state == "rate_limited":
                break
    return results


def shares(instruments: Sequence[Instrument]) -> list[Instrument]:
    """Those that may split or pay a dividend."""
    return [instrument for instrument in instruments if instrument.kind in {Kind.STOCK, Kind.FUND}]


def _fetch(lake: Lake, hook: ActionsHook, share: Instrument, start: datetime, asking: Asking) -> FetchedActions:
    symbol, source = share.symbol, hook.source.value
    # Every split since a bar was landed has to be known, or the bar would stay on an old price scale.
    landed = [answer for timeframe in TIMEFRAMES for answer in list_landed(lake, source, timeframe, symbol)]
    told = told_at(lake, symbol, source)
    if landed and told and told >= max(answer.fetched_at for answer in landed):
        return FetchedActions(symbol, asked=False)
    first = min([start, *(answer.start for answer in landed)])
    try:
        outcome = asking.ask(symbol, partial(hook.fetch_actions, share, first))
    except MarketmillError as error:
        outcome = Permanent(str(error))
    if isinstance(outcome, Actions):
        try:
            new = append_actions(lake, symbol, source, outcome.fetched_at, outcome.actions)
        except SourceError as error:
            return FetchedActions(symbol, "permanent", reason=str(error))
        note_told(lake, symbol, source, outcome.fetched_at)
        for action in new:
            _LOG.info("%s: %s of %g on %s", symbol, action.kind, action.value, action.date)
        return FetchedActions(symbol, new=len(new))
    return FetchedActions(symbol, **tell(symbol, outcome))
