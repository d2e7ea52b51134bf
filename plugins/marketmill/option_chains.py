"""Snapshots of option chains: land the chains that are wanted and not held yet."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from include.lake import Lake
from include.option_chains import LandedChain, find_chain, list_chains, write_chain
from include.universes import Instrument
from marketmill.asking import Asking
from marketmill.hooks.option_chains import Chain, Expiries, OptionChainsHook
from marketmill.outcomes import ConfirmedEmpty, Failure, Permanent, tell

_LOG = logging.getLogger(__name__)
_NEAREST = 4


@dataclass(frozen=True)
class ChainWish:
    """Chains that are wanted: those of ``expiries`` (none: of every listed one), fetched at ``since`` (UTC) or later.

    An expiry before ``today`` is over.
    """

    expiries: tuple[date, ...]
    since: datetime
    today: date


@dataclass(frozen=True)
class Snapshot:
    """What came of one symbol; JSON-safe.

    ``landed`` chains are new, ``held`` ones were in the lake and cost nothing. ``state`` is ``complete``, or the failure that stopped
    it as :func:`marketmill.outcomes.tell` tells it, with ``reason`` and ``until``; what landed before stays.
    """

    symbol: str
    state: str = "complete"
    landed: int = 0
    held: int = 0
    reason: str = ""
    until: str | None = None


def snapshot_chains(lake: Lake, hook: OptionChainsHook, instruments: Sequence[Instrument], wish: ChainWish) -> list[Snapshot]:
    """Take a snapshot of each symbol; one that fails does not stop the others.

    A source that wants to be left alone does, and a source that cannot be reached is not asked about the others.

    Raises
    ------
    SnapshotLimitError
        If the run has used up its requests.
    LakeError
        If a chain cannot be stored.
    """
    results, asking = [], Asking()
    with closing(hook):
        for number, instrument in enumerate(instruments, start=1):
            is_news = asking.gone is None
            result = snapshot_symbol(lake, hook, instrument, wish, asking)
            results.append(result)
            said = f"{result.landed} chains landed, {result.held} held already{f'; {result.reason}' if result.reason else ''}"
            if is_news or not result.reason:
                _LOG.info("%d/%d %s: %s", number, len(instruments), instrument.symbol, said)
            if result.state == "rate_limited":
                break
    return results


def is_nobody_there(results: Sequence[Snapshot]) -> bool:
    """Whether the very first question of a run found nobody to answer it."""
    open_ones = [result for result in results if result.state != "complete"]
    nobody = bool(open_ones) and all(result.state == "unreachable" for result in open_ones)
    return nobody and not any(result.landed for result in results)


def snapshot_symbol(lake: Lake, hook: OptionChainsHook, instrument: Instrument, wish: ChainWish, asking: Asking) -> Snapshot:
    """Land the chains of one symbol until one fails. A chain that is not listed any more is served by the newest one held."""
    symbol, source = instrument.symbol, hook.source.value
    fresh = {chain.expiry for chain in list_chains(lake, source, symbol, wish.since)}
    wanted = set(wish.expiries)
    held = fresh & wanted if wanted else set()
    # An expired chain can be had from nobody, so it needs no question.
    held |= {day for day in wanted - held if day < wish.today and _is_held(lake, source, symbol, day)}
    if wanted and not wanted - held:
        return Snapshot(symbol, held=len(held))
    listing = asking.ask(symbol, partial(hook.list_expiries, instrument))
    if not isinstance(listing, Expiries):
        return _failed(symbol, listing, 0, len(held))
    listed = set(listing.listed)
    if not wanted:
        wanted, held = listed, fresh & listed
    unlisted = wanted - held - listed
    held |= {day for day in unlisted if _is_held(lake, source, symbol, day)}
    landed = 0
    for expiry in sorted((wanted & listed) - held):
        chain = asking.ask(symbol, partial(hook.fetch_chain, instrument, expiry))
        if not isinstance(chain, Chain):
            return _failed(symbol, chain, landed, len(held))
        write_chain(lake, LandedChain(source, symbol, expiry, chain.fetched_at), chain.rows)
        landed += 1
    if unknown := sorted(unlisted - held):
        reason = "; ".join(_unlisted(symbol, source, expiry, listing.listed, wish.today) for expiry in unknown)
        return Snapshot(symbol, "permanent", landed, len(held), reason)
    return Snapshot(symbol, landed=landed, held=len(held))


def _is_held(lake: Lake, source: str, symbol: str, expiry: date) -> bool:
    chain = find_chain(lake, source, symbol, expiry)
    if chain is not None:
        _LOG.info("%s: the chain of %s is not listed any more; the one of %s is held", symbol, expiry, chain.fetched_at.date())
    return chain is not None


def _failed(symbol: str, outcome: ConfirmedEmpty | Failure, landed: int, held: int) -> Snapshot:
    # Somebody who wants chains of what has none has to change the wish.
    failure = Permanent(outcome.reason) if isinstance(outcome, ConfirmedEmpty) else outcome
    return Snapshot(symbol, landed=landed, held=held, **tell(symbol, failure))


def _unlisted(symbol: str, source: str, expiry: date, listed: Sequence[date], today: date) -> str:
    nearest = sorted(sorted(listed, key=lambda day: abs(day - expiry))[:_NEAREST])
    past = "is past" if expiry < today else "is not listed"
    days = ", ".join(str(day) for day in nearest)
    return f"the expiry {expiry} of {symbol} {past} and no chain of it is held; the nearest that {source} lists are {days}"
