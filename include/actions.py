"""Corporate actions: splits and dividends as sources told them, append-only.

A row is never changed or deleted. Where two fetches tell of the same action, the later fetch is right; an action that never happened
is taken back by appending it with the value that does nothing (a split of 1, a dividend of 0).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

import pyarrow as pa

from include.errors import LakeError, SourceError
from include.lake import Lake, parquet_bytes
from include.months import as_utc
from include.schemas import ACTIONS, conform
from include.symbols import symbol_in_path

_STAMP = "%Y%m%dT%H%M%S%fZ"
#: Sources round what they adjust for later splits; a dividend that differs by less is the same one.
_SAME_DIVIDEND = 1e-3


class ActionKind(StrEnum):
    """What a company did to its shares."""

    SPLIT = "split"
    DIVIDEND = "dividend"


@dataclass(frozen=True, order=True)
class Action:
    """One split (``value`` = new shares per old share) or cash dividend (``value`` = currency units per share, as paid).

    ``date`` is the session on which the share first trades without it.

    Raises
    ------
    LakeError
        If the value is none: a split's must be a positive number, a dividend's not negative.
    """

    date: date
    kind: ActionKind
    value: float

    def __post_init__(self) -> None:
        """Refuse a value that would spoil every price before it."""
        if not math.isfinite(self.value) or self.value < 0 or (self.kind is ActionKind.SPLIT and self.value == 0):
            raise LakeError(f"a {self.kind} on {self.date} has the value {self.value}; it must be a positive number")

    def repeats(self, other: Action) -> bool:
        """Whether it tells the same as ``other``."""
        tolerance = _SAME_DIVIDEND if self.kind is ActionKind.DIVIDEND else 1e-9
        return (self.date, self.kind) == (other.date, other.kind) and math.isclose(self.value, other.value, rel_tol=tolerance)


def append_actions(lake: Lake, symbol: str, source: str, fetched_at: datetime, actions: Iterable[Action]) -> list[Action]:
    """Store what is not known yet, in one file, and return it; nothing new writes no file.

    Raises
    ------
    SourceError
        If the source contradicts itself.
    LakeError
        If a time has no zone, or the file cannot be written.
    """
    if fetched_at.tzinfo is None:
        raise LakeError(f"actions of {symbol} from {source}: fetched_at {fetched_at} has no time zone")
    told: dict[tuple[date, ActionKind], Action] = {}
    for action in sorted(actions):
        before = told.setdefault((action.date, action.kind), action)
        if not action.repeats(before):
            raise SourceError(
                f"{source} tells of two different {action.kind}s of {symbol} on {action.date}: {before.value}, {action.value}"
            )
    with lake.lock(lake.actions(symbol)):
        known = {(action.date, action.kind): action for action in read_actions(lake, symbol)}
        new = [action for key, action in told.items() if key not in known or not action.repeats(known[key])]
        if new:
            path = f"{lake.actions(symbol)}/{fetched_at.astimezone(UTC).strftime(_STAMP)}-{source}.parquet"
            if lake.exists(path):
                raise LakeError(f"{lake.url}/{path} exists already; actions are never rewritten")
            lake.write(path, parquet_bytes(_table(symbol, source, fetched_at, new)))
    return new


def note_told(lake: Lake, symbol: str, source: str, at: datetime) -> None:
    """Note that a source told all that it knew of a symbol's actions at a moment (UTC), be it nothing new.

    Raises
    ------
    LakeError
        If it cannot be written.
    """
    lake.write(_told(symbol, source), at.astimezone(UTC).isoformat().encode())


def told_at(lake: Lake, symbol: str, source: str) -> datetime | None:
    """When a source told of a symbol's actions last (UTC); None: never.

    Raises
    ------
    LakeError
        If the note is none.
    """
    path = _told(symbol, source)
    if not lake.exists(path):
        return None
    try:
        return datetime.fromisoformat(lake.read(path).decode())
    except ValueError as error:
        raise LakeError(f"{lake.url}/{path} is no time ({error}); delete it, and the source is asked anew") from error


def _told(symbol: str, source: str) -> str:
    # Among the actions, so that who copies or deletes them does the same to what is known about them.
    return f"actions/told-{source}-{symbol_in_path(symbol)}.txt"


def read_actions(lake: Lake, symbol: str) -> list[Action]:
    """What is known today of a symbol's actions, oldest first.

    Raises
    ------
    LakeError
        If a file is not one of actions.
    """
    newest: dict[tuple[date, ActionKind], tuple[datetime, Action]] = {}
    folder = lake.actions(symbol)
    for name in lake.files(folder):
        path = f"{folder}/{name}"
        for row in conform(lake.read_table(path), ACTIONS, f"{lake.url}/{path}").to_pylist():
            try:
                action = Action(row["date"].date(), ActionKind(row["action"]), row["value"])
            except (ValueError, LakeError) as error:
                raise LakeError(f"{lake.url}/{path}: {error}") from error
            told = (row["fetched_at"], action)
            key = (action.date, action.kind)
            newest[key] = max(newest.get(key, told), told)
    return sorted(action for _, action in newest.values())


def _table(symbol: str, source: str, fetched_at: datetime, actions: list[Action]) -> pa.Table:
    count = len(actions)
    columns = {
        "symbol": [symbol] * count,
        "date": [as_utc(action.date) for action in actions],
        "action": [action.kind.value for action in actions],
        "value": [action.value for action in actions],
        "source": [source] * count,
        "fetched_at": [fetched_at] * count,
    }
    return pa.table(columns, schema=ACTIONS)
